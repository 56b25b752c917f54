import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { gatedHidden, hiddenOption } from "./hidden.ts";

/** Options of {@linkcode reglu}. */
export interface RegluConfig {
  /** Width of the hidden layer; `null` for 8/3 of `dim`, up to a multiple of 8. */
  hidden: number | null;
  /** Adds a trained bias to every product. */
  bias: boolean;
}

/** `y = W₂(max(W₁x, 0) · W₃x)`. Shazeer 2020, https://arxiv.org/abs/2002.05202 */
export const reglu: Component<"feedForward", "reglu", RegluConfig> = {
  slot: "feedForward",
  type: "reglu",
  options: { hidden: hiddenOption("8/3 of dim, up to a multiple of 8"), bias: boolean(false) },
  build({ hidden, bias }, { dim, linear, ops }) {
    const width = hidden ?? gatedHidden(dim);
    const gate = linear("gate", width, dim, { bias }), up = linear("up", width, dim, { bias });
    const down = linear("down", dim, width, { bias, residual: true });
    return { forward: (x) => down(ops.reglu(gate(x), up(x))) };
  },
};
