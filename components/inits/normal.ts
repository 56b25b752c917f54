import type { Component } from "../component.ts";
import { normal } from "../init.ts";
import { boolean, number } from "../options.ts";

/** Options of {@linkcode normalInit}. */
export interface NormalInitConfig {
  /** Standard deviation. */
  std: number;
  /** Divides it by `√(2 · depth)` where a weight ends a branch of the residual stream. */
  residual: boolean;
}

/**
 * Every weight from N(0, std²); with `residual`, those that end a branch from N(0, std² / (2 · depth)), so that the residual
 * stream does not grow with depth. In configs: `"normal"`, the default. GPT-2: Radford et al. 2019,
 * https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
 */
export const normalInit: Component<"init", "normal", NormalInitConfig> = {
  slot: "init",
  type: "normal",
  options: { std: number(0.02, { min: 0 }), residual: boolean(false) },
  build: ({ std, residual }, { depth }) => ({
    weight: (role) => normal(residual && role === "residual" ? std / Math.sqrt(2 * depth) : std),
  }),
};
