import type { Json } from "../options.ts";
import { bpeJson, END_OF_TEXT, type TokenizerJson } from "./tokenizer.ts";

/** GPT-2's words: contractions, letters, numbers and other characters, each with the space before it; white space. */
export const WORD_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The same for JavaScript, or another pattern of that kind. JavaScript's `\s` differs: Hugging Face's library takes U+0085
 * for white space, U+FEFF for none. Every character is in some match of GPT-2's. Has the flag `g`: not to be shared between
 * loops that overlap.
 */
export function wordPattern(pattern: string = WORD_PATTERN): RegExp {
  return new RegExp(pattern.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"), "gu");
}

/**
 * The character that stands for each byte in a vocabulary: itself where it can be seen, else one from U+0100 on.
 * https://github.com/openai/gpt-2/blob/master/src/encoder.py
 */
export const byteSymbols: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const invisible = (b: number) => b < 33 || (b > 126 && b < 161) || b === 173;
  if (!invisible(byte)) return String.fromCharCode(byte);
  let before = 0;
  for (let b = 0; b < byte; b++) if (invisible(b)) before++;
  return String.fromCharCode(256 + before);
});

/** What the format calls the step from text to bytes, and back. */
export const byteLevelStage: Readonly<Record<string, Json>> = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};

/** The tokens before any merge: `<|endoftext|>`, and the bytes in GPT-2's order, which Hugging Face's trainer has too. */
export const firstTokens: readonly string[] = [END_OF_TEXT, ...[...byteSymbols].sort()];

/**
 * The `tokenizer.json` of byte-level BPE: {@linkcode firstTokens}, then one token for each of `merges`, which are pairs
 * of ids, unless its text is a token already. Throws a `RangeError` for an id that there is not yet.
 */
export function byteLevelJson(merges: readonly { readonly left: number; readonly right: number }[]): TokenizerJson {
  const tokens = [...firstTokens], known = new Set(tokens);
  const pairs = merges.map(({ left, right }, i) => {
    const last = Math.max(left, right), text = tokens[left] + tokens[right];
    if (last >= tokens.length) {
      throw new RangeError(`Cannot use merge ${i} of token ${last}, expected tokens below ${tokens.length}`);
    }
    if (!known.has(text)) tokens.push(text);
    known.add(text);
    return `${tokens[left]} ${tokens[right]}`;
  });
  return bpeJson(tokens, pairs, {
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: WORD_PATTERN }, behavior: "Isolated", invert: false },
        byteLevelStage,
      ],
    },
    decoder: byteLevelStage,
  });
}
