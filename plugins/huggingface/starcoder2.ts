import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** StarCoder 2. https://arxiv.org/abs/2402.19173 */
export const starcoder2: Family = llamaLike({
  architecture: "Starcoder2ForCausalLM",
  type: "starcoder2",
  defaults: {
    vocab: 49152,
    context: 4096,
    dim: 3072,
    depth: 30,
    heads: 24,
    kvHeads: 2,
    hidden: 12288,
    tied: true,
  },
  eps: ["norm_epsilon", 1e-5],
  activation: ["hidden_act", "gelu_pytorch_tanh"],
  ungated: true,
  bias: "none",
  mlpBias: false,
  config(fields, { config, attention, eps, feedForward }) {
    fields.only("norm_type", "layer_norm");
    fields.only("mlp_type", "default");
    fields.only("scale_attn_weights", true);
    const bias = fields.flag("use_bias", true), window = fields.nullableCount("sliding_window", undefined) ?? null;
    return {
      ...config,
      norm: { type: "layerNorm", eps },
      attention: attention({ bias: bias ? "all" : "none", window }),
      feedForward: feedForward(bias),
    };
  },
  names: [
    ["model.layers.#.mlp.c_fc", "blocks.#.feedForward.up"],
    ["model.layers.#.mlp.c_proj", "blocks.#.feedForward.down"],
  ],
  fields: ({ attention }) => ({
    use_bias: "bias" in attention && attention.bias === "all",
    sliding_window: "window" in attention ? attention.window : undefined,
  }),
});
