import type { Component } from "../component.ts";
import { boolean, choice, number } from "../options.ts";
import { adamWOn } from "./adam_step.ts";
import { orthogonalize } from "./newton_schulz.ts";
import { type DecayConfig, decayOf, type OptimizedParam } from "./optimizer.ts";

/** Options of {@linkcode muon}. */
export interface MuonConfig extends DecayConfig {
  /** Decay of the average of gradients. */
  momentum: number;
  /**
   * How the learning rate follows the shape `[n, k]`: `adamW` times `0.2 √max(n, k)`, so that updates are as large as
   * AdamW's (Liu et al. 2025, https://arxiv.org/abs/2502.16982); `original` times `√max(1, n/k)`.
   */
  scale: "adamW" | "original";
  /** Learning rate of AdamW on embeddings, head and vectors, as a share of Muon's. */
  adamRate: number;
}

/** AdamW on what Muon does not take. */
const ADAM = { beta1: 0.9, beta2: 0.95, eps: 1e-8 };

/**
 * Momentum, orthogonalized, on matrices: `m = μ m + (1 − μ) g`, `u ≈ U Vᵀ` of `(1 − μ) g + μ m = U S Vᵀ`,
 * `p = (1 − lr · decay) p − lr · scale · u`. Embeddings, head and vectors take AdamW (β 0.9, 0.95) with the same decay; vectors
 * do not decay. As `torch.optim.Muon`, but in f32 throughout. State: `<param>.m`, and AdamW's.
 * Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
 */
export const muon: Component<"optimizer", "muon", MuonConfig> = {
  slot: "optimizer",
  type: "muon",
  options: {
    momentum: number(0.95, { min: 0, max: 0.999999 }),
    scale: choice("adamW", "original"),
    adamRate: number(1, { min: 0 }),
    decay: number(0.1, { min: 0 }),
    decayEmbeddings: boolean(true),
  },
  build(config, context) {
    const { kernels, params, scope, state, temp } = context, { adamRate, momentum, scale } = config;
    const adam = adamWOn(params.filter(({ kind }) => kind !== "matrix"), { ...ADAM, ...config }, context);
    const own = params.filter(({ kind }) => kind === "matrix");
    const averages = own.map(({ name, param }) => state(`${name}.m`, param));
    function update({ param, gradient, kind }: OptimizedParam, i: number, rate: number): void {
      const u = temp(param.shape, "f32", param.layout), [n, k] = param.shape;
      kernels.momentum(u, averages[i], gradient, momentum);
      orthogonalize(u, context);
      const factor = scale === "adamW" ? 0.2 * Math.sqrt(Math.max(n, k)) : Math.sqrt(Math.max(1, n / k));
      kernels.combine(param, param, u, 1 - rate * decayOf(kind, config), -rate * factor);
    }
    return {
      step(step, rate) {
        own.forEach((p, i) => scope(() => update(p, i, rate)));
        adam.step(step, rate * adamRate);
      },
    };
  },
};
