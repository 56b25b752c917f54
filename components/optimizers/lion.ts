import type { Component } from "../component.ts";
import { boolean, number } from "../options.ts";
import { type DecayConfig, decayOf } from "./optimizer.ts";

/** Options of {@linkcode lion}. */
export interface LionConfig extends DecayConfig {
  /** Share of the momentum in a step. */
  beta1: number;
  /** Decay of the momentum. */
  beta2: number;
}

/**
 * Steps of one size: `p = (1 − lr · decay) p − lr · sign(β₁ m + (1 − β₁) g)`, then `m = β₂ m + (1 − β₂) g`. Wants a learning
 * rate 3 to 10 times smaller than AdamW's, and a decay as many times larger. Vectors do not decay. State: `<param>.m`.
 * Chen et al. 2023, https://arxiv.org/abs/2302.06675
 */
export const lion: Component<"optimizer", "lion", LionConfig> = {
  slot: "optimizer",
  type: "lion",
  options: {
    beta1: number(0.9, { min: 0, max: 0.999999 }),
    beta2: number(0.99, { min: 0, max: 0.999999 }),
    decay: number(0.5, { min: 0 }),
    decayEmbeddings: boolean(true),
  },
  build(config, { kernels, params, state }) {
    const { beta1, beta2 } = config;
    const momenta = params.map(({ name, param }) => state(`${name}.m`, param));
    return {
      step(_step, rate) {
        params.forEach(({ param, gradient, kind }, i) => {
          const keep = 1 - rate * decayOf(kind, config);
          kernels.lion(param, momenta[i], gradient, { beta1, beta2, rate, keep });
        });
      },
    };
  },
};
