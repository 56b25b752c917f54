import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { adding, residualOption } from "./residual.ts";

/** Options of {@linkcode preNorm}. */
export interface PreNormConfig {
  /** Factor of what attention and feed-forward add, as in Granite. */
  residual: number;
  /** Both add to `norm(x)` instead of `x`, as BLOOM can. */
  fromNorm: boolean;
}

/** `x + attention(norm(x))`, then `x + feedForward(norm(x))`. Xiong et al. 2020, https://arxiv.org/abs/2002.04745 */
export const preNorm: Component<"block", "preNorm", PreNormConfig> = {
  slot: "block",
  type: "preNorm",
  options: { residual: residualOption, fromNorm: boolean(false) },
  build({ residual, fromNorm }, { make, ops }) {
    const norm1 = make("norm", "norm1"), attention = make("attention", "attention");
    const norm2 = make("norm", "norm2"), feedForward = make("feedForward", "feedForward");
    const add = adding(ops, residual);
    return {
      forward(x, start, cache) {
        const first = norm1.forward(x);
        x = add(fromNorm ? first : x, attention.forward(first, start, cache));
        const second = norm2.forward(x);
        return add(fromNorm ? second : x, feedForward.forward(second));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
    };
  },
};
