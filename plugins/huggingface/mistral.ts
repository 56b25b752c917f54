import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Mistral. https://arxiv.org/abs/2310.06825 */
export const mistral: Family = llamaLike({
  architecture: "MistralForCausalLM",
  type: "mistral",
  defaults: { vocab: 32000, context: 131072, dim: 4096, depth: 32, heads: 32, kvHeads: 8, hidden: 14336 },
  bias: "none",
  mlpBias: false,
  config: (fields, { config, attention }) => ({
    ...config,
    attention: attention({ window: fields.nullableCount("sliding_window", 4096) ?? null }),
  }),
  fields: ({ attention }) => ({ sliding_window: "window" in attention ? attention.window : undefined }),
});
