import { byteSymbols } from "../components/tokenizers/byte_level.ts";
import { Heap } from "../components/tokenizers/heap.ts";
import { END_OF_TEXT, lastBreak, type TokenizerJson } from "../components/tokenizers/tokenizer.ts";
import { show } from "./json.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { type BpeTables, readTables } from "./tokenizer_json.ts";

/** Words whose ids are remembered: most of a text are words seen before. */
const REMEMBERED = 2 ** 16, LONGEST_REMEMBERED = 64;
/** More than there are positions in a text. */
const POSITIONS = 2 ** 31;

/**
 * The tokenizer of a `tokenizer.json` as the `characters`, `bytes` and `byteLevelBpe` components make them, GPT-2's
 * included; it needs no package. Special tokens within a text are found before anything else. `stopIds` is the id of
 * `<|endoftext|>`, if it has one. Lone surrogates are encoded as U+FFFD.
 *
 * Throws a {@linkcode CheckpointError} that names the field if the file asks for something that is not done here, and
 * when encoding a `RangeError` for a character that a tokenizer of characters does not have.
 *
 * @example
 * ```ts
 * import { tokenizerOf, trainTokenizer } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = tokenizerOf(await trainTokenizer("characters", "hello"));
 * assertEquals(tokenizer.encode("hole"), [1, 3, 2, 0]);
 * assertEquals(tokenizer.decode([1, 3, 2, 0]), "hole");
 * ```
 */
export function tokenizerOf(
  json: TokenizerJson | Readonly<Record<string, unknown>>,
  file = "tokenizer.json",
): Tokenizer & Required<Pick<Tokenizer, "cut" | "json">> {
  const tables = readTables(json, file), { tokens, specials } = tables, end = specials.get(END_OF_TEXT);
  const breaks = ![...specials.keys()].some((mark) => /\p{White_Space}/u.test(mark));
  return {
    vocab: tokens.length,
    stopIds: end === undefined ? [] : [end],
    ...bpeCodec(tables),
    cut: (text, from) => breaks ? lastBreak(text, from) : 0,
    json: json as TokenizerJson,
  };
}

/** Encoding and decoding by tables, wherever they are from. */
export function bpeCodec(tables: BpeTables): Pick<Tokenizer, "encode" | "decode"> {
  const { specials } = tables, encodeText = textEncoder(tables), special = anyOf([...specials.keys()]);
  return {
    encode(text) {
      const ids: number[] = [], parts = special ? text.split(special) : [text];
      for (let i = 0; i < parts.length; i++) {
        if (i % 2) ids.push(specials.get(parts[i])!);
        else encodeText(parts[i].toWellFormed(), ids);
      }
      return ids;
    },
    decode: textDecoder(tables),
  };
}

/**
 * Finds any of `texts`, the longest that begins at a place; `split` keeps what it finds. `undefined` if there are none.
 */
export function anyOf(texts: readonly string[]): RegExp | undefined {
  if (!texts.length) return undefined;
  const escaped = [...texts].sort((a, b) => b.length - a.length).map((t) => t.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`(${escaped.join("|")})`);
}

/** A function that adds the ids of a text without special tokens to a list. */
function textEncoder(tables: BpeTables): (text: string, ids: number[]) => void {
  const symbols = symbolReader(tables), merge = merger(tables), split = wordSplitter(tables), whole = wholeWord(tables);
  if (!split) {
    return (text, ids) => {
      for (const id of merge(symbols(text))) ids.push(id);
    };
  }
  const remembered = new Map<string, readonly number[]>();
  return (text, ids) => {
    for (const word of split(text)) {
      let found = remembered.get(word);
      if (!found) {
        const id = whole?.(word);
        found = id === undefined ? merge(symbols(word)) : [id];
        if (remembered.size >= REMEMBERED) remembered.clear();
        if (word.length <= LONGEST_REMEMBERED) remembered.set(word, found);
      }
      for (let i = 0; i < found.length; i++) ids.push(found[i]);
    }
  };
}

/** A function that cuts a text into words; `undefined` where a text is one. */
function wordSplitter({ words, cuts }: BpeTables): ((text: string) => readonly string[]) | undefined {
  if (cuts) {
    return (text) => cuts.reduce<readonly string[]>((parts, cut) => parts.flatMap((p) => cutBy(p, cut)), [text]);
  }
  return words && ((text) => text.match(words) ?? []);
}

