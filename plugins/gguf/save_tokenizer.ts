import { byteSymbols, WORD_PATTERN } from "../../components/tokenizers/byte_level.ts";
import type { Checkpoint } from "../../model/format.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import {
  differenceOf,
  isPieces,
  type Pieces,
  piecesMetadata,
  piecesOf,
  piecesOfJson,
  plainAdded,
} from "./save_pieces.ts";
import { addedTokens, type Json, type TokenizerMetadata } from "./tokenizer_file.ts";
import { kinds } from "./vocabulary.ts";
import type { MetaValue } from "./writer.ts";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)",
  REST = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const modern = (digits: string) => `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}|${REST}`;

/** Patterns that cut texts into words, by the names that llama.cpp has for them. */
const patterns: ReadonlyMap<unknown, string> = new Map([
  [modern("\\p{N}{1,3}"), "llama-bpe"],
  [modern("\\p{N}"), "qwen2"],
  [WORD_PATTERN, "gpt-2"],
]);

/** Names of ids that end a text, in the order in which a tokenizer has them. */
const ENDS = ["eos_token_id", "eot_token_id", "eom_token_id"] as const;

/**
 * What a file says of the tokenizer of a checkpoint, and its chat templates. Byte-level BPE and SentencePiece's BPE have
 * forms in GGUF that mean the same: other tokenizers are left out, which a note says.
 */
export async function tokenizerMetadata(checkpoint: Checkpoint): Promise<TokenizerMetadata> {
  const tokenizer = await checkpoint.tokenizer();
  if (!tokenizer) return without("the checkpoint has none");
  const made = await vocabularyOf(tokenizer);
  if (typeof made === "string") return without(made);
  const templates = Object.entries((await checkpoint.chat?.())?.templates ?? {});
  const chat = templates.map(([name, text]): Entry => [
    `tokenizer.chat_template${name === "default" ? "" : `.${name}`}`,
    ["text", text],
  ]);
  return { metadata: [...made.metadata, ...chat], notes: made.notes };
}

type Entry = readonly [key: string, value: MetaValue];

/** llama.cpp opens no file that says nothing of a tokenizer. */
const without = (why: string): TokenizerMetadata => ({
  metadata: [["tokenizer.ggml.model", ["text", "no_vocab"]]],
  notes: [`no tokenizer: ${why}`],
});

/** Metadata of a tokenizer, or why there are none. */
async function vocabularyOf(tokenizer: Tokenizer): Promise<TokenizerMetadata | string> {
  const json = tokenizer.json as unknown as Json | undefined, scored = tokenizer.pieces;
  if (!json && !scored) return "it is no BPE by merges or scores";
  const why = json && obstacle(json);
  if (why !== undefined) return why;
  const pieces = scored ? piecesOf(scored) : isPieces(json!) ? piecesOfJson(json!) : undefined;
  const made = pieces === undefined ? byteLevel(json!) : typeof pieces === "string" ? pieces : piecesMetadata(pieces);
  if (typeof made === "string") return made;
  const ends = endsOf(tokenizer, json && ofCharacters(json) ? Object.keys((json.model as BpeModel).vocab)[0] : "a");
  if (typeof ends === "string") return ends;
  const metadata = [...made.metadata, ...ends];
  const differs = pieces && await differenceOf(metadata, pieces as Pieces, tokenizer);
  const endless = `tokenizer: no token ends a text, and llama.cpp will take ${pieces ? 2 : 11} for one that does`;
  return differs ?? { metadata, notes: [...made.notes, ...tokenizer.stopIds.length ? [] : [endless]] };
}

/** Why metadata cannot say what a tokenizer does, of either kind; `undefined` if they may. */
function obstacle(json: Json): string | undefined {
  const model = json.model as Json, added = addedTokens(json);
  if (model.type !== "BPE") return "it is no BPE by merges or scores";
  if (!plainAdded(added)) return "its added tokens take spaces along, or are whole words";
  const ids = [...Object.values(model.vocab as Record<string, number>), ...added.map(({ id }) => id)];
  return new Set(ids).size === Math.max(...ids) + 1 ? undefined : "its ids have gaps";
}

/** Ids around a text such as `text`, or why there is no place for them. */
function endsOf(tokenizer: Tokenizer, text: string): Entry[] | string {
  const added = around(tokenizer, text), { pieces, stopIds: given } = tokenizer;
  // A text that is followed by another ends with the mark that begins it.
  const stopIds = pieces ? [pieces.end, ...given.filter((id) => id !== pieces.end)] : given;
  if (!added || (added.after.length && added.after[0] !== stopIds[0])) return "it adds other ids around texts";
  return [
    ...added.before.map((id): Entry => ["tokenizer.ggml.bos_token_id", ["u32", id]]),
    ...stopIds.slice(0, ENDS.length).map((id, i): Entry => [`tokenizer.ggml.${ENDS[i]}`, ["u32", id]]),
    ["tokenizer.ggml.add_bos_token", ["bool", added.before.length > 0]],
    ["tokenizer.ggml.add_eos_token", ["bool", added.after.length > 0]],
  ];
}

