import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { hiddenOption } from "./hidden.ts";

/** Options of {@linkcode reluSquared}. */
export interface ReluSquaredConfig {
  /** Width of the hidden layer; `null` for 4 times `dim`. */
  hidden: number | null;
  /** Adds a trained bias to both products. */
  bias: boolean;
}

/** `y = W₂ max(W₁x, 0)²`. So et al. 2021, https://arxiv.org/abs/2109.08668 */
export const reluSquared: Component<"feedForward", "reluSquared", ReluSquaredConfig> = {
  slot: "feedForward",
  type: "reluSquared",
  options: { hidden: hiddenOption("4 times dim"), bias: boolean(false) },
  build({ hidden, bias }, { dim, linear, ops }) {
    const width = hidden ?? 4 * dim;
    const up = linear("up", width, dim, { bias }), down = linear("down", dim, width, { bias, residual: true });
    return { forward: (x) => down(ops.reluSquared(up(x))) };
  },
};
