import type { RopeScaling } from "../../components/positions/rope_scaling.ts";
import { CheckpointError } from "../../model/source.ts";
import { type Family, float, keyFor, naming } from "./family.ts";
import type { Fields } from "./fields.ts";

const names = naming([
  ["model.embed_tokens", "embedding"],
  ["model.layers.#.self_attn.q_proj", "blocks.#.attention.q"],
  ["model.layers.#.self_attn.k_proj", "blocks.#.attention.k"],
  ["model.layers.#.self_attn.v_proj", "blocks.#.attention.v"],
  ["model.layers.#.self_attn.o_proj", "blocks.#.attention.out"],
  ["model.layers.#.mlp.gate_proj", "blocks.#.feedForward.gate"],
  ["model.layers.#.mlp.up_proj", "blocks.#.feedForward.up"],
  ["model.layers.#.mlp.down_proj", "blocks.#.feedForward.down"],
  ["model.layers.#.input_layernorm", "blocks.#.norm1"],
  ["model.layers.#.post_attention_layernorm", "blocks.#.norm2"],
  ["model.norm", "norm"],
  ["lm_head", "head"],
]);

const gatedActivations = {
  silu: { type: "swiglu" },
  gelu: { type: "geglu", approximate: "none" },
  gelu_new: { type: "geglu", approximate: "tanh" },
  gelu_pytorch_tanh: { type: "geglu", approximate: "tanh" },
  relu: { type: "reglu" },
} as const;

/** Llama and what shares its names: TinyLlama, SmolLM, OpenLLaMA. https://arxiv.org/abs/2302.13971 */
export const llama: Family = {
  config(fields) {
    const dim = fields.count("hidden_size", 4096), heads = fields.count("num_attention_heads", 32);
    const kvHeads = fields.count("num_key_value_heads", heads), headDim = fields.maybeCount("head_dim");
    const bias = fields.flag("attention_bias", false) ? "all" : "none";
    fields.only("pretraining_tp", 1);
    const shared = { ...(headDim !== undefined && headDim * heads !== dim && { headDim }), bias } as const;
    return {
      vocab: fields.count("vocab_size", 32000),
      context: fields.count("max_position_embeddings", 2048),
      dim,
      depth: fields.count("num_hidden_layers", 32),
      heads,
      tied: fields.flag("tie_word_embeddings", false),
      position: { type: "rope", ...ropeOptions(fields) },
      norm: { type: "rmsNorm", eps: fields.number("rms_norm_eps", 1e-6) },
      attention: kvHeads === heads ? { type: "multiHead", ...shared } : { type: "groupedQuery", kvHeads, ...shared },
      feedForward: {
        ...fields.choice("hidden_act", gatedActivations, "silu"),
        hidden: fields.count("intermediate_size", 11008),
        bias: fields.flag("mlp_bias", false),
      },
      block: "preNorm",
    };
  },
  weights(name, tensor, { tied }) {
    if (/\.rotary_emb\.inv_freq$/.test(name) || (tied && name === "lm_head.weight")) return [];
    const path = names.path(name);
    return path === undefined ? undefined : [[path, tensor]];
  },
  fields({ vocab, context, dim, depth, heads, tied, position, norm, ...rest }) {
    const { kvHeads, headDim, bias } = rest.attention as Readonly<Record<string, unknown>>;
    const { hidden, bias: mlpBias, ...activation } = rest.feedForward as Readonly<Record<string, unknown>>;
    const scaling = position.scaling as RopeScaling | null | undefined;
    return {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_size: dim,
      intermediate_size: hidden,
      num_hidden_layers: depth,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      ...(headDim !== dim / heads && { head_dim: headDim }),
      vocab_size: vocab,
      max_position_embeddings: context,
      rms_norm_eps: float("eps" in norm ? norm.eps : undefined),
      rope_theta: float(position.base),
      ...(scaling && { rope_scaling: ropeFields(scaling) }),
      hidden_act: keyFor(gatedActivations, activation),
      tie_word_embeddings: tied,
      attention_bias: bias === "all",
      mlp_bias: mlpBias,
    };
  },
  // transformers refuses them, also where head_dim is given.
  limits: ({ dim, heads }) => dim % heads ? ["heads"] : [],
  store: (tensors) => new Map([...tensors].map(([path, tensor]) => [names.name(path)!, tensor])),
};

/** Base and scaling, from the fields of hub files or those that transformers 5 writes. */
function ropeOptions(fields: Fields): { base: number; scaling: RopeScaling | null } {
  const own = fields.object("rope_parameters"), legacy = fields.object("rope_scaling"), scaling = own ?? legacy;
  const theta = fields.number("rope_theta", 10000), base = own ? own.number("rope_theta", theta) : theta;
  if (!scaling) return { base, scaling: null };
  const types = { default: null, linear: "linear", llama3: "llama3" } as const;
  const old = scaling.choice("type", { ...types, "": null }, "");
  const type = scaling.choice("rope_type", types, old ?? "default");
  const made: RopeScaling | null = type === null
    ? null
    : type === "linear"
    ? { type, factor: scaling.number("factor") }
    : {
      type,
      factor: scaling.number("factor"),
      lowFrequencyFactor: scaling.number("low_freq_factor"),
      highFrequencyFactor: scaling.number("high_freq_factor"),
      originalContext: scaling.count("original_max_position_embeddings"),
    };
  const rest = scaling.unread();
  if (rest.length) {
    throw new CheckpointError(`Cannot read config.json: rope scaling has ${rest.join(", ")}, expected nothing else`);
  }
  return { base, scaling: made };
}

/** The other way. */
function ropeFields(scaling: RopeScaling): Readonly<Record<string, unknown>> {
  if (scaling.type === "linear") return { rope_type: "linear", factor: float(scaling.factor) };
  return {
    rope_type: "llama3",
    factor: float(scaling.factor),
    low_freq_factor: float(scaling.lowFrequencyFactor),
    high_freq_factor: float(scaling.highFrequencyFactor),
    original_max_position_embeddings: scaling.originalContext,
  };
}
