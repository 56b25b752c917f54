import type { Component } from "../component.ts";
import { integer } from "../options.ts";
import { byteLevelJson, byteSymbols, firstTokens, wordPattern } from "./byte_level.ts";
import { mergePairs } from "./merges.ts";
import { END_OF_TEXT } from "./tokenizer.ts";

/** Options of {@linkcode byteLevelBpe}. */
export interface ByteLevelBpeConfig {
  /** Most tokens: `<|endoftext|>`, the 256 bytes, and one for each merge. */
  vocab: number;
}

/**
 * Byte-level byte-pair encoding as GPT-2 has it: starting from bytes, the most frequent pair of neighbours within words
 * becomes a token until there are `vocab` of them; of equally frequent pairs the one with the smaller ids, left before
 * right. Pairs that occur once are not merged, so a short text gives fewer tokens. `<|endoftext|>` has id 0. Any text
 * can be encoded. Sennrich et al. 2016, https://arxiv.org/abs/1508.07909; Radford et al. 2019.
 *
 * Memory holds the distinct words, not the texts. Throws a `RangeError` where there is no text.
 */
export const byteLevelBpe: Component<"tokenizer", "byteLevelBpe", ByteLevelBpeConfig> = {
  slot: "tokenizer",
  type: "byteLevelBpe",
  options: { vocab: integer(2048, { min: 257, max: 2 ** 20 }) },
  build: ({ vocab }, { progress }) => ({
    async train(texts) {
      const counts = await countWords(texts);
      if (!counts.size) throw new RangeError("Cannot train a tokenizer: the texts are empty, expected a character");
      const tokens = [...firstTokens], first = new Map(tokens.map((t, id) => [t, id]));
      const idOf = byteSymbols.map((symbol) => first.get(symbol)!), encoder = new TextEncoder();
      const words = [...counts].map(([word, count]) => ({
        ids: Array.from(encoder.encode(word), (byte) => idOf[byte]),
        count,
      }));
      counts.clear();
      return byteLevelJson(mergePairs(words, tokens, vocab, progress));
    },
  }),
};

/** How often each word occurs. */
async function countWords(texts: AsyncIterable<string>): Promise<Map<string, number>> {
  const counts = new Map<string, number>(), words = wordPattern();
  for await (const text of texts) {
    for (const document of text.split(END_OF_TEXT)) {
      for (const word of document.toWellFormed().match(words) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}
