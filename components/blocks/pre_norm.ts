import type { Component } from "../component.ts";
import { adding, residualOption } from "./residual.ts";

/** Options of {@linkcode preNorm}. */
export interface PreNormConfig {
  /** Factor of what attention and feed-forward add, as in Granite. */
  residual: number;
}

/** `x + attention(norm(x))`, then `x + feedForward(norm(x))`. Xiong et al. 2020, https://arxiv.org/abs/2002.04745 */
export const preNorm: Component<"block", "preNorm", PreNormConfig> = {
  slot: "block",
  type: "preNorm",
  options: { residual: residualOption },
  build({ residual }, { make, ops }) {
    const norm1 = make("norm", "norm1"), attention = make("attention", "attention");
    const norm2 = make("norm", "norm2"), feedForward = make("feedForward", "feedForward");
    const add = adding(ops, residual);
    return {
      forward(x, start, cache) {
        x = add(x, attention.forward(norm1.forward(x), start, cache));
        return add(x, feedForward.forward(norm2.forward(x)));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
    };
  },
};
