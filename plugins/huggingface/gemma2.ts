import type { Family } from "./family.ts";
import { inverseSquare, kindFields, layerKinds, llamaLike, perKind } from "./llama_like.ts";
import { gatedActivations } from "./activations.ts";

/** Gemma 2. https://arxiv.org/abs/2408.00118 */
export const gemma2: Family = llamaLike({
  architecture: "Gemma2ForCausalLM",
  type: "gemma2",
  defaults: {
    vocab: 256000,
    context: 8192,
    dim: 2304,
    depth: 26,
    heads: 8,
    kvHeads: 4,
    headDim: 256,
    hidden: 9216,
    tied: true,
  },
  activation: ["hidden_activation", "gelu_pytorch_tanh"],
  mlpBias: false,
  config(fields, { config, attention, depth, eps }) {
    fields.only("use_bidirectional_attention", false);
    fields.choice("hidden_act", gatedActivations, "gelu_pytorch_tanh"); // hidden_activation counts
    const window = fields.nullableCount("sliding_window", 4096) ?? null;
    const scale = fields.number("query_pre_attn_scalar", 256) ** -0.5;
    const kinds = layerKinds(fields, depth, (i) => i % 2 ? "full_attention" : "sliding_attention");
    const cap = fields.nullableNumber("attn_logit_softcapping", 50);
    return {
      ...config,
      stem: { type: "plain", scale: "sqrtDim" },
      norm: { type: "rmsNorm", eps, offset: 1 },
      attention: perKind(kinds, (kind) => attention({ scale, window: kind === "sliding_attention" ? window : null })),
      ...(cap !== undefined && { scores: { type: "softcap", cap } }),
      block: "sandwich",
      head: { type: "linear", softcap: fields.nullableNumber("final_logit_softcapping", 30) ?? null },
    };
  },
  names: gemma2Names(),
  fields: (config) => {
    const [attention] = [config.attention].flat() as { scale?: unknown }[], { scores, head } = config;
    return {
      ...kindFields(config),
      query_pre_attn_scalar: inverseSquare(attention.scale),
      attn_logit_softcapping: "cap" in scores ? scores.cap : null,
      final_logit_softcapping: head.softcap,
    };
  },
});

/** Names of the four norms of a block. */
export function gemma2Names(): [name: string, path: string][] {
  return [
    ["model.layers.#.post_attention_layernorm", "blocks.#.after1"],
    ["model.layers.#.pre_feedforward_layernorm", "blocks.#.norm2"],
    ["model.layers.#.post_feedforward_layernorm", "blocks.#.after2"],
  ];
}
