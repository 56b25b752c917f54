import type { Json } from "../options.ts";

/** GPT-2's words: contractions, letters, numbers and other characters, each with the space before it; white space. */
export const WORD_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * The same for JavaScript, whose `\s` differs: Hugging Face's library takes U+0085 for white space, U+FEFF for none.
 * Every character is in some match. Has the flag `g`: not to be shared between loops that overlap.
 */
export function wordPattern(): RegExp {
  return new RegExp(WORD_PATTERN.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"), "gu");
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
