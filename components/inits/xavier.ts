import type { Component } from "../component.ts";
import { normal, uniform } from "../init.ts";
import { choice, number } from "../options.ts";

/** Options of {@linkcode xavierInit}. */
export interface XavierInitConfig {
  /** Distribution; both have the same deviation. */
  distribution: "uniform" | "normal";
  /** Factor of the deviation. */
  gain: number;
}

/**
 * Every weight with deviation `gain · √(2 / (inputs + outputs))`, which lies between what keeps the variance of activations
 * and what keeps that of gradients; the embedding too, as where every matrix of a model is treated alike. In configs:
 * `"xavier"`. Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
 */
export const xavierInit: Component<"init", "xavier", XavierInitConfig> = {
  slot: "init",
  type: "xavier",
  options: { distribution: choice("uniform", "normal"), gain: number(1, { above: 0 }) },
  build: ({ distribution, gain }) => ({
    weight(_role, [outputs, inputs]) {
      const std = gain * Math.sqrt(2 / (inputs + outputs));
      return distribution === "normal" ? normal(std) : uniform(Math.sqrt(3) * std);
    },
  }),
};
