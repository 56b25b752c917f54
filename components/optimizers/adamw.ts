import type { Component } from "../component.ts";
import { boolean, number } from "../options.ts";
import { type AdamWConfig, adamWOn } from "./adam_step.ts";

/**
 * Adam with decoupled weight decay: `m = β₁ m + (1 − β₁) g`, `v = β₂ v + (1 − β₂) g²`,
 * `p = (1 − lr · decay) p − lr · m̂ / (√v̂ + eps)`, where `m̂ = m / (1 − β₁ᵗ)` and `v̂ = v / (1 − β₂ᵗ)`. Vectors do not decay.
 * Operations in the order of `torch.optim.AdamW`. State: `<param>.m`, `<param>.v`.
 * Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101
 */
export const adamW: Component<"optimizer", "adamW", AdamWConfig> = {
  slot: "optimizer",
  type: "adamW",
  options: {
    beta1: number(0.9, { min: 0, max: 0.999999 }),
    beta2: number(0.95, { min: 0, max: 0.999999 }),
    eps: number(1e-8, { min: 1e-30 }),
    decay: number(0.1, { min: 0 }),
    decayEmbeddings: boolean(true),
  },
  build: (config, context) => adamWOn(context.params, config, context),
};
