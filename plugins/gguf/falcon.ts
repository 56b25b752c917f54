import type { ModelConfig } from "../../model/config.ts";
import type { Family } from "./family.ts";
import { llamaLike, QKV } from "./llama_like.ts";

/**
 * Falcon: one norm for both branches (7B), or one each (40B, 180B). https://arxiv.org/abs/2311.16867
 *
 * GELU is the exact one, as in transformers; llama.cpp takes its approximation by tanh.
 */
export const falcon: Family = llamaLike({
  biases: "none",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "none" },
  config(fields, { config, names }) {
    fields.ignore("tensor_data_layout"); // says how rows are ordered, which they always are
    return { ...config, block: { type: "parallel", sharedNorm: !names.has("blk.0.attn_norm_2.weight") } };
  },
  names: ({ block }) =>
    (block as Exclude<ModelConfig["block"], string> & { sharedNorm?: boolean }).sharedNorm === false
      ? [["blk.#.attn_norm_2", "blocks.#.norm1"], ["blk.#.attn_norm", "blocks.#.norm2"]]
      : [],
  joined: () => QKV,
});
