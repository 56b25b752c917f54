import { memorySource } from "../../model/source.ts";
import type { ScoredPieces, Tokenizer } from "../../model/tokenizer.ts";
import { readHeader } from "./header.ts";
import { readTokenizer } from "./tokenizer.ts";
import { type AddedToken, addedTokens, type Json, type TokenizerMetadata } from "./tokenizer_file.ts";
import { kinds } from "./vocabulary.ts";
import { filePieces, metadataEntry, type MetaValue } from "./writer.ts";

/** Stands for a space in the texts of tokens. */
const SPACE = "\u2581";
/** Most tokens whose ids are compared, and how many of them make a text. */
const COMPARED = 10_000, TOGETHER = 16;

/** A vocabulary of SentencePiece's kind as metadata has it. */
export interface Pieces {
  readonly texts: readonly string[];
  readonly scores: readonly number[];
  /** What each token is, by number. */
  readonly types: readonly number[];
  readonly unknown: number | undefined;
  /** Whether a space goes before a text. */
  readonly prefix: boolean;
  /** That space is not put where one stands already. GGUF cannot say it. */
  readonly spared: boolean;
  /** What could not be kept. */
  readonly notes: readonly string[];
}

/** Metadata of pieces, but for the ids around texts, or why llama.cpp would not take them. */
export function piecesMetadata({ texts, scores, types, unknown, prefix, notes }: Pieces): TokenizerMetadata | string {
  const bytes = new Set(texts.filter((_, id) => types[id] === kinds.byte));
  const missing = Array.from({ length: 256 }, (_, byte) => byteToken(byte)).find((token) => !bytes.has(token));
  if (missing !== undefined) return `it has no ${missing}, which llama.cpp needs`;
  const metadata: (readonly [key: string, value: MetaValue])[] = [
    ["tokenizer.ggml.model", ["text", "llama"]],
    ["tokenizer.ggml.pre", ["text", "default"]],
    ["tokenizer.ggml.tokens", ["list", "text", texts]],
    ["tokenizer.ggml.scores", ["list", "f32", scores]],
    ["tokenizer.ggml.token_type", ["list", "i32", types]],
    ["tokenizer.ggml.add_space_prefix", ["bool", prefix]],
  ];
  if (unknown !== undefined) metadata.push(["tokenizer.ggml.unknown_token_id", ["u32", unknown]]);
  return { metadata, notes };
}

const byteToken = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

/** Those of llama2.c, which has spaces as they are. */
export function piecesOf({ texts, scores, kinds: own, unknown }: ScoredPieces): Pieces {
  return {
    texts: texts.map((text, id) => own[id] === "normal" ? text.replaceAll(" ", SPACE) : text),
    scores,
    types: own.map((kind) => kinds[kind]),
    unknown,
    prefix: true,
    spared: false,
    notes: [],
  };
}

/** Whether a `tokenizer.json` is of SentencePiece's kind: BPE in which characters that are no tokens become bytes. */
export function isPieces({ model, decoder }: Json): boolean {
  const { type, byte_fallback } = model as Json;
  return type === "BPE" && byte_fallback === true && (decoder as Json | null)?.type !== "ByteLevel";
}

/** The pieces of such a file, or why there are none that mean the same. */
export function piecesOfJson(json: Json): Pieces | string {
  const model = json.model as Json, vocab = model.vocab as Readonly<Record<string, number>>;
  if (model.ignore_merges || model.dropout || model.continuing_subword_prefix || model.end_of_word_suffix) {
    return "its model has options that scores cannot say";
  }
  const spaces = spacesOf(json);
  if (typeof spaces === "string") return spaces;
  const texts: string[] = [], types: number[] = [], unknown = vocab[model.unk_token as string] as number | undefined;
  for (const [text, id] of Object.entries(vocab)) {
    [texts[id], types[id]] = [text, /^<0x[0-9A-F]{2}>$/.test(text) ? kinds.byte : kinds.normal];
  }
  for (const { id, content, special } of addedTokens(json)) {
    [texts[id], types[id]] = [content, special ? kinds.control : kinds.userDefined];
  }
  if (unknown !== undefined) types[unknown] = kinds.unknown;
  return { texts, types, unknown, ...spaces, scores: scoresOf(texts, types, model.merges as Merges) };
}

