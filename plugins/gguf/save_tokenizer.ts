import type { Checkpoint } from "../../model/format.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { kinds } from "./vocabulary.ts";
import type { MetaValue } from "./writer.ts";

/** Metadata of a tokenizer, and what is worth knowing about it. */
export interface TokenizerMetadata {
  /** By key. */
  readonly metadata: readonly (readonly [key: string, value: MetaValue])[];
  /** What could not be kept. */
  readonly notes: readonly string[];
}

/** A `tokenizer.json`, of which nothing is known. */
type Json = Readonly<Record<string, unknown>>;

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)",
  REST = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const modern = (digits: string) => `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}|${REST}`;

/** Patterns that cut texts into words, by the names that llama.cpp has for them. */
const patterns: ReadonlyMap<unknown, string> = new Map([
  [modern("\\p{N}{1,3}"), "llama-bpe"],
  [modern("\\p{N}"), "qwen2"],
]);

/** Names of ids that end a text, in the order in which a tokenizer has them. */
const ENDS = ["eos_token_id", "eot_token_id", "eom_token_id"] as const;

/**
 * What a file says of the tokenizer of a checkpoint, and its chat templates. Only byte-level BPE by merges has a form in
 * GGUF that means the same: other tokenizers are left out, which a note says.
 */
export async function tokenizerMetadata(checkpoint: Checkpoint): Promise<TokenizerMetadata> {
  const tokenizer = await checkpoint.tokenizer();
  if (!tokenizer) return { metadata: [], notes: ["no tokenizer: the checkpoint has none"] };
  const json = tokenizer.json as unknown as Json | undefined,
    without = json ? obstacle(json, tokenizer) : "it is no BPE by merges";
  if (!json || without) return { metadata: [], notes: [`no tokenizer: ${without}`] };
  const model = json.model as { vocab: Record<string, number>; merges: readonly (string | readonly string[])[] };
  const tokens: string[] = [], types: number[] = [];
  for (const [text, id] of Object.entries(model.vocab)) [tokens[id], types[id]] = [text, kinds.normal];
  for (const { id, content, special } of addedTokens(json)) {
    [tokens[id], types[id]] = [content, special ? kinds.control : kinds.userDefined];
  }
  const { before, after } = around(tokenizer)!;
  const templates = Object.entries((await checkpoint.chat?.())?.templates ?? {});
  const notes = json.normalizer ? ["tokenizer: its normalizer (NFC) has no place in GGUF, as with llama.cpp"] : [];
  return {
    metadata: [
      ["tokenizer.ggml.model", ["text", "gpt2"]],
      ["tokenizer.ggml.pre", ["text", preOf(json)!]],
      ["tokenizer.ggml.tokens", ["list", "text", tokens]],
      ["tokenizer.ggml.token_type", ["list", "i32", types]],
      ["tokenizer.ggml.merges", ["list", "text", model.merges.map((merge) => [merge].flat().join(" "))]],
      ...before.map((id) => ["tokenizer.ggml.bos_token_id", ["u32", id]] as const),
      ...tokenizer.stopIds.slice(0, ENDS.length).map((id, i) => [`tokenizer.ggml.${ENDS[i]}`, ["u32", id]] as const),
      ["tokenizer.ggml.add_bos_token", ["bool", before.length > 0]],
      ["tokenizer.ggml.add_eos_token", ["bool", after.length > 0]],
      ...templates.map(([name, text]) =>
        [`tokenizer.chat_template${name === "default" ? "" : `.${name}`}`, ["text", text]] as const
      ),
    ],
    notes,
  };
}

/** Why metadata cannot say what a tokenizer does; `undefined` if they can. */
function obstacle(json: Json, tokenizer: Tokenizer): string | undefined {
  const model = json.model as Json, decoder = json.decoder as Json | null, normalizer = json.normalizer as Json | null;
  if (model.type !== "BPE" || decoder?.type !== "ByteLevel") return "it is no byte-level BPE by merges";
  if (normalizer && normalizer.type !== "NFC") return "its normalizer has no place in GGUF";
  const pre = preOf(json);
  if (pre === undefined) return "llama.cpp has no name for how it cuts words";
  if ((model.ignore_merges === true) !== (pre === "llama-bpe")) return `its ignore_merges is not that of ${pre}`;
  if (addedTokens(json).some(({ lstrip, rstrip, single_word }) => lstrip || rstrip || single_word)) {
    return "its added tokens take spaces along, or are whole words";
  }
  const ids = [...Object.values(model.vocab as Record<string, number>), ...addedTokens(json).map(({ id }) => id)];
  if (new Set(ids).size !== Math.max(...ids) + 1) return "its ids have gaps";
  const added = around(tokenizer);
  if (!added || (added.after.length && added.after[0] !== tokenizer.stopIds[0])) {
    return "it adds other ids around texts";
  }
  return undefined;
}

interface Added {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

const addedTokens = (json: Json) => (json.added_tokens ?? []) as readonly Added[];

/** What llama.cpp calls the way in which texts are cut into words. */
function preOf({ pre_tokenizer }: Json): string | undefined {
  const pre = pre_tokenizer as Json | null;
  if (pre?.type === "ByteLevel") return !pre.add_prefix_space && pre.use_regex !== false ? "gpt-2" : undefined;
  const [split, bytes, ...others] = (pre?.type === "Sequence" ? pre.pretokenizers : []) as readonly Json[];
  const whole = split?.type === "Split" && split.behavior === "Isolated" && !split.invert;
  if (!whole || bytes?.type !== "ByteLevel" || bytes.add_prefix_space || bytes.use_regex !== false) return undefined;
  return others.length ? undefined : patterns.get((split.pattern as Json).Regex);
}

/** The ids that a tokenizer adds before and after a text, at most one each; `undefined` if it adds others. */
function around(tokenizer: Tokenizer): { readonly before: number[]; readonly after: number[] } | undefined {
  const whole = tokenizer.encode("a"),
    alone = tokenizer.encodeAlone?.("a") ?? whole,
    extra = whole.length - alone.length;
  for (const before of [0, 1]) {
    const same = alone.every((id, i) => whole[i + before] === id);
    if (same && extra >= before && extra <= before + 1) {
      return { before: whole.slice(0, before), after: whole.slice(before + alone.length) };
    }
  }
  return undefined;
}
