import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Nemotron 4 and Minitron. https://arxiv.org/abs/2402.16819 */
export const nemotron: Family = llamaLike({
  architecture: "NemotronForCausalLM",
  type: "nemotron",
  defaults: { vocab: 256000, context: 4096, dim: 6144, depth: 32, heads: 48, hidden: 24576, part: 0.5 },
  eps: ["norm_eps", 1e-5],
  activation: ["hidden_act", "relu2"],
  ungated: true,
  config: (_, { config, eps }) => ({ ...config, norm: { type: "layerNorm", eps, offset: 1 } }),
});
