import { layerOf } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike, QKV } from "./llama_like.ts";

/**
 * GPT-NeoX and Pythia. https://arxiv.org/abs/2204.06745
 *
 * GELU is the exact one, as in transformers; llama.cpp takes its approximation by tanh.
 */
export const gptneox: Family = llamaLike({
  tied: false,
  biases: "all",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "none" },
  turns: ["partial"],
  config: (fields, { config }) => ({
    ...config,
    block: fields.flag("use_parallel_residual", true) ? { type: "parallel", sharedNorm: false } : "preNorm",
  }),
  metadata: (config) => ({ use_parallel_residual: ["bool", layerOf(config).block.type === "parallel"] }),
  joined: () => QKV,
});
