import { layerOf, real } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike, QKV } from "./llama_like.ts";

/**
 * MPT, with ALiBi. https://www.databricks.com/blog/mpt-7b
 *
 * GELU is the exact one, as in transformers; llama.cpp takes its approximation by tanh.
 */
export const mpt: Family = llamaLike({
  biases: "any",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "none" },
  position: "alibi",
  config(fields, { config, norm: { eps } }) {
    const limit = fields.number("attention.clamp_kqv", 0), max = fields.number("attention.max_alibi_bias");
    return {
      ...config,
      position: { type: "alibi", max },
      norm: { type: "layerNorm", eps, bias: false },
      ...(limit && { queryKey: { type: "clip", limit } }),
    };
  },
  metadata(config) {
    const { position, queryKey } = layerOf(config);
    return { "attention.max_alibi_bias": real(position.max), "attention.clamp_kqv": real(queryKey.limit) };
  },
  joined: () => QKV,
});
