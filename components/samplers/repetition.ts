import type { Component } from "../component.ts";
import { integer, number } from "../options.ts";

/** Options of {@linkcode repetition}. */
export interface RepetitionConfig {
  /** Above 1 discourages, below 1 encourages. */
  penalty: number;
  /** How many of the last tokens count, the prompt's included; 0 for all. */
  last: number;
}

/**
 * Logits of tokens that have occurred are divided by `penalty` where positive and multiplied where negative.
 * Keskar et al. 2019, https://arxiv.org/abs/1909.05858
 */
export const repetition: Component<"sampler", "repetition", RepetitionConfig> = {
  slot: "sampler",
  type: "repetition",
  options: { penalty: number(1.1, { above: 0 }), last: integer(0, { min: 0 }) },
  build: ({ penalty, last }) => ({
    apply(logits, { tokens }) {
      for (const id of new Set(last ? tokens.slice(-last) : tokens)) {
        logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
      }
    },
  }),
};
