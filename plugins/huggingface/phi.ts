import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Phi 1, 1.5 and 2. https://arxiv.org/abs/2309.05463 */
export const phi: Family = llamaLike({
  architecture: "PhiForCausalLM",
  type: "phi",
  defaults: { vocab: 51200, context: 2048, dim: 2048, depth: 24, heads: 32, hidden: 8192, part: 0.5 },
  eps: ["layer_norm_eps", 1e-5],
  activation: ["hidden_act", "gelu_new"],
  ungated: true,
  pairs: true,
  bias: "all",
  mlpBias: true,
  config: (fields, { config, eps }) => ({
    ...config,
    norm: { type: "layerNorm", eps },
    queryKey: fields.flag("qk_layernorm", false) ? "headNorm" : "plain",
    block: "parallel",
    head: { type: "linear", bias: true },
  }),
  names: [
    ["model.layers.#.self_attn.dense", "blocks.#.attention.out"],
    ["model.layers.#.self_attn.q_layernorm", "blocks.#.attention.query.norm"],
    ["model.layers.#.self_attn.k_layernorm", "blocks.#.attention.key.norm"],
    ["model.layers.#.mlp.fc1", "blocks.#.feedForward.up"],
    ["model.layers.#.mlp.fc2", "blocks.#.feedForward.down"],
    ["model.final_layernorm", "norm"],
  ],
});
