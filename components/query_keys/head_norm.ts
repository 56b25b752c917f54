import type { Component } from "../component.ts";

/**
 * Each head of the queries is normalised, and each of the keys, by the model's `norm` over `headDim`; heads share their
 * weight. As in Qwen3 and Gemma 3; Henry et al. 2020, https://arxiv.org/abs/2010.04245
 */
export const headNorm: Component<"queryKey", "headNorm", Record<never, never>> = {
  slot: "queryKey",
  type: "headNorm",
  options: {},
  build(_, { make }) {
    const norm = make("norm", "norm");
    return { forward: (x) => norm.forward(x) };
  },
};