type Merges = readonly (string | readonly string[])[];

/**
 * A score for each token: the earlier the first merge that makes it, the better; the worst for what none makes. So pairs
 * merge in the order of `merges`, as long as all pairs that make a token are in it.
 */
function scoresOf(texts: readonly string[], types: readonly number[], merges: Merges): number[] {
  const scores = new Map<string, number>();
  merges.forEach((merge, rank) => {
    const text = typeof merge === "string" ? merge.replace(" ", "") : merge.join("");
    if (!scores.has(text)) scores.set(text, -1 - rank);
  });
  return texts.map((text, id) => types[id] === kinds.normal ? scores.get(text) ?? -1 - merges.length : 0);
}

/** What becomes of spaces, or what else normalizer and pre-tokenizer do. */
function spacesOf({ normalizer, pre_tokenizer }: Json): Pick<Pieces, "prefix" | "spared" | "notes"> | string {
  const steps = normalizer ? ((normalizer as Json).normalizers ?? [normalizer]) as readonly Json[] : [];
  let prefix = false, replaced = false, spared = false;
  for (const { type, prepend, pattern, content } of steps) {
    if (type === "Prepend" && prepend === SPACE) prefix = true;
    else if (type === "Replace" && (pattern as Json).String === " " && content === SPACE) replaced = true;
    else return "its normalizer has no place in GGUF";
  }
  const pre = pre_tokenizer as Json | null | undefined;
  if (pre?.type === "Metaspace" && pre.replacement === SPACE) {
    replaced = true;
    spared = pre.prepend_scheme === undefined ? pre.add_prefix_space !== false : pre.prepend_scheme !== "never";
  } else if (pre && !(pre.type === "Split" && (pre.pattern as Json).String === " " && replaced)) {
    return "llama.cpp has no name for how it cuts words";
  }
  if (!replaced) return "it leaves spaces as they are, where llama.cpp has ▁";
  const note = "tokenizer: a space goes before every text, and after every special token, as llama.cpp has it";
  return { prefix: prefix || spared, spared, notes: spared ? [note] : [] };
}

/**
 * Why `metadata` of pieces does not mean what `tokenizer` does, by what both make of the tokens: each alone, and some
 * after each other; `undefined` if nothing differs.
 */
export async function differenceOf(
  metadata: readonly (readonly [key: string, value: MetaValue])[],
  { texts, types, spared }: Pieces,
  tokenizer: Tokenizer,
): Promise<string | undefined> {
  const file = "vocabulary.gguf", parts: Uint8Array[] = [];
  for await (const piece of filePieces(metadata.map(([key, value]) => metadataEntry(key, value)), [], 32)) {
    parts.push(piece);
  }
  const source = memorySource({ [file]: new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()) }, file);
  const own = (await readTokenizer(source, await readHeader(source, file), undefined))!;
  const step = Math.ceil(texts.length / COMPARED);
  const words = texts.filter((_, id) => types[id] === kinds.normal && id % step === 0)
    .map((text) => text.replaceAll(SPACE, " "));
  const rows = Array.from(
    { length: Math.ceil(words.length / TOGETHER) },
    (_, i) => words.slice(i * TOGETHER, (i + 1) * TOGETHER).join(""),
  );
  const all = [...words, ...rows].map((text) => spared ? text.trimStart() : text);
  const odd = all.find((text) => String(own.encode(text)) !== String(tokenizer.encode(text)));
  return odd === undefined ? undefined : `scores cannot say its merges: ${JSON.stringify(odd)} would be other tokens`;
}

/** Added tokens that mean the same in GGUF: those that leave what is around them alone. */
export function plainAdded(tokens: readonly AddedToken[]): boolean {
  return !tokens.some(({ lstrip, rstrip, single_word }) => lstrip || rstrip || single_word);
}
