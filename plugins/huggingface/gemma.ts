import { gatedActivations } from "./activations.ts";
import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Gemma. https://arxiv.org/abs/2403.08295 */
export const gemma: Family = llamaLike({
  architecture: "GemmaForCausalLM",
  type: "gemma",
  defaults: {
    vocab: 256000,
    context: 8192,
    dim: 3072,
    depth: 28,
    heads: 16,
    kvHeads: 16,
    headDim: 256,
    hidden: 24576,
    tied: true,
  },
  activation: ["hidden_activation", "gelu_pytorch_tanh"],
  mlpBias: false,
  config(fields, { config, eps }) {
    fields.only("use_bidirectional_attention", false);
    // The older name, by which the first checkpoints say "gelu" and mean its approximation.
    const older = { ...gatedActivations, gelu: gatedActivations.gelu_pytorch_tanh };
    const act = fields.choice("hidden_act", older, "gelu_pytorch_tanh"), named = fields.any("hidden_activation");
    return {
      ...config,
      stem: { type: "plain", scale: "sqrtDim" },
      norm: { type: "rmsNorm", eps, offset: 1 },
      ...(named === undefined && { feedForward: { ...config.feedForward as object, ...act } }),
    };
  },
  fields: () => ({}),
});
