import type { Component } from "../component.ts";
import { ones, zeros } from "../init.ts";
import { boolean, number } from "../options.ts";

/** Options of {@linkcode layerNorm}. */
export interface LayerNormConfig {
  /** Added to the variance before its root. */
  eps: number;
  /** Adds a trained `bias`. */
  bias: boolean;
}

/** `y = weight · (x − mean) / √(var + eps) + bias`. Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450 */
export const layerNorm: Component<"norm", "layerNorm", LayerNormConfig> = {
  slot: "norm",
  type: "layerNorm",
  options: { eps: number(1e-5, { min: 0 }), bias: boolean(true) },
  build({ eps, bias }, { dim, ops, param }) {
    const weight = param("weight", [dim], ones), shift = bias ? param("bias", [dim], zeros) : undefined;
    return { forward: (x) => ops.layerNorm(x, weight, shift, eps) };
  },
};
