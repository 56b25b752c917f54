import type { Component } from "../component.ts";
import { ones } from "../init.ts";
import { number } from "../options.ts";

/** Options of {@linkcode rmsNorm}. */
export interface RmsNormConfig {
  /** Added to the mean square before its root. */
  eps: number;
}

/** `y = weight · x / √(mean(x²) + eps)`. Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467 */
export const rmsNorm: Component<"norm", "rmsNorm", RmsNormConfig> = {
  slot: "norm",
  type: "rmsNorm",
  options: { eps: number(1e-5, { min: 0 }) },
  build({ eps }, { dim, ops, param }) {
    const weight = param("weight", [dim], ones);
    return { forward: (x) => ops.rmsNorm(x, weight, eps) };
  },
};
