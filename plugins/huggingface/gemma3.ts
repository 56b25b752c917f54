import { gatedActivations } from "./activations.ts";
import type { Family } from "./family.ts";
import { gemma2Names } from "./gemma2.ts";
import { layerKinds, llamaLike, perKind } from "./llama_like.ts";

/** Gemma 3, text alone. https://arxiv.org/abs/2503.19786 */
export const gemma3: Family = llamaLike({
  architecture: "Gemma3ForCausalLM",
  type: "gemma3_text",
  defaults: {
    vocab: 262208,
    context: 131072,
    dim: 2304,
    depth: 26,
    heads: 8,
    kvHeads: 4,
    headDim: 256,
    hidden: 9216,
    tied: true,
    theta: 1e6,
  },
  activation: ["hidden_activation", "gelu_pytorch_tanh"],
  layer: "full_attention",
  mlpBias: false,
  config(fields, { config, attention, depth, eps, rope }) {
    fields.only("use_bidirectional_attention", false);
    fields.choice("hidden_act", gatedActivations, "gelu_pytorch_tanh"); // hidden_activation counts
    const window = fields.nullableCount("sliding_window", 4096) ?? null;
    const scale = fields.number("query_pre_attn_scalar", 256) ** -0.5;
    const period = fields.count("sliding_window_pattern|_sliding_window_pattern", 6);
    const kinds = layerKinds(fields, depth, (i) => (i + 1) % period ? "sliding_attention" : "full_attention");
    fields.any("attn_logit_softcapping"); // transformers does not look at it here
    const own = fields.object("rope_parameters");
    const base = fields.number("rope_local_base_freq", 10000); // no scaling reaches these layers
    const near = own?.object("sliding_attention")
      ? rope("sliding_attention", base)
      : { ...rope("full_attention"), base, scaling: null };
    return {
      ...config,
      stem: { type: "plain", scale: "sqrtDim" },
      position: perKind(kinds, (kind) => kind === "sliding_attention" ? near : rope("full_attention")),
      norm: { type: "rmsNorm", eps, offset: 1 },
      attention: perKind(kinds, (kind) => attention({ scale, window: kind === "sliding_attention" ? window : null })),
      queryKey: "headNorm",
      block: "sandwich",
      head: { type: "linear", softcap: fields.nullableNumber("final_logit_softcapping", undefined) ?? null },
    };
  },
  names: gemma2Names(),
});
