import type { Component } from "../component.ts";
import { boolean, choice } from "../options.ts";
import { hiddenOption } from "./hidden.ts";

/** Options of {@linkcode gelu}. */
export interface GeluConfig {
  /** Width of the hidden layer; `null` for 4 times `dim`. */
  hidden: number | null;
  /** Adds a trained bias to both products. */
  bias: boolean;
  /** `none` for the error function, `tanh` for the approximation by it ("gelu_new", "gelu_pytorch_tanh"). */
  approximate: "none" | "tanh";
}

/** `y = W₂ gelu(W₁x)`. Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415 */
export const gelu: Component<"feedForward", "gelu", GeluConfig> = {
  slot: "feedForward",
  type: "gelu",
  options: { hidden: hiddenOption("4 times dim"), bias: boolean(false), approximate: choice("none", "tanh") },
  build({ hidden, bias, approximate }, { dim, linear, ops }) {
    const width = hidden ?? 4 * dim;
    const up = linear("up", width, dim, { bias }), down = linear("down", dim, width, { bias, residual: true });
    const activate = approximate === "tanh" ? ops.geluTanh : ops.gelu;
    return { forward: (x) => down(activate(up(x))) };
  },
};
