import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { hiddenOption } from "./hidden.ts";

/** Options of {@linkcode relu}. */
export interface ReluConfig {
  /** Width of the hidden layer; `null` for 4 times `dim`. */
  hidden: number | null;
  /** Adds a trained bias to both products. */
  bias: boolean;
}

/** `y = W₂ max(W₁x, 0)`. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 */
export const relu: Component<"feedForward", "relu", ReluConfig> = {
  slot: "feedForward",
  type: "relu",
  options: { hidden: hiddenOption("4 times dim"), bias: boolean(false) },
  build({ hidden, bias }, { dim, linear, ops }) {
    const width = hidden ?? 4 * dim;
    const up = linear("up", width, dim, { bias }), down = linear("down", dim, width, { bias, residual: true });
    return { forward: (x) => down(ops.relu(up(x))) };
  },
};
