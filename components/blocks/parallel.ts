import type { Component } from "../component.ts";
import { boolean } from "../options.ts";
import { adding, residualOption } from "./residual.ts";

/** Options of {@linkcode parallel}. */
export interface ParallelConfig {
  /** One norm for both branches, as in GPT-J; otherwise one each, as in GPT-NeoX. */
  sharedNorm: boolean;
  /** Factor of what attention and feed-forward add. */
  residual: number;
}

/**
 * `x + attention(norm(x)) + feedForward(norm(x))`. Wang & Komatsuzaki 2021 (GPT-J),
 * https://github.com/kingoflolz/mesh-transformer-jax; Black et al. 2022, https://arxiv.org/abs/2204.06745
 */
export const parallel: Component<"block", "parallel", ParallelConfig> = {
  slot: "block",
  type: "parallel",
  options: { sharedNorm: boolean(true), residual: residualOption },
  build({ sharedNorm, residual }, { make, ops }) {
    const norm1 = make("norm", "norm1"), norm2 = sharedNorm ? undefined : make("norm", "norm2");
    const attention = make("attention", "attention"), feedForward = make("feedForward", "feedForward");
    const add = adding(ops, residual);
    return {
      forward(x, start, cache) {
        const first = norm1.forward(x), second = norm2 ? norm2.forward(x) : first;
        return add(add(x, attention.forward(first, start, cache)), feedForward.forward(second));
      },
      ...(attention.newCache && { newCache: attention.newCache }),
    };
  },
};
