import { layerOf, real } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Granite. https://arxiv.org/abs/2405.04324 */
export const granite: Family = llamaLike({
  biases: "any",
  neighbours: true,
  turns: ["llama3"],
  config(fields, { config, attention }) {
    fields.only("rope.scaling.finetuned", true); // without it nothing turns
    const scale = fields.number("attention.scale", 0);
    return {
      ...config,
      stem: { type: "plain", scale: fields.number("embedding_scale", 0) || 1 },
      attention: { ...attention, ...(scale && { scale }) },
      block: { type: "preNorm", residual: fields.number("residual_scale", 0) || 1 },
      head: { type: "linear", scale: 1 / fields.number("logit_scale") },
    };
  },
  metadata(config) {
    const { attention, block } = layerOf(config), { stem, head } = config;
    return {
      embedding_scale: real(stem.scale),
      residual_scale: real(block.residual),
      "attention.scale": real(attention.scale),
      logit_scale: real(1 / (head.scale as number)),
    };
  },
});
