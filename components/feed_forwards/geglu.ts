import type { Component } from "../component.ts";
import { boolean, choice } from "../options.ts";
import { gatedHidden, hiddenOption } from "./hidden.ts";

/** Options of {@linkcode geglu}. */
export interface GegluConfig {
  /** Width of the hidden layer; `null` for 8/3 of `dim`, up to a multiple of 8. */
  hidden: number | null;
  /** Adds a trained bias to every product. */
  bias: boolean;
  /** `none` for the error function, `tanh` for the approximation by it ("gelu_new", "gelu_pytorch_tanh"). */
  approximate: "none" | "tanh";
}

/** `y = W₂(gelu(W₁x) · W₃x)`. Shazeer 2020, https://arxiv.org/abs/2002.05202 */
export const geglu: Component<"feedForward", "geglu", GegluConfig> = {
  slot: "feedForward",
  type: "geglu",
  options: {
    hidden: hiddenOption("8/3 of dim, up to a multiple of 8"),
    bias: boolean(false),
    approximate: choice("none", "tanh"),
  },
  build({ hidden, bias, approximate }, { dim, linear, ops }) {
    const width = hidden ?? gatedHidden(dim);
    const gate = linear("gate", width, dim, { bias }), up = linear("up", width, dim, { bias });
    const down = linear("down", dim, width, { bias, residual: true });
    const gated = approximate === "tanh" ? ops.gegluTanh : ops.geglu;
    return { forward: (x) => down(gated(gate(x), up(x))) };
  },
};