/** Metadata of byte-level BPE, but for the ids around texts, or why there are none. */
function byteLevel(given: Json): TokenizerMetadata | string {
  const json = ofCharacters(given) ? inBytes(given) : given, model = json.model as BpeModel;
  const normalizer = json.normalizer as Json | null, pre = preOf(json);
  if ((json.decoder as Json | null)?.type !== "ByteLevel") return "it is no BPE of bytes";
  if (normalizer && normalizer.type !== "NFC") return "its normalizer has no place in GGUF";
  if (pre === undefined) return "llama.cpp has no name for how it cuts words";
  if ((model.ignore_merges === true) !== (pre === "llama-bpe")) return `its ignore_merges is not that of ${pre}`;
  const tokens: string[] = [], types: number[] = [];
  for (const [text, id] of Object.entries(model.vocab)) [tokens[id], types[id]] = [text, kinds.normal];
  for (const { id, content, special } of addedTokens(json)) {
    [tokens[id], types[id]] = [content, special ? kinds.control : kinds.userDefined];
  }
  return {
    metadata: [
      ["tokenizer.ggml.model", ["text", "gpt2"]],
      ["tokenizer.ggml.pre", ["text", pre]],
      ["tokenizer.ggml.tokens", ["list", "text", tokens]],
      ["tokenizer.ggml.token_type", ["list", "i32", types]],
      ["tokenizer.ggml.merges", ["list", "text", model.merges.map((merge) => [merge].flat().join(" "))]],
    ],
    notes: normalizer ? ["tokenizer: its normalizer (NFC) has no place in GGUF, as with llama.cpp"] : [],
  };
}

type BpeModel = Json & {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (string | readonly string[])[];
};

/** Whether tokens are characters of one byte, and nothing merges. */
function ofCharacters({ decoder, pre_tokenizer, normalizer, model, added_tokens }: Json): boolean {
  const { vocab, merges } = model as BpeModel,
    added = new Set(addedTokens({ added_tokens }).map(({ content }) => content));
  const plain = (decoder as Json | null)?.type === "Fuse" && !pre_tokenizer && !normalizer && !merges.length;
  return plain && Object.keys(vocab).every((text) => added.has(text) || (text.length === 1 && text <= "\x7f"));
}

/** The same with the characters that stand for those bytes. */
function inBytes(json: Json): Json {
  const model = json.model as BpeModel, stage = { type: "ByteLevel" };
  const vocab = Object.entries(model.vocab).map(([text, id]) => [
    text.length === 1 ? byteSymbols[text.charCodeAt(0)] : text,
    id,
  ]);
  return { ...json, pre_tokenizer: stage, decoder: stage, model: { ...model, vocab: Object.fromEntries(vocab) } };
}

/** What llama.cpp calls the way in which texts are cut into words. */
function preOf({ pre_tokenizer, model }: Json): string | undefined {
  const pre = pre_tokenizer as Json | null;
  if (pre?.type === "ByteLevel" && !pre.add_prefix_space && !(model as { merges: unknown[] }).merges.length) {
    return "gpt-2"; // nothing merges: any words will do
  }
  if (pre?.type === "ByteLevel") return !pre.add_prefix_space && pre.use_regex !== false ? "gpt-2" : undefined;
  const [split, bytes, ...others] = (pre?.type === "Sequence" ? pre.pretokenizers : []) as readonly Json[];
  const whole = split?.type === "Split" && split.behavior === "Isolated" && !split.invert;
  if (!whole || bytes?.type !== "ByteLevel" || bytes.add_prefix_space || bytes.use_regex !== false) return undefined;
  return others.length ? undefined : patterns.get((split.pattern as Json).Regex);
}

/** The ids that a tokenizer adds before and after a text, at most one each; `undefined` if it adds others. */
function around(
  tokenizer: Tokenizer,
  text: string,
): { readonly before: number[]; readonly after: number[] } | undefined {
  const whole = tokenizer.encode(text),
    alone = tokenizer.encodeAlone?.(text) ?? whole,
    extra = whole.length - alone.length;
  for (const before of [0, 1]) {
    const same = alone.every((id, i) => whole[i + before] === id);
    if (same && extra >= before && extra <= before + 1) {
      return { before: whole.slice(0, before), after: whole.slice(before + alone.length) };
    }
  }
  return undefined;
}
