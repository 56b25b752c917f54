import { show } from "../../model/json.ts";
import { CheckpointError } from "../../model/source.ts";

/** What a field of a stage may be. */
type Kind = "text" | "whole" | "pattern" | "pair" | "template";
/** Fields that must be there, by type of the stage. `stages` is that of a list of further ones. */
type Stages = Readonly<Record<string, Readonly<Record<string, Kind | "stages">>>>;

const bytes = { ByteLevel: {} } as const;
/** What `@huggingface/tokenizers` knows, and what it takes for granted. */
const known: Readonly<Record<"normalizer" | "pre_tokenizer" | "post_processor" | "decoder", Stages>> = {
  normalizer: {
    BertNormalizer: {},
    Precompiled: {},
    Sequence: { normalizers: "stages" },
    Replace: { pattern: "pattern", content: "text" },
    NFC: {},
    NFD: {},
    NFKC: {},
    NFKD: {},
    Strip: {},
    StripAccents: {},
    Lowercase: {},
    Prepend: { prepend: "text" },
  },
  pre_tokenizer: {
    ...bytes,
    BertPreTokenizer: {},
    Sequence: { pretokenizers: "stages" },
    Whitespace: {},
    WhitespaceSplit: {},
    Metaspace: { replacement: "text" },
    Split: { pattern: "pattern", behavior: "text" },
    Punctuation: {},
    Digits: {},
    Replace: { pattern: "pattern", content: "text" },
    FixedLength: { length: "whole" },
  },
  post_processor: {
    ...bytes,
    TemplateProcessing: { single: "template" },
    BertProcessing: { sep: "pair", cls: "pair" },
    RobertaProcessing: { sep: "pair", cls: "pair" },
    Sequence: { processors: "stages" },
  },
  decoder: {
    ...bytes,
    WordPiece: { prefix: "text" },
    Metaspace: { replacement: "text" },
    BPEDecoder: { suffix: "text" },
    CTC: { pad_token: "text", word_delimiter_token: "text" },
    Sequence: { decoders: "stages" },
    Replace: { pattern: "pattern", content: "text" },
    Fuse: {},
    Strip: { content: "text" },
    ByteFallback: {},
  },
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * Throws a {@linkcode CheckpointError} that names the field unless a `tokenizer.json` is made as the library takes for
 * granted, which says of others that something "is not iterable".
 * https://huggingface.co/docs/tokenizers/api/tokenizer
 */
export function expectTokenizer(json: Fields, file: string): void {
  const wrong = (field: string, value: unknown, expected: string) =>
    new CheckpointError(
      `Cannot read ${file}: ${field} is ${value === undefined ? "missing" : show(value)}, expected ${expected}`,
    );

  function stage(value: unknown, at: string, stages: Stages): void {
    const { type } = isObject(value) ? value : {};
    if (typeof type !== "string" || !Object.hasOwn(stages, type)) {
      throw wrong(
        isObject(value) ? `${at}.type` : at,
        isObject(value) ? type : value,
        Object.keys(stages).join(" or "),
      );
    }
    for (const [name, kind] of Object.entries(stages[type])) {
      const field = (value as Fields)[name], where = `${at}.${name}`;
      if (kind !== "stages") expectKind(field, where, kind);
      else {
        if (!Array.isArray(field)) throw wrong(where, field, "a list");
        for (const [i, inner] of field.entries()) stage(inner, `${where}[${i}]`, stages);
      }
    }
  }

  function expectKind(value: unknown, at: string, kind: Kind): void {
    if (kind === "text" && typeof value !== "string") throw wrong(at, value, "a text");
    if (kind === "whole" && !isWhole(value, 1)) throw wrong(at, value, "a whole number from 1");
    if (kind === "pair" && !(Array.isArray(value) && typeof value[0] === "string" && isWhole(value[1]))) {
      throw wrong(at, value, "a token and its id");
    }
    if (kind === "pattern") expectPattern(value, at);
    if (kind === "template") expectTemplate(value, at);
  }

  function expectPattern(value: unknown, at: string): void {
    const { String: text, Regex: regex } = isObject(value) ? value : {};
    if (typeof text !== "string" && typeof regex !== "string") throw wrong(at, value, `a "String" or a "Regex"`);
  }

  function expectTemplate(value: unknown, at: string): void {
    if (!Array.isArray(value)) throw wrong(at, value, "a list");
    for (const [i, piece] of value.entries()) {
      const { SpecialToken: token, Sequence: sequence } = isObject(piece) ? piece : {};
      if (isObject(sequence) || (isObject(token) && typeof token.id === "string")) continue;
      throw wrong(`${at}[${i}]`, piece, `a "Sequence", or a "SpecialToken" with its text as id`);
    }
  }

  for (const [at, stages] of Object.entries(known)) {
    const value = json[at];
    if (value !== null) stage(value, at, stages);
  }
  const added = expectAdded(json.added_tokens, wrong);
  expectModel(json.model, added, wrong);
}

type Wrong = (field: string, value: unknown, expected: string) => CheckpointError;

function expectModel(model: unknown, added: ReadonlySet<string>, wrong: Wrong): void {
  if (!isObject(model)) throw wrong("model", model, "an object");
  const { type, vocab, merges, unk_id: unknown, unk_token: unknownToken } = model;
  if (type !== undefined && type !== null && type !== "BPE" && type !== "WordPiece" && type !== "Unigram") {
    throw wrong("model.type", type, "BPE or WordPiece or Unigram");
  }
  if (type === "Unigram") return expectPieces(vocab, unknown, wrong);
  if (!isObject(vocab)) throw wrong("model.vocab", vocab, "an object");
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(vocab)) {
    // Messages are made where they are needed: vocabularies have a hundred thousand tokens.
    if (!isWhole(id)) throw wrong(`the id of ${show(token)}`, id, "a whole number from 0");
    if (tokens[id] !== undefined) throw wrong(`the id of ${show(token)}`, id, `not that of ${show(tokens[id])}`);
    tokens[id] = token;
  }
  if (typeof unknownToken === "string" && !Object.hasOwn(vocab, unknownToken) && !added.has(unknownToken)) {
    throw wrong("model.unk_token", unknownToken, "a token");
  }
  if (type === "WordPiece") {
    for (const field of ["unk_token", "continuing_subword_prefix"]) {
      if (typeof model[field] !== "string") throw wrong(`model.${field}`, model[field], "a text");
    }
    return;
  }
  if (!Array.isArray(merges)) throw wrong("model.merges", merges, "a list");
  const lists = Array.isArray(merges[0]);
  for (const [i, merge] of merges.entries()) {
    if (!(lists ? isPair(merge) : isJoinedPair(merge))) throw wrong(`model.merges[${i}]`, merge, "two tokens");
  }
}

