import type { RopeScaling } from "../../components/positions/rope_scaling.ts";
import type { StoredTensor } from "../../model/format.ts";
import type { ModelConfig } from "../../model/config.ts";
import { CheckpointError } from "../../model/source.ts";
import type { Fields } from "./fields.ts";

/** How the checkpoints of one `model_type` are read. */
export interface Family {
  /** The model that a config.json describes. */
  config(fields: Fields): ModelConfig;
  /**
   * The parameters that a stored tensor holds: `[]` for buffers and copies that the model does not need, `undefined` for a
   * name that it does not know.
   */
  weights(name: string, tensor: StoredTensor, config: ModelConfig): [path: string, tensor: StoredTensor][] | undefined;
}

/** Llama and what shares its names: TinyLlama, SmolLM, OpenLLaMA. https://arxiv.org/abs/2302.13971 */
const llama: Family = {
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
    const path = rename(name, [
      [/^model\.embed_tokens\./, "embedding."],
      [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj\./, "blocks.$1.attention.$2."],
      [/^model\.layers\.(\d+)\.self_attn\.o_proj\./, "blocks.$1.attention.out."],
      [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj\./, "blocks.$1.feedForward.$2."],
      [/^model\.layers\.(\d+)\.input_layernorm\./, "blocks.$1.norm1."],
      [/^model\.layers\.(\d+)\.post_attention_layernorm\./, "blocks.$1.norm2."],
      [/^model\.norm\./, "norm."],
      [/^lm_head\./, "head."],
    ]);
    return path === undefined ? undefined : [[path, tensor]];
  },
};

/** GPT-2. https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf */
const gpt2: Family = {
  config(fields) {
    const dim = fields.count("n_embd", 768), heads = fields.count("n_head", 12);
    for (const key of ["scale_attn_by_inverse_layer_idx", "add_cross_attention"]) fields.only(key, false);
    fields.maybeCount("n_ctx"); // an old name of n_positions
    return {
      vocab: fields.count("vocab_size", 50257),
      context: fields.count("n_positions", 1024),
      dim,
      depth: fields.count("n_layer", 12),
      heads,
      tied: fields.flag("tie_word_embeddings", true),
      position: "learned",
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: { type: "multiHead", bias: "all", ...(!fields.flag("scale_attn_weights", true) && { scale: 1 }) },
      feedForward: {
        ...fields.choice("activation_function", activations, "gelu_new"),
        hidden: fields.maybeCount("n_inner") ?? 4 * dim,
        bias: true,
      },
      block: "preNorm",
    };
  },
  weights(name, tensor, { tied, dim }) {
    name = name.replace(/^transformer\./, "");
    if (/\.attn\.(masked_)?bias$/.test(name) || (tied && name === "lm_head.weight")) return [];
    const fused = /^h\.(\d+)\.attn\.c_attn\.(weight|bias)$/.exec(name);
    if (fused) {
      return ["q", "k", "v"].map((part, i) => [
        `blocks.${fused[1]}.attention.${part}.${fused[2]}`,
        columns(tensor, i * dim, dim, 3 * dim),
      ]);
    }
    const path = rename(name, [
      [/^wte\./, "embedding."],
      [/^wpe\.weight$/, "position.table"],
      [/^h\.(\d+)\.ln_([12])\./, "blocks.$1.norm$2."],
      [/^h\.(\d+)\.attn\.c_proj\./, "blocks.$1.attention.out."],
      [/^h\.(\d+)\.mlp\.c_fc\./, "blocks.$1.feedForward.up."],
      [/^h\.(\d+)\.mlp\.c_proj\./, "blocks.$1.feedForward.down."],
      [/^ln_f\./, "norm."],
      [/^lm_head\./, "head."],
    ]);
    // Its products store weights input-major.
    const transposed = /\.c_(fc|proj)\.weight$/.test(name);
    return path === undefined ? undefined : [[path, transposed ? { ...tensor, transposed } : tensor]];
  },
};

/** The families that can be read, by `model_type`. */
export const families: Readonly<Record<string, Family>> = { llama, gpt2 };

const gatedActivations = {
  silu: { type: "swiglu" },
  gelu: { type: "geglu", approximate: "none" },
  gelu_new: { type: "geglu", approximate: "tanh" },
  gelu_pytorch_tanh: { type: "geglu", approximate: "tanh" },
  relu: { type: "reglu" },
} as const;

const activations = {
  relu: { type: "relu" },
  gelu: { type: "gelu", approximate: "none" },
  gelu_new: { type: "gelu", approximate: "tanh" },
  gelu_pytorch_tanh: { type: "gelu", approximate: "tanh" },
  silu: { type: "silu" },
  swish: { type: "silu" },
} as const;

/** Base and scaling, from the fields of hub files or those that transformers 5 writes. */
function ropeOptions(fields: Fields): { base: number; scaling: RopeScaling | null } {
  const own = fields.object("rope_parameters"), legacy = fields.object("rope_scaling"), scaling = own ?? legacy;
  const theta = fields.number("rope_theta", 10000), base = own ? own.number("rope_theta", theta) : theta;
  if (!scaling) return { base, scaling: null };
  const names = { default: null, linear: "linear", llama3: "llama3" } as const;
  const old = scaling.choice("type", { ...names, "": null }, "");
  const type = scaling.choice("rope_type", names, old ?? "default");
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

function rename(name: string, rules: readonly (readonly [RegExp, string])[]): string | undefined {
  const rule = rules.find(([pattern]) => pattern.test(name));
  return rule && name.replace(rule[0], rule[1]);
}

/** Columns `first … first + count` of a stored `[k, all]` weight (input-major) or `[all]` bias. */
function columns(tensor: StoredTensor, first: number, count: number, all: number): StoredTensor {
  const bytes = tensor.dtype === "f32" ? 4 : 2, rows = tensor.shape.length === 2 ? tensor.shape[0] : 1;
  if (tensor.shape.at(-1) !== all) {
    throw new CheckpointError(`Cannot read ${tensor.where}: its shape is [${tensor.shape}], expected [..., ${all}]`);
  }
  return {
    ...tensor,
    shape: tensor.shape.length === 2 ? [rows, count] : [count],
    transposed: tensor.shape.length === 2,
    async read(offset, into) {
      const width = count * bytes; // pieces are whole rows
      for (let row = offset / width, at = 0; at < into.length; row++, at += width) {
        await tensor.read((row * all + first) * bytes, into.subarray(at, at + width));
      }
    },
  };
}
