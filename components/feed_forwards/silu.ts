import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { hiddenOption } from "./hidden.ts";

/** Options of {@linkcode silu}. */
export interface SiluConfig {
  /** Width of the hidden layer; `null` for 4 times `dim`. */
  hidden: number | null;
  /** Adds a trained bias to both products. */
  bias: boolean;
}

/** `y = W₂ silu(W₁x)`, `silu(x) = x / (1 + e⁻ˣ)`. Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941 */
export const silu: Component<"feedForward", "silu", SiluConfig> = {
  slot: "feedForward",
  type: "silu",
  options: { hidden: hiddenOption("4 times dim"), bias: boolean(false) },
  build({ hidden, bias }, { dim, linear, ops }) {
    const width = hidden ?? 4 * dim;
    const up = linear("up", width, dim, { bias }), down = linear("down", dim, width, { bias, residual: true });
    return { forward: (x) => down(ops.silu(up(x))) };
  },
};
