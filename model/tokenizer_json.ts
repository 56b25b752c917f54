import { byteSymbols, WORD_PATTERN, wordPattern } from "../components/tokenizers/byte_level.ts";
import { show } from "./json.ts";
import type { TokenizerJson } from "../components/tokenizers/tokenizer.ts";
import { CheckpointError } from "./source.ts";

/** What a `tokenizer.json` says, checked: a BPE tokenizer that can be computed exactly. */
export interface BpeTables {
  /** Text of each id; characters that stand for bytes where `byteLevel`. */
  readonly tokens: readonly string[];
  /** Ids of special tokens by text. */
  readonly specials: ReadonlyMap<string, number>;
  /** Pairs of ids that become one, the first first. */
  readonly merges: readonly { readonly left: number; readonly right: number; readonly id: number }[];
  /** Tokens are bytes, not characters. */
  readonly byteLevel: boolean;
  /** Finds words, within which pairs merge; without it a whole text is one. */
  readonly words: RegExp | undefined;
  /** Instead of `words`: each in turn cuts what those before have left into its matches and what lies between. */
  readonly cuts?: readonly RegExp[];
  /** A word that is a token becomes that token, whatever merges say. */
  readonly wholeWords?: boolean;
  /** Ids of special tokens that are text: they are not left out when ids become text. */
  readonly shown?: ReadonlySet<number>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Fields whose value changes nothing here, and the values that they may have; others may not be there. */
const neutral = {
  top: { version: ["1.0"], truncation: [null], padding: [null], normalizer: [null] },
  model: {
    type: ["BPE"],
    dropout: [null, 0],
    unk_token: [null],
    continuing_subword_prefix: [null, ""],
    end_of_word_suffix: [null, ""],
    fuse_unk: [false],
    byte_fallback: [false],
    ignore_merges: [false],
  },
  added: { single_word: [false], lstrip: [false], rstrip: [false], normalized: [true, false], special: [true] },
  preTokenizer: { type: ["ByteLevel"], add_prefix_space: [false], trim_offsets: [true, false] },
  byteLevel: {
    type: ["ByteLevel"],
    add_prefix_space: [true, false],
    trim_offsets: [true, false],
    use_regex: [true, false],
  },
  split: { type: ["Split"], behavior: ["Isolated"], invert: [false] },
} as const;

/**
 * Reads a `tokenizer.json`. Throws a {@linkcode CheckpointError} that names the field if it says anything that is not
 * done here: normalizers, other patterns, unknown tokens, added ids around a text.
 */
export function readTables(json: TokenizerJson | Fields, file: string): BpeTables {
  const check = checkerOf(file), top = check.object(json, "the file");
  check.fields(top, "", neutral.top, ["added_tokens", "pre_tokenizer", "post_processor", "decoder", "model"]);
  const model = check.object(top.model, "model");
  check.fields(model, "model.", neutral.model, ["vocab", "merges"]);
  if (top.post_processor) {
    check.fields(check.object(top.post_processor, "post_processor"), "post_processor.", neutral.byteLevel, []);
  }
  const stages = readStages(top, check), vocab = check.object(model.vocab, "model.vocab");
  const added = check.list(top.added_tokens ?? [], "added_tokens").map((value, i) => {
    const at = `added_tokens[${i}]`, fields = check.object(value, at), { content, id } = fields;
    check.fields(fields, `${at}.`, neutral.added, ["id", "content"]);
    if (typeof content !== "string" || !content) throw check.wrong(`${at}.content`, show(content), "a text");
    if (fields.special !== true) throw check.wrong(`${at}.special`, "missing", "true");
    if (Object.hasOwn(vocab, content) && vocab[content] !== id) {
      throw check.wrong(`${at}.id`, show(id), `${show(vocab[content])}, which it has in model.vocab`);
    }
    return [content, id] as const;
  });
  const ids = new Map<string, unknown>([...Object.entries(vocab), ...added]), tokens: string[] = [];
  for (const [token, id] of ids) {
    if (!(typeof id === "number" && Number.isInteger(id) && id >= 0 && id < ids.size)) {
      throw check.wrong(`the id of ${show(token)}`, show(id), `a whole number below ${ids.size}, the number of tokens`);
    }
    if (tokens[id] !== undefined) {
      throw check.wrong(`the id of ${show(token)}`, `${id}`, `not that of ${show(tokens[id])}`);
    }
    tokens[id] = token;
  }
  if (!tokens.length) throw check.wrong("model.vocab", "empty", "at least one token");
  const specials = new Map(added as readonly (readonly [string, number])[]);
  if (stages.byteLevel) expectBytes(tokens, specials, vocab, check);
  return { tokens, specials, ...stages, merges: readMerges(model.merges, vocab, specials, check) };
}

/** How texts become words and tokens become text: bytes with or without GPT-2's words, or characters. */
function readStages(top: Fields, check: Checker): Pick<BpeTables, "byteLevel" | "words"> {
  const decoder = check.object(top.decoder, "decoder");
  if (top.pre_tokenizer === null || top.pre_tokenizer === undefined) {
    check.fields(decoder, "decoder.", { type: ["Fuse"] }, []);
    return { byteLevel: false, words: undefined };
  }
  check.fields(decoder, "decoder.", neutral.byteLevel, []);
  const first = check.object(top.pre_tokenizer, "pre_tokenizer");
  if (first.type !== "Sequence") {
    check.fields(first, "pre_tokenizer.", neutral.preTokenizer, ["use_regex"]);
    if (first.use_regex !== undefined && typeof first.use_regex !== "boolean") {
      throw check.wrong("pre_tokenizer.use_regex", show(first.use_regex), "true or false");
    }
    return { byteLevel: true, words: first.use_regex === false ? undefined : wordPattern() };
  }
  const at = "pre_tokenizer.pretokenizers", stages = check.list(first.pretokenizers, at);
  check.fields(first, "pre_tokenizer.", { type: ["Sequence"] }, ["pretokenizers"]);
  if (stages.length !== 2) throw check.wrong(at, `a list of ${stages.length}`, "Split, then ByteLevel");
  const split = check.object(stages[0], `${at}[0]`), bytes = check.object(stages[1], `${at}[1]`);
  check.fields(split, `${at}[0].`, neutral.split, ["pattern"]);
  const pattern = check.object(split.pattern, `${at}[0].pattern`);
  check.fields(pattern, `${at}[0].pattern.`, { Regex: [WORD_PATTERN] }, []);
  check.fields(bytes, `${at}[1].`, { ...neutral.preTokenizer, use_regex: [false] }, []);
  if (bytes.use_regex !== false) throw check.wrong(`${at}[1].use_regex`, show(bytes.use_regex), "false");
  return { byteLevel: true, words: wordPattern() };
}

/** Every byte needs a token, or text would be lost; tokens may hold nothing but bytes. */
function expectBytes(tokens: readonly string[], specials: ReadonlyMap<string, number>, vocab: Fields, check: Checker) {
  const symbols = new Set(byteSymbols);
  byteSymbols.forEach((symbol, byte) => {
    if (!Object.hasOwn(vocab, symbol) || specials.has(symbol)) {
      throw check.wrong("model.vocab", `without byte ${byte}`, show(symbol));
    }
  });
  for (const token of tokens) {
    if (!specials.has(token) && !Array.from(token).every((c) => symbols.has(c))) {
      throw check.wrong("model.vocab", `with ${show(token)}`, "characters that stand for bytes");
    }
  }
}

function readMerges(
  given: unknown,
  vocab: Fields,
  specials: ReadonlyMap<string, number>,
  check: Checker,
): BpeTables["merges"] {
  return check.list(given, "model.merges").map((merge, i) => {
    const parts = typeof merge === "string" ? merge.split(" ") : merge, field = `model.merges[${i}]`;
    if (!Array.isArray(parts) || parts.length !== 2 || !parts.every((p) => typeof p === "string" && p)) {
      throw check.wrong(field, show(merge), "two tokens");
    }
    const [left, right, id] = [parts[0], parts[1], parts[0] + parts[1]].map((token) => {
      if (!Object.hasOwn(vocab, token)) throw check.wrong(field, show(merge), `${show(token)} in model.vocab`);
      if (specials.has(token)) throw check.wrong(field, show(merge), `no merge with the special ${show(token)}`);
      return vocab[token] as number;
    });
    return { left, right, id };
  });
}

type Checker = ReturnType<typeof checkerOf>;

function checkerOf(file: string) {
  const wrong = (field: string, state: string, expected: string) =>
    new CheckpointError(`Cannot read ${file}: ${field} is ${state}, expected ${expected}`);
  return {
    wrong,
    object(value: unknown, field: string): Fields {
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
      throw wrong(field, show(value), "an object");
    },
    list(value: unknown, field: string): readonly unknown[] {
      if (Array.isArray(value)) return value;
      throw wrong(field, show(value), "a list");
    },
    /** `allowed` fields, of which the type must be there, and `others`, which are looked at elsewhere. */
    fields(object: Fields, prefix: string, allowed: Readonly<Record<string, readonly unknown[]>>, others: string[]) {
      for (const [key, value] of Object.entries(object)) {
        if (others.includes(key)) continue;
        if (!Object.hasOwn(allowed, key)) throw wrong(prefix + key, show(value), "no such field");
        if (!allowed[key].includes(value)) {
          throw wrong(
            prefix + key,
            show(value),
            allowed[key].map((v) => show(v)).join(" or "),
          );
        }
      }
      for (const key of ["type", "Regex"]) {
        if (Object.hasOwn(allowed, key) && !Object.hasOwn(object, key)) {
          throw wrong(prefix + key, "missing", show(allowed[key][0]));
        }
      }
    },
  };
}
