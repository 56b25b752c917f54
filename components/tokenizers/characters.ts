import type { Component } from "../component.ts";
import { bpeJson, END_OF_TEXT } from "./tokenizer.ts";

/**
 * A token for each character (code point) that occurs, in the order of their code points, as nanoGPT's
 * `shakespeare_char` has them; after them `<|endoftext|>` if texts hold it, which is if they are more than one document. Other characters
 * have no token. Throws a `RangeError` where there is no text.
 */
export const characters: Component<"tokenizer", "characters", Record<never, never>> = {
  slot: "tokenizer",
  type: "characters",
  options: {},
  build: () => ({
    async train(texts) {
      const seen = new Set<string>();
      let separated = false;
      for await (const text of texts) {
        const documents = text.split(END_OF_TEXT);
        if (documents.length > 1) separated = true;
        for (const document of documents) for (const character of document.toWellFormed()) seen.add(character);
      }
      if (!seen.size) throw new RangeError("Cannot train a tokenizer: the texts are empty, expected a character");
      const sorted = [...seen].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
      // Without words, the whole text is split into characters; without merges, it stays so.
      return bpeJson(separated ? [...sorted, END_OF_TEXT] : sorted, [], {
        pre_tokenizer: null,
        decoder: { type: "Fuse" },
      });
    },
  }),
};
