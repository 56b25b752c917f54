import { layerOf, real } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike, PER_HEAD_NAMES } from "./llama_like.ts";

/** Layers from which on llama.cpp has norms of queries and keys. */
const NORMED = 64;

/** Command R. https://huggingface.co/docs/transformers/model_doc/cohere */
export const commandR: Family = llamaLike({
  tied: true,
  norm: "layerNorm",
  config: (fields, { config, names, position, norm: { eps } }) => ({
    ...config,
    position: { ...position, layout: "interleaved" },
    norm: { type: "layerNorm", eps, bias: false },
    queryKey: names.has("blk.0.attn_q_norm.weight") ? { type: "perHeadNorm", eps } : "plain",
    block: "parallel",
    head: { type: "linear", scale: fields.number("logit_scale", 0) || 1 },
  }),
  names: PER_HEAD_NAMES,
  metadata: ({ head }) => ({ logit_scale: real(head.scale) }),
  limits: (config) => layerOf(config).queryKey.type !== "plain" && config.depth < NORMED ? ["queryKey"] : [],
});
