import type { Component } from "../component.ts";
import { zeros } from "../init.ts";
import { boolean, number } from "../options.ts";
import { type GainConfig, gainOptions, normGain } from "./gain.ts";

/** Options of {@linkcode layerNorm}. */
export interface LayerNormConfig extends GainConfig {
  /** Added to the variance before its root. */
  eps: number;
  /** Adds a trained `bias`. */
  bias: boolean;
}

/** `y = (offset + weight) · (x − mean) / √(var + eps) + bias`. Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450 */
export const layerNorm: Component<"norm", "layerNorm", LayerNormConfig> = {
  slot: "norm",
  type: "layerNorm",
  options: { eps: number(1e-5, { min: 0 }), bias: boolean(true), ...gainOptions },
  build({ eps, bias, ...config }, context) {
    const { dim, ops, param } = context, gain = normGain(config, context);
    const shift = bias ? param("bias", [dim], zeros) : undefined;
    return { forward: (x) => ops.layerNorm(x, gain(), shift, eps) };
  },
};
