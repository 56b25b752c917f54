import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { flat } from "./views.ts";

/** Command R. https://huggingface.co/docs/transformers/model_doc/cohere */
export const cohere: Family = llamaLike({
  architecture: "CohereForCausalLM",
  type: "cohere",
  defaults: { vocab: 256000, context: 8192, dim: 8192, depth: 40, heads: 64, hidden: 22528, tied: true, theta: 5e5 },
  eps: ["layer_norm_eps", 1e-5],
  mlpBias: false,
  config: (fields, { config, eps, rope }) => ({
    ...config,
    position: { ...rope(), layout: "interleaved" },
    norm: { type: "layerNorm", eps, bias: false },
    queryKey: fields.flag("use_qk_norm", false) ? { type: "perHeadNorm", eps } : "plain",
    block: "parallel",
    head: { type: "linear", scale: fields.number("logit_scale", 0.0625) },
  }),
  split(name, tensor) {
    const [, layer, side] = /^model\.layers\.(\d+)\.self_attn\.([qk])_norm\.weight$/.exec(name) ?? [];
    return side === undefined
      ? undefined
      : [[`blocks.${layer}.attention.${side === "q" ? "query" : "key"}.weight`, flat(tensor)]];
  },
});
