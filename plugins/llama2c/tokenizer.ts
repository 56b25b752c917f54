import { mergeByScore } from "../../components/tokenizers/scores.ts";
import { CheckpointError } from "../../model/source.ts";
import type { ScoredPieces, Tokenizer } from "../../model/tokenizer.ts";

const BEGIN = 1, END = 2;
/** Ids 3 … 258 stand for single bytes. */
const FIRST_BYTE = 3;

/**
 * The `tokenizer.bin` of llama2.c: a SentencePiece vocabulary with scores and byte fallback.
 * https://github.com/karpathy/llama2.c/blob/master/tokenizer.py
 */
export function parseTokenizer(file: Uint8Array, vocab: number, name: string): Tokenizer {
  const pieces: string[] = [], scores: number[] = [], view = new DataView(file.buffer, file.byteOffset, file.length);
  let offset = 4; // the first word is the longest piece
  for (let id = 0; id < vocab; id++) {
    if (offset + 8 > file.length) throw tooShort(name, offset, id, vocab);
    const length = view.getInt32(offset + 4, true);
    if (length < 0 || offset + 8 + length > file.length) {
      throw new CheckpointError(
        `Cannot read ${name}: piece ${id} at byte ${offset} is ${length} bytes long, expected at most ${
          file.length - offset - 8
        }`,
      );
    }
    scores.push(view.getFloat32(offset, true));
    pieces.push(binary(file.subarray(offset + 8, offset + 8 + length)));
    offset += 8 + length;
  }
  if (offset !== file.length) {
    throw new CheckpointError(
      `Cannot read ${name}: ${file.length - offset} bytes follow the ${vocab} pieces, expected none`,
    );
  }
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const join = (left: number, right: number) => {
    const id = ids.get(pieces[left] + pieces[right]);
    return id === undefined ? undefined : { symbol: id, score: scores[id] };
  };
  const encodeAlone = (text: string) => mergeByScore(split(text, ids), join);
  return {
    vocab,
    stopIds: [BEGIN, END],
    pieces: scoredPieces(pieces, scores),
    encode: (text) => [BEGIN, ...encodeAlone(text)],
    encodeAlone,
    decode(tokens) {
      const bytes: number[] = [];
      tokens.forEach((id, i) => {
        if (id === BEGIN || id === END) return;
        const piece = pieceBytes(pieces, id);
        // The space that begins a text was added by encode().
        bytes.push(...(tokens[i - 1] === BEGIN && piece[0] === 32 ? piece.slice(1) : piece));
      });
      return new TextDecoder().decode(Uint8Array.from(bytes));
    },
  };
}

/** The vocabulary under the names that SentencePiece has for marks, which llama2.c puts on lines of their own. */
function scoredPieces(pieces: readonly string[], scores: readonly number[]): ScoredPieces {
  const marks = ["<unk>", "<s>", "</s>"], decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const text = (piece: string) => decoder.decode(Uint8Array.from(piece, (c) => c.charCodeAt(0)));
  return {
    texts: pieces.map((piece, id) => marks[id] ?? (isByte(id) ? byteName(id - FIRST_BYTE) : text(piece))),
    scores,
    kinds: pieces.map((_, id) => id === 0 ? "unknown" : id <= END ? "control" : isByte(id) ? "byte" : "normal"),
    unknown: 0,
    end: END,
  };
}

const isByte = (id: number) => id >= FIRST_BYTE && id < FIRST_BYTE + 256;
const byteName = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

/** Ids of the characters of `text`, after the space that SentencePiece puts in front; bytes where one has no piece. */
function split(text: string, ids: ReadonlyMap<string, number>): number[] {
  if (!text) return [];
  const tokens = [ids.get(" ") ?? FIRST_BYTE + 32];
  for (const char of text) {
    const bytes = new TextEncoder().encode(char), id = ids.get(binary(bytes));
    if (id !== undefined) tokens.push(id);
    else for (const byte of bytes) tokens.push(FIRST_BYTE + byte);
  }
  return tokens;
}

function pieceBytes(pieces: readonly string[], id: number): number[] {
  if (isByte(id)) return [id - FIRST_BYTE];
  return Array.from(pieces[id] ?? "", (c) => c.charCodeAt(0));
}

/** Bytes as a string of as many characters: a key for any bytes, valid UTF-8 or not. */
function binary(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => String.fromCharCode(b)).join("");
}

function tooShort(name: string, offset: number, id: number, vocab: number): CheckpointError {
  return new CheckpointError(
    `Cannot read ${name}: it ends at byte ${offset} before piece ${id}, expected ${vocab} pieces`,
  );
}
