import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** OLMo 2. https://arxiv.org/abs/2501.00656 */
export const olmo2: Family = llamaLike({
  architecture: "Olmo2ForCausalLM",
  type: "olmo2",
  defaults: { vocab: 50304, context: 2048, dim: 4096, depth: 32, heads: 32, hidden: 11008 },
  eps: ["rms_norm_eps", 1e-5],
  mlpBias: false,
  config: (_, { config }) => ({ ...config, queryKey: "fullNorm", block: "afterNorm" }),
  names: [
    ["model.layers.#.post_attention_layernorm", "blocks.#.norm1"],
    ["model.layers.#.post_feedforward_layernorm", "blocks.#.norm2"],
  ],
  fields: () => ({}),
});
