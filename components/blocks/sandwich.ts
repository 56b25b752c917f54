import type { Component } from "../component.ts";

/**
 * A norm before and after each sublayer: `x + norm(attention(norm(x)))`, then `x + norm(feedForward(norm(x)))`. As in
 * Gemma 2; Ding et al. 2021, https://arxiv.org/abs/2105.13290
 */
export const sandwich: Component<"block", "sandwich", Record<never, never>> = {
  slot: "block",
  type: "sandwich",
  options: {},
  build(_, { make, ops }) {
    const norm1 = make("norm", "norm1"), attention = make("attention", "attention"), after1 = make("norm", "after1");
    const norm2 = make("norm", "norm2"), feedForward = make("feedForward", "feedForward");
    const after2 = make("norm", "after2");
    return {
      forward(x, start, cache) {
        x = ops.add(x, after1.forward(attention.forward(norm1.forward(x), start, cache)));
        return ops.add(x, after2.forward(feedForward.forward(norm2.forward(x))));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
    };
  },
};
