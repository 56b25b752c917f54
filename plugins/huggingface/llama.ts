import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Llama and what shares its names: TinyLlama, SmolLM, OpenLLaMA. https://arxiv.org/abs/2302.13971 */
export const llama: Family = llamaLike({
  architecture: "LlamaForCausalLM",
  type: "llama",
  defaults: { vocab: 32000, context: 2048, dim: 4096, depth: 32, heads: 32, hidden: 11008 },
  fields: () => ({}),
});
