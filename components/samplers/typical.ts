import type { Component } from "../component.ts";
import { number } from "../options.ts";
import { logSumExp } from "./sampler.ts";

/** Options of {@linkcode typical}. */
export interface TypicalConfig {
  /** Probability that the kept tokens have together, at least. */
  p: number;
}

/**
 * Keeps the tokens whose information is closest to the entropy, until their probabilities reach `p`.
 * Meister et al. 2023, https://arxiv.org/abs/2202.00666
 */
export const typical: Component<"sampler", "typical", TypicalConfig> = {
  slot: "sampler",
  type: "typical",
  options: { p: number(0.95, { above: 0, max: 1 }) },
  build: ({ p }) => ({
    apply(logits) {
      const total = logSumExp(logits), left: { i: number; information: number; probability: number }[] = [];
      for (let i = 0; i < logits.length; i++) {
        if (logits[i] > -Infinity) {
          left.push({ i, information: total - logits[i], probability: Math.exp(logits[i] - total) });
        }
      }
      const entropy = left.reduce((sum, t) => sum + t.probability * t.information, 0);
      const distance = (t: { information: number }) => Math.abs(t.information - entropy);
      left.sort((a, b) => distance(a) - distance(b));
      let mass = 0, kept = 0;
      while (kept < left.length - 1 && mass + left[kept].probability < p) mass += left[kept++].probability;
      const limit = distance(left[kept]);
      for (const t of left.slice(kept + 1)) if (distance(t) > limit) logits[t.i] = -Infinity;
    },
  }),
};
