import type { Component } from "../component.ts";
import { number } from "../options.ts";
import { type GainConfig, gainOptions, normGain } from "./gain.ts";

/** Options of {@linkcode rmsNorm}. */
export interface RmsNormConfig extends GainConfig {
  /** Added to the mean square before its root. */
  eps: number;
}

/** `y = (offset + weight) · x / √(mean(x²) + eps)`. Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467 */
export const rmsNorm: Component<"norm", "rmsNorm", RmsNormConfig> = {
  slot: "norm",
  type: "rmsNorm",
  options: { eps: number(1e-5, { min: 0 }), ...gainOptions },
  build({ eps, ...config }, context) {
    const { ops } = context, gain = normGain(config, context);
    return { forward: (x) => ops.rmsNorm(x, gain(), eps) };
  },
};
