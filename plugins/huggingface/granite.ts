import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Granite. https://arxiv.org/abs/2405.04324 */
export const granite: Family = llamaLike({
  architecture: "GraniteForCausalLM",
  type: "granite",
  defaults: { vocab: 32000, context: 2048, dim: 4096, depth: 32, heads: 32, hidden: 11008 },
  config: (fields, { config, attention }) => ({
    ...config,
    stem: { type: "plain", scale: fields.number("embedding_multiplier", 1) },
    attention: attention({ scale: fields.number("attention_multiplier", 1) }),
    block: { type: "preNorm", residual: fields.number("residual_multiplier", 1) },
    head: { type: "linear", scale: 1 / fields.number("logits_scaling", 1) },
  }),
  fields: ({ attention, block, head, stem }) => ({
    embedding_multiplier: stem.scale,
    attention_multiplier: "scale" in attention ? attention.scale : undefined,
    residual_multiplier: "residual" in block ? block.residual : undefined,
    logits_scaling: 1 / (head.scale as number),
  }),
});
