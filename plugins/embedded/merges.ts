import { byteLevelJson, firstTokens } from "../../components/tokenizers/byte_level.ts";
import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import { CheckpointError } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { type BpeTables, readTables } from "../../model/tokenizer_json.ts";
import { tokenizerOf } from "../../model/tokenizer_of.ts";

/** Bytes of a merge: the ids of its left and its right token, as u16. */
export const MERGE_BYTES = 4;
/** Most merges whose tokens have ids that fit. */
export const MOST_MERGES: number = 2 ** 16 - firstTokens.length;

/**
 * The merges of a byte-level BPE tokenizer, from which all of it follows: seven kilobytes for 2,048 tokens, where the
 * JSON has a hundred. Throws a {@linkcode CheckpointError} for a tokenizer of which that is not so.
 */
export function packMerges(json: TokenizerJson): Uint8Array<ArrayBuffer> {
  const { merges, ...tables } = readTables(json, "tokenizer.json");
  if (merges.length > MOST_MERGES || !follows(tables, merges)) {
    throw new CheckpointError(
      "Cannot pack tokenizer.json: it has other tokens, expected <|endoftext|>, the bytes in GPT-2's order and those " +
        `of at most ${MOST_MERGES} merges, as byteLevelBpe makes them`,
    );
  }
  const packed = new DataView(new ArrayBuffer(MERGE_BYTES * merges.length));
  merges.forEach(({ left, right }, i) => {
    packed.setUint16(MERGE_BYTES * i, left, true);
    packed.setUint16(MERGE_BYTES * i + 2, right, true);
  });
  return new Uint8Array(packed.buffer);
}

/**
 * The tokenizer of packed merges. Each text begins with the id of `<|endoftext|>`, as documents do for a model that was
 * trained on many, one after another; so an empty text is the beginning of a document.
 */
export function unpackTokenizer(packed: Uint8Array<ArrayBuffer>, file: string): Tokenizer {
  const view = new DataView(packed.buffer), count = packed.length / MERGE_BYTES;
  const merges = Array.from({ length: count }, (_, i) => ({
    left: view.getUint16(MERGE_BYTES * i, true),
    right: view.getUint16(MERGE_BYTES * i + 2, true),
  }));
  // What tells where a text may be cut is left out: each part would begin a document.
  const { cut: _, ...tokenizer } = tokenizerOf(jsonOf(merges, file), file), begin = tokenizer.stopIds[0];
  return { ...tokenizer, encode: (text) => [begin, ...tokenizer.encode(text)] };
}

/** Whether `tables` are what `merges` give. */
function follows(tables: Omit<BpeTables, "merges">, merges: BpeTables["merges"]): boolean {
  const show = ({ tokens, specials, byteLevel, words }: typeof tables) =>
    JSON.stringify([tokens, [...specials], byteLevel, words?.source]);
  try {
    return show(readTables(byteLevelJson(merges), "merges")) === show(tables);
  } catch (error) {
    if (error instanceof RangeError) return false; // merges of tokens that come later
    throw error;
  }
}

function jsonOf(merges: Parameters<typeof byteLevelJson>[0], file: string): TokenizerJson {
  try {
    return byteLevelJson(merges);
  } catch (error) {
    throw new CheckpointError(`Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}
