import { CheckpointError, type Source } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import type { BpeTables } from "../../model/tokenizer_json.ts";
import { bpeCodec } from "../../model/tokenizer_of.ts";
import type { Header } from "./header.ts";
import { piecesTokenizer } from "./pieces.ts";
import { kinds, readVocabulary, type Vocabulary } from "./vocabulary.ts";
import { preTokenizers } from "./words.ts";

const readers = { llama: piecesTokenizer, gpt2: byteLevelTokenizer } as const;

/**
 * The tokenizer of a file: SentencePiece's BPE (`tokenizer.ggml.model` is `llama`) or byte-level BPE (`gpt2`). `undefined`
 * if there is none. `rows` are those of the embedding: no token may be beyond.
 */
export async function readTokenizer(
  source: Source,
  header: Header,
  rows: number | undefined,
): Promise<Tokenizer | undefined> {
  const { file, metadata } = header, model = metadata.get("tokenizer.ggml.model");
  if (model === undefined || model === "no_vocab" || model === "none") return undefined;
  if (model !== "llama" && model !== "gpt2") {
    throw new CheckpointError(
      `Cannot read ${file}: tokenizer.ggml.model is ${JSON.stringify(model)}, expected ${
        Object.keys(readers).join(" or ")
      }`,
    );
  }
  const vocabulary = await readVocabulary(source, header), { length } = vocabulary.texts;
  if (rows !== undefined && length > rows) {
    throw vocabulary.wrong("tokens", `${length} long`, `at most ${rows}, the rows of token_embd.weight`);
  }
  return await readers[model](vocabulary, metadata.get("tokenizer.ggml.pre"));
}

/** Byte-level BPE, as GPT-2 has it, with the words that `tokenizer.ggml.pre` names. */
async function byteLevelTokenizer(vocabulary: Vocabulary, pre: unknown = "default"): Promise<Tokenizer> {
  const { texts, specials, stopIds, wrong } = vocabulary;
  const words = typeof pre === "string" ? preTokenizers.get(pre) : undefined;
  if (!words) throw wrong("pre", JSON.stringify(pre), `one of ${[...preTokenizers.keys()].join(", ")}`);
  const ids = new Map(texts.map((text, id) => [text, id]));
  const { encode: encodeAlone, decode } = bpeCodec({
    tokens: texts,
    specials,
    merges: await readMerges(vocabulary, ids),
    byteLevel: true,
    words: undefined,
    cuts: words.cuts,
    wholeWords: words.whole,
    shown: new Set(specials.values().filter((id) => vocabulary.kinds[id] === kinds.userDefined)),
  });
  const { before, after } = vocabulary.around(words.begin);
  const encode = (text: string) => [...before, ...encodeAlone(text), ...after];
  return { vocab: texts.length, stopIds, encode, encodeAlone, decode };
}

/** Pairs of tokens that become one, the first of equal pairs counting. */
async function readMerges(
  { list, wrong }: Vocabulary,
  ids: ReadonlyMap<string, number>,
): Promise<BpeTables["merges"]> {
  const merges: { left: number; right: number; id: number }[] = [], seen = new Set<string>();
  for (const [i, merge] of (await list("merges")).entries()) {
    if (seen.has(merge)) continue;
    seen.add(merge);
    const space = merge.indexOf(" ", 1), parts = [merge.slice(0, space), merge.slice(space + 1)];
    const [left, right, id] = [...parts, parts.join("")].map((text) => space < 0 ? undefined : ids.get(text));
    if (left === undefined || right === undefined || id === undefined) {
      throw wrong(`merges[${i}]`, JSON.stringify(merge), "two tokens, with one for both");
    }
    merges.push({ left, right, id });
  }
  return merges;
}
