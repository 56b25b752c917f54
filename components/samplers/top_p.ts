import type { Component } from "../component.ts";
import { number } from "../options.ts";
import { logSumExp } from "./sampler.ts";

/** Options of {@linkcode topP}. */
export interface TopPConfig {
  /** Probability that the kept tokens have together, at least. */
  p: number;
}

/** Keeps the fewest most likely tokens whose probabilities reach `p` (nucleus). Holtzman et al. 2020, https://arxiv.org/abs/1904.09751 */
export const topP: Component<"sampler", "topP", TopPConfig> = {
  slot: "sampler",
  type: "topP",
  options: { p: number(0.95, { above: 0, max: 1 }) },
  build: ({ p }) => ({
    apply(logits) {
      const total = logSumExp(logits), spare = 1 - p;
      const indices: number[] = [];
      // Together, tokens below spare/n are below `spare`: they go without being sorted.
      let removed = 0;
      for (let i = 0; i < logits.length; i++) {
        const probability = Math.exp(logits[i] - total);
        if (probability * logits.length >= spare) indices.push(i);
        else {
          removed += probability;
          logits[i] = -Infinity;
        }
      }
      indices.sort((a, b) => logits[a] - logits[b]);
      for (const i of indices.slice(0, -1)) {
        removed += Math.exp(logits[i] - total);
        if (removed > spare) break;
        logits[i] = -Infinity;
      }
    },
  }),
};
