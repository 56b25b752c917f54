import type { Family } from "./family.ts";
import { llamaLike, QKV } from "./llama_like.ts";

/** GPT-2. https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf */
export const gpt2: Family = llamaLike({
  biases: "all",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "tanh" },
  position: "learned",
  config(fields, { config, sizes }) {
    fields.only("attention.head_count_kv", sizes.heads);
    return config;
  },
  names: [["position_embd.weight", "position.table"]],
  joined: () => QKV,
});
