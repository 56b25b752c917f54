import { mergeByScore } from "../../components/tokenizers/scores.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { anyOf } from "../../model/tokenizer_of.ts";
import { kinds, type Vocabulary } from "./vocabulary.ts";

/** Stands for a space in the texts of tokens. */
const SPACE = "\u2581";
/** Llama's ids, which files without fields for them mean. */
export const pieceIds = { bos_token_id: 1, eos_token_id: 2, unknown_token_id: 0 } as const;
const { bos_token_id: BEGIN, eos_token_id: END, unknown_token_id: UNKNOWN } = pieceIds;

/**
 * SentencePiece's BPE: characters merge into the tokens with the best scores; what has none becomes its bytes. A space goes
 * before each text, where the file does not say otherwise.
 * https://github.com/google/sentencepiece, https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
 */
export async function piecesTokenizer(vocabulary: Vocabulary): Promise<Tokenizer> {
  const { texts, kinds: types, specials } = vocabulary, special = anyOf([...specials.keys()]);
  const prefix = vocabulary.flag("add_space_prefix", true), { before, after } = vocabulary.around(true, BEGIN, END);
  const encodePart = partEncoder(vocabulary, await vocabulary.numbers("scores") ?? texts.map(() => 0));
  const stopIds = vocabulary.stopIds, encoder = new TextEncoder();
  const bytesOf = (id: number): ArrayLike<number> => {
    const text = texts[id] ?? "", type = types[id], byte = type === kinds.byte ? byteOf(text) : undefined;
    if (byte !== undefined) return [byte];
    if (type === kinds.control || type === kinds.unknown) return [];
    return encoder.encode(type === kinds.userDefined ? text : text.replaceAll(SPACE, " "));
  };
  const encodeAlone = (text: string) => {
    const ids: number[] = [], parts = special ? text.split(special) : [text];
    parts.forEach((part, i) => {
      if (i % 2) ids.push(specials.get(part)!);
      else if (part) encodePart(prefix ? ` ${part}` : part, ids);
    });
    return ids;
  };
  return {
    vocab: texts.length,
    stopIds: stopIds.length ? stopIds : [END],
    encode: (text) => [...before, ...encodeAlone(text), ...after],
    encodeAlone,
    decode(ids) {
      const bytes: number[] = [];
      let first = prefix; // the space before a text was added by encode()
      for (const id of ids) {
        const piece = bytesOf(id);
        for (let i = first && piece[0] === 32 ? 1 : 0; i < piece.length; i++) bytes.push(piece[i]);
        if (piece.length) first = false;
      }
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
    },
  };
}

/** A function that adds the ids of a text without special tokens to a list. */
function partEncoder({ texts, kinds: types, id }: Vocabulary, scores: readonly number[]) {
  const pieces = new Map<string, number>(), bytes: (number | undefined)[] = [], encoder = new TextEncoder();
  const unknown = id("unknown_token_id", UNKNOWN)!;
  texts.forEach((text, id) => {
    const byte = types[id] === kinds.byte ? byteOf(text) : undefined;
    if (byte !== undefined) bytes[byte] = id;
    else if (types[id] !== kinds.control && types[id] !== kinds.unknown) pieces.set(text, id);
  });
  const join = (left: string, right: string) => {
    const id = pieces.get(left + right);
    return id === undefined ? undefined : { symbol: left + right, score: scores[id] };
  };
  return (text: string, ids: number[]) => {
    for (const symbol of mergeByScore(Array.from(text.toWellFormed().replaceAll(" ", SPACE)), join)) {
      const id = pieces.get(symbol);
      if (id !== undefined) ids.push(id);
      else for (const byte of encoder.encode(symbol)) ids.push(bytes[byte] ?? unknown);
    }
  };
}

/** The byte of a token such as `<0x0A>`. */
function byteOf(text: string): number | undefined {
  const [, digits] = /^<0x([0-9A-F]{2})>$/.exec(text) ?? [];
  return digits === undefined ? undefined : parseInt(digits, 16);
}
