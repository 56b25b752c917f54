import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { gatedHidden, hiddenOption } from "./hidden.ts";

/** Options of {@linkcode swiglu}. */
export interface SwigluConfig {
  /** Width of the hidden layer; `null` for 8/3 of `dim`, up to a multiple of 8. */
  hidden: number | null;
  /** Adds a trained bias to every product. */
  bias: boolean;
}

/** `y = W₂(silu(W₁x) · W₃x)`. Shazeer 2020, https://arxiv.org/abs/2002.05202 */
export const swiglu: Component<"feedForward", "swiglu", SwigluConfig> = {
  slot: "feedForward",
  type: "swiglu",
  options: { hidden: hiddenOption("8/3 of dim, up to a multiple of 8"), bias: boolean(false) },
  build({ hidden, bias }, { dim, linear, ops }) {
    const width = hidden ?? gatedHidden(dim);
    const gate = linear("gate", width, dim, { bias }), up = linear("up", width, dim, { bias });
    const down = linear("down", dim, width, { bias, residual: true });
    return { forward: (x) => down(ops.swiglu(gate(x), up(x))) };
  },
};