function isPair(merge: unknown): boolean {
  return Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string" && part !== "");
}

function isJoinedPair(merge: unknown): boolean {
  if (typeof merge !== "string") return false;
  const space = merge.indexOf(" ");
  return space > 0 && space < merge.length - 1 && merge.indexOf(" ", space + 1) < 0;
}

function expectPieces(vocab: unknown, unknown: unknown, wrong: Wrong): void {
  if (!Array.isArray(vocab) || !vocab.length) throw wrong("model.vocab", vocab, "a list of tokens and scores");
  for (const [i, entry] of vocab.entries()) {
    const good = Array.isArray(entry) && typeof entry[0] === "string" && Number.isFinite(entry[1]);
    if (!good) throw wrong(`model.vocab[${i}]`, entry, "a token and its score");
  }
  if (!isWhole(unknown) || unknown >= vocab.length) {
    throw wrong("model.unk_id", unknown, `a whole number below ${vocab.length}, the number of tokens`);
  }
}

function expectAdded(added: unknown, wrong: Wrong): ReadonlySet<string> {
  const texts = new Set<string>();
  if (!Array.isArray(added)) throw wrong("added_tokens", added, "a list");
  for (const [i, token] of added.entries()) {
    const { content, id } = isObject(token) ? token : {};
    if (typeof content !== "string" || !content) throw wrong(`added_tokens[${i}].content`, content, "a text");
    if (!isWhole(id)) throw wrong(`added_tokens[${i}].id`, id, "a whole number from 0");
    texts.add(content);
  }
  return texts;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, least = 0): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) < 2 ** 31;
}
