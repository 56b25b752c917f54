import type { Component } from "../component.ts";

/** `norm(x + attention(x))`, then `norm(x + feedForward(x))`. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 */
export const postNorm: Component<"block", "postNorm", Record<never, never>> = {
  slot: "block",
  type: "postNorm",
  options: {},
  build(_, { make, ops }) {
    const attention = make("attention", "attention"), norm1 = make("norm", "norm1");
    const feedForward = make("feedForward", "feedForward"), norm2 = make("norm", "norm2");
    return {
      forward(x, start, cache) {
        x = norm1.forward(ops.add(x, attention.forward(x, start, cache)));
        return norm2.forward(ops.add(x, feedForward.forward(x)));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
      normalized: true,
    };
  },
};
