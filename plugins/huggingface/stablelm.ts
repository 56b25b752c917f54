import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** StableLM. https://arxiv.org/abs/2402.17834 */
export const stablelm: Family = llamaLike({
  architecture: "StableLmForCausalLM",
  type: "stablelm",
  defaults: {
    vocab: 50304,
    context: 4096,
    dim: 2560,
    depth: 32,
    heads: 32,
    kvHeads: 32,
    hidden: 6912,
    part: 0.25,
  },
  eps: ["layer_norm_eps", 1e-5],
  pairs: true,
  bias: "none",
  mlpBias: false,
  config: (fields, { config, attention, eps }) => ({
    ...config,
    norm: { type: "layerNorm", eps },
    attention: attention({ bias: fields.flag("use_qkv_bias", false) ? "qkv" : "none" }),
    queryKey: fields.flag("qk_layernorm", false) ? { type: "perHeadNorm", eps } : "plain",
    block: fields.flag("use_parallel_residual", false) ? "parallel" : "preNorm",
  }),
  split(name, tensor) {
    const [, layer, side, head] =
      /^model\.layers\.(\d+)\.self_attn\.([qk])_layernorm\.norms\.(\d+)\.weight$/.exec(name) ??
        [];
    const part = side === "q" ? "query" : "key";
    return side === undefined ? undefined : [[`blocks.${layer}.attention.${part}.weight[${head}]`, tensor]];
  },
});
