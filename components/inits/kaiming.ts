import type { Component } from "../component.ts";
import { normal, uniform } from "../init.ts";
import { choice, number } from "../options.ts";

/** Options of {@linkcode kaimingInit}. */
export interface KaimingInitConfig {
  /** Distribution; both have the same deviation. */
  distribution: "uniform" | "normal";
  /** Factor of the deviation: `√2` for He et al.'s rectifiers; the default, `1/√3`, is that of PyTorch's `nn.Linear`. */
  gain: number;
}

/**
 * Every weight with deviation `gain / √inputs`; as it stands, uniform in `±1/√inputs`, PyTorch's `nn.Linear`. An embedding
 * that is not the head is from N(0, 1), PyTorch's `nn.Embedding`. Biases stay 0. In configs: `"kaiming"`.
 * He et al. 2015, https://arxiv.org/abs/1502.01852
 */
export const kaimingInit: Component<"init", "kaiming", KaimingInitConfig> = {
  slot: "init",
  type: "kaiming",
  options: { distribution: choice("uniform", "normal"), gain: number(1 / Math.sqrt(3), { above: 0 }) },
  build: ({ distribution, gain }, { tied }) => ({
    weight(role, [, inputs]) {
      if (role === "embedding" && !tied) return normal(1);
      const std = gain / Math.sqrt(inputs);
      return distribution === "normal" ? normal(std) : uniform(Math.sqrt(3) * std);
    },
  }),
};
