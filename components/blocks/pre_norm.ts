import type { Component } from "../component.ts";

/** `x + attention(norm(x))`, then `x + feedForward(norm(x))`. Xiong et al. 2020, https://arxiv.org/abs/2002.04745 */
export const preNorm: Component<"block", "preNorm", Record<never, never>> = {
  slot: "block",
  type: "preNorm",
  options: {},
  build(_, { make, ops }) {
    const norm1 = make("norm", "norm1"), attention = make("attention", "attention");
    const norm2 = make("norm", "norm2"), feedForward = make("feedForward", "feedForward");
    return {
      forward(x, start, cache) {
        x = ops.add(x, attention.forward(norm1.forward(x), start, cache));
        return ops.add(x, feedForward.forward(norm2.forward(x)));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
    };
  },
};
