import type { Component } from "../component.ts";
import { number } from "../options.ts";
import { argmax } from "./sampler.ts";

/** Options of {@linkcode minP}. */
export interface MinPConfig {
  /** Least probability, as a share of the most likely token's. */
  p: number;
}

/** Keeps tokens at least `p` times as likely as the likeliest. Nguyen et al. 2024, https://arxiv.org/abs/2407.01082 */
export const minP: Component<"sampler", "minP", MinPConfig> = {
  slot: "sampler",
  type: "minP",
  options: { p: number(0.05, { min: 0, max: 1 }) },
  build: ({ p }) => ({
    apply(logits) {
      const limit = logits[argmax(logits)] + Math.log(p);
      for (let i = 0; i < logits.length; i++) if (logits[i] < limit) logits[i] = -Infinity;
    },
  }),
};
