import type { Component } from "../component.ts";
import { byteLevelStage, byteSymbols } from "./byte_level.ts";
import { bpeJson, END_OF_TEXT } from "./tokenizer.ts";

/**
 * A token for each byte of UTF-8: id = byte + 1, and `<|endoftext|>` is 0. Nothing is learned and no text is read.
 * Xue et al. 2022, https://arxiv.org/abs/2105.13626
 */
export const bytes: Component<"tokenizer", "bytes", Record<never, never>> = {
  slot: "tokenizer",
  type: "bytes",
  options: {},
  build: () => ({
    train: () =>
      Promise.resolve(
        bpeJson([END_OF_TEXT, ...byteSymbols], [], { pre_tokenizer: byteLevelStage, decoder: byteLevelStage }),
      ),
  }),
};
