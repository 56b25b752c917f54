import { layerOf } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike, PER_HEAD_NAMES } from "./llama_like.ts";

/** StableLM. https://arxiv.org/abs/2402.17834 */
export const stablelm: Family = llamaLike({
  tied: false,
  norm: "layerNorm",
  turns: ["partial"],
  config(fields, { config, names, norm: { eps } }) {
    fields.ignore("use_parallel_residual"); // it is the second norm that tells
    return {
      ...config,
      queryKey: names.has("blk.0.attn_q_norm.weight") ? { type: "perHeadNorm", eps } : "plain",
      block: names.has("blk.0.ffn_norm.weight") ? "preNorm" : "parallel",
    };
  },
  names: PER_HEAD_NAMES,
  metadata: (config) => ({ use_parallel_residual: ["bool", layerOf(config).block.type === "parallel"] }),
});
