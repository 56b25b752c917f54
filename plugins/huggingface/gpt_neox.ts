import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { fusedHeads } from "./views.ts";

/** GPT-NeoX and Pythia. https://arxiv.org/abs/2204.06745 */
export const gptNeox: Family = llamaLike({
  architecture: "GPTNeoXForCausalLM",
  type: "gpt_neox",
  defaults: { vocab: 50432, context: 2048, dim: 6144, depth: 44, heads: 64, hidden: 24576, part: 0.25 },
  eps: ["layer_norm_eps", 1e-5],
  activation: ["hidden_act", "gelu"],
  ungrouped: true,
  ungated: true,
  bias: "none",
  mlpBias: true,
  config: (fields, { config, attention, eps }) => ({
    ...config,
    norm: { type: "layerNorm", eps },
    attention: attention({ bias: fields.flag("attention_bias", true) ? "all" : "none" }),
    block: fields.flag("use_parallel_residual", true) ? { type: "parallel", sharedNorm: false } : "preNorm",
  }),
  names: [
    ["gpt_neox.embed_in", "embedding"],
    ["gpt_neox.layers.#.attention.dense", "blocks.#.attention.out"],
    ["gpt_neox.layers.#.mlp.dense_h_to_4h", "blocks.#.feedForward.up"],
    ["gpt_neox.layers.#.mlp.dense_4h_to_h", "blocks.#.feedForward.down"],
    ["gpt_neox.layers.#.input_layernorm", "blocks.#.norm1"],
    ["gpt_neox.layers.#.post_attention_layernorm", "blocks.#.norm2"],
    ["gpt_neox.final_layer_norm", "norm"],
    ["embed_out", "head"],
    ["lm_head", "head"],
  ],
  base: "gpt_neox.",
  buffers: /\.attention\.(masked_)?bias$/,
  split(name, tensor, { dim, heads }) {
    const [, layer, kind] = /^gpt_neox\.layers\.(\d+)\.attention\.query_key_value\.(weight|bias)$/.exec(name) ?? [];
    const layout = { groups: heads, queries: 1, headDim: dim / heads };
    return kind === undefined ? undefined : fusedHeads(`blocks.${layer}.attention`, kind, tensor, layout);
  },
});
