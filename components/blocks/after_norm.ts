import type { Component } from "../component.ts";

/**
 * A norm on what each sublayer adds: `x + norm(attention(x))`, then `x + norm(feedForward(x))`. As in OLMo 2,
 * https://arxiv.org/abs/2501.00656; Liu et al. 2021 (Swin V2), https://arxiv.org/abs/2111.09883
 */
export const afterNorm: Component<"block", "afterNorm", Record<never, never>> = {
  slot: "block",
  type: "afterNorm",
  options: {},
  build(_, { make, ops }) {
    const attention = make("attention", "attention"), norm1 = make("norm", "norm1");
    const feedForward = make("feedForward", "feedForward"), norm2 = make("norm", "norm2");
    return {
      forward(x, start, cache) {
        x = ops.add(x, norm1.forward(attention.forward(x, start, cache)));
        return ops.add(x, norm2.forward(feedForward.forward(x)));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
    };
  },
};
