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
  activation: ["hidden_act", "gelu_pytorch_tanh"],
  mlpBias: false,
  config(fields, { config, eps }) {
    fields.only("use_bidirectional_attention", false);
    fields.any("hidden_activation"); // transformers goes by hidden_act here, and by this one in the next Gemmas
    return { ...config, stem: { type: "plain", scale: "sqrtDim" }, norm: { type: "rmsNorm", eps, offset: 1 } };
  },
  fields: () => ({}),
});