/** The matches of a pattern, which are not empty, and what lies between. */
function cutBy(text: string, pattern: RegExp): string[] {
  const parts: string[] = [];
  let at = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > at) parts.push(text.slice(at, index));
    parts.push(match);
    at = index + match.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

/** A function that gives the id of a word that is a token, where that counts before merges. */
function wholeWord(
  { tokens, specials, byteLevel, wholeWords }: BpeTables,
): ((word: string) => number | undefined) | undefined {
  if (!wholeWords || !byteLevel) return undefined;
  const ids = new Map(tokens.map((token, id) => [token, id])), encoder = new TextEncoder();
  for (const special of specials.keys()) ids.delete(special);
  return (word) => ids.get(Array.from(encoder.encode(word), (byte) => byteSymbols[byte]).join(""));
}

/** A function that gives the ids of the bytes or characters of a text. */
function symbolReader({ tokens, specials, byteLevel }: BpeTables): (text: string) => number[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  for (const special of specials.keys()) ids.delete(special);
  if (byteLevel) {
    const idOf = Int32Array.from(byteSymbols, (symbol) => ids.get(symbol) ?? -1), encoder = new TextEncoder();
    return (text) =>
      Array.from(encoder.encode(text), (byte) => {
        if (idOf[byte] >= 0) return idOf[byte];
        throw new RangeError(
          `Cannot encode ${show(text)}: the tokenizer has no token for byte ${byte}, expected others only`,
        );
      });
  }
  return (text) => {
    const found: number[] = [];
    for (const character of text) {
      const id = ids.get(character);
      if (id === undefined) {
        const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
        throw new RangeError(
          `Cannot encode ${JSON.stringify(character)} (U+${code}): the tokenizer has no token for it, ` +
            `expected one of its ${ids.size} characters`,
        );
      }
      found.push(id);
    }
    return found;
  };
}

/**
 * A function that merges neighbours, the pair that was learned first and of equals the leftmost first, until none was
 * learned. A heap of candidates over a linked list: `n log n` for words of any length.
 */
function merger({ tokens, merges }: BpeTables): (ids: number[]) => number[] {
  const vocab = tokens.length, ranks = new Map(merges.map(({ left, right }, rank) => [left * vocab + right, rank]));
  if (!merges.length) return (ids) => ids;
  return (ids) => {
    const next = ids.map((_, i) => i + 1), previous = ids.map((_, i) => i - 1), length = ids.length;
    const rankAt = (at: number) =>
      at < 0 || next[at] >= length ? undefined : ranks.get(ids[at] * vocab + ids[next[at]]);
    // A candidate is rank · POSITIONS + place: the order wanted, in one exact number.
    const queue = new Heap<number>((a, b) => a < b);
    const offer = (at: number) => {
      const rank = rankAt(at);
      if (rank !== undefined) queue.push(rank * POSITIONS + at);
    };
    for (let at = 0; at < length - 1; at++) offer(at);
    for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
      const at = best % POSITIONS, rank = (best - at) / POSITIONS;
      if (ids[at] < 0 || rankAt(at) !== rank) continue; // merged into something else since
      ids[next[at]] = -1;
      ids[at] = merges[rank].id;
      next[at] = next[next[at]];
      if (next[at] < length) previous[next[at]] = at;
      offer(previous[at]);
      offer(at);
    }
    return ids.filter((id) => id >= 0);
  };
}

/** A function that gives the text of ids. Special tokens and ids that there are not give nothing. */
function textDecoder({ tokens, specials, byteLevel, shown }: BpeTables): (ids: readonly number[]) => string {
  if (!byteLevel) {
    const texts = tokens.map((token) => specials.has(token) ? "" : token);
    return (ids) => ids.map((id) => texts[id] ?? "").join("");
  }
  const byteOf = new Map(byteSymbols.map((symbol, byte) => [symbol, byte])), encoder = new TextEncoder();
  const pieces = tokens.map((token, id) => {
    if (specials.has(token)) return shown?.has(id) ? [...encoder.encode(token)] : [];
    return Array.from(token, (symbol) => byteOf.get(symbol)!);
  });
  // A mark of byte order is a character like any other: the decoder would leave it out.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return (ids) => decoder.decode(Uint8Array.from(ids.flatMap((id) => pieces[id] ?? [])));
}
