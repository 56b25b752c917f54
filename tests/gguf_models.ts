/**
 * Checkpoints of Hugging Face folders as llama.cpp's converter stores them in GGUF files.
 * https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py
 */
import { ropeFrequencies } from "../components/positions/rope_scaling.ts";
import { size } from "../runtime/tensor.ts";
import { type GgufTensor, type Meta, plain } from "./gguf_files.ts";
import { memorySource, type Source } from "../model/source.ts";
import { golden, type GoldenTensor, readJson, uniform } from "./support.ts";

/** A config.json. */
export type Config = Readonly<Record<string, unknown>>;

/** What sets architectures apart. */
const architectures: Readonly<
  Record<string, { name: string; norms?: "four" | "after"; one?: boolean; half?: boolean }>
> = {
  llama: { name: "llama" },
  mistral: { name: "llama" },
  gpt2: { name: "gpt2", half: true },
  qwen2: { name: "qwen2", half: true },
  qwen3: { name: "qwen3", half: true },
  gemma: { name: "gemma", half: true, one: true },
  gemma2: { name: "gemma2", half: true, one: true, norms: "four" },
  gemma3_text: { name: "gemma3", half: true, one: true, norms: "four" },
  phi3: { name: "phi3", half: true },
  starcoder2: { name: "starcoder2", half: true },
  olmo2: { name: "olmo2", half: true, norms: "after" },
};

/** Names in GGUF of a layer's parts. */
const parts: Readonly<Record<string, string>> = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.qkv_proj": "attn_qkv",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.gate_up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
  "input_layernorm": "attn_norm",
  "post_attention_layernorm": "ffn_norm",
  "attn.c_attn": "attn_qkv",
  "attn.c_proj": "attn_output",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
  "ln_1": "attn_norm",
  "ln_2": "ffn_norm",
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  "lm_head": "output",
  "transformer.wte": "token_embd",
  "transformer.wpe": "position_embd",
  "transformer.ln_f": "output_norm",
};

/** The same where there are norms after sublayers. */
const norms: Readonly<Record<string, string>> = {
  "post_attention_layernorm": "post_attention_norm",
  "pre_feedforward_layernorm": "ffn_norm",
  "post_feedforward_layernorm": "post_ffw_norm",
};

const architectureOf = (config: Config) => architectures[config.model_type as string];

function ggufName(name: string, config: Config): string {
  const [, layer, part, kind] = /^(?:(?:model\.layers|transformer\.h)\.(\d+)\.)?(.*)\.(weight|bias)$/.exec(name)!;
  const own = architectureOf(config).norms ? norms[part] : undefined;
  return `${layer === undefined ? "" : `blk.${layer}.`}${own ?? parts[part]}.${kind}`;
}

/** The rotation, from either form of a config.json. */
function ropeOf(config: Config): Record<string, unknown> {
  const { full_attention, ...own } = (config.rope_parameters ?? {}) as Record<string, unknown>;
  const legacy = config.rope_scaling as Record<string, unknown> | null | undefined;
  return { rope_theta: config.rope_theta ?? 10000, ...legacy, ...own, ...full_attention as object };
}

const headDimOf = (config: Config) =>
  (config.head_dim ?? Number(config.hidden_size) / Number(config.num_attention_heads)) as number;

/** The tensors of a checkpoint. `store` makes those that are no vectors. */
export function convertedTensors(
  tensors: ReadonlyMap<string, GoldenTensor>,
  config: Config,
  store = plain,
): Record<string, GgufTensor> {
  const { one, half } = architectureOf(config), headDim = headDimOf(config);
  return Object.fromEntries(
    [...tensors].map(([name, { shape, values }]) => {
      const gguf = ggufName(name, config), [rows, columns = 1] = shape;
      const made = shape.length < 2 ? plain : store;
      if (/^transformer\..*\.c_(attn|fc|proj)\.weight$/.test(name)) {
        const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
        return [gguf, plain([columns, rows], turned)];
      }
      if (one && name.endsWith("norm.weight")) return [gguf, plain(shape, values.map((v) => Math.fround(v) + 1))];
      if (half || !/attn_[qk]\./.test(gguf)) return [gguf, made(shape, values)];
      // [head, 2, half, columns] → [head, half, 2, columns]
      const permuted = new Float64Array(values.length), width = headDim / 2;
      for (let row = 0; row < rows; row++) {
        const head = Math.floor(row / headDim), second = Math.floor(row % headDim / width), pair = row % width;
        const to = head * headDim + 2 * pair + second;
        permuted.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
      }
      return [gguf, made(shape, permuted)];
    }),
  );
}

/** The lists that divide rotary frequencies, as tensors. */
export function ropeTensors(config: Config): Record<string, GgufTensor> {
  const rope = ropeOf(config), dims = headDimOf(config);
  const list = (values: unknown) => plain([(values as number[]).length], values as number[]);
  if (rope.rope_type === "longrope") {
    return {
      "rope_factors_long.weight": list(rope.long_factor),
      "rope_factors_short.weight": list(rope.short_factor),
    };
  }
  if (rope.rope_type !== "llama3") return {};
  const { rope_theta: base, factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } =
    rope as Record<string, number>;
  const plainly = ropeFrequencies(base, dims, null),
    scaled = ropeFrequencies(base, dims, {
      type: "llama3",
      factor,
      lowFrequencyFactor: low_freq_factor,
      highFrequencyFactor: high_freq_factor,
      originalContext: original_max_position_embeddings,
    });
  return { "rope_freqs.weight": list(plainly.map((f, i) => f / scaled[i])) };
}

/**
 * Metadata of a checkpoint. Two fields are as the format has them, though the converter leaves them out for some of these
 * architectures: `attention.sliding_window`, and `attention.scale`.
 */
export function metadataOf(config: Config): Record<string, Meta> {
  const { name } = architectureOf(config), rope = ropeOf(config), headDim = headDimOf(config);
  const part = (rope.partial_rotary_factor ?? config.partial_rotary_factor ?? 1) as number;
  const fields: Record<string, unknown> = name === "gpt2"
    ? {
      "context_length": config.n_positions,
      "embedding_length": config.n_embd,
      "feed_forward_length": 4 * (config.n_embd as number),
      "block_count": config.n_layer,
      "attention.head_count": config.n_head,
      "attention.layer_norm_epsilon": config.layer_norm_epsilon,
    }
    : {
      "vocab_size": config.vocab_size,
      "context_length": config.max_position_embeddings,
      "embedding_length": config.hidden_size,
      "block_count": config.num_hidden_layers,
      "feed_forward_length": config.intermediate_size,
      "attention.head_count": config.num_attention_heads,
      "attention.head_count_kv": config.num_key_value_heads,
      "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
      "attention.layer_norm_epsilon": config.norm_epsilon,
      "attention.key_length": config.head_dim,
      "attention.value_length": config.head_dim,
      "attention.sliding_window": config.use_sliding_window === false ? undefined : config.sliding_window,
      "attention.scale": config.query_pre_attn_scalar && (config.query_pre_attn_scalar as number) ** -0.5,
      "attn_logit_softcapping": config.attn_logit_softcapping,
      "final_logit_softcapping": config.final_logit_softcapping,
      "rope.freq_base": rope.rope_theta,
      "rope.dimension_count": Math.trunc(part * headDim),
      ...ropeFields(config, rope),
    };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return {
    "general.architecture": name,
    ...(name === "llama" && { "general.alignment": 64 }),
    ...Object.fromEntries(given.map(([key, value]) => [`${name}.${key}`, value as Meta])),
  };
}

function ropeFields(config: Config, rope: Record<string, unknown>): Record<string, unknown> {
  const original = (rope.original_max_position_embeddings ?? config.original_max_position_embeddings) as number;
  if (rope.rope_type === "linear") return { "rope.scaling.type": "linear", "rope.scaling.factor": rope.factor };
  if (rope.rope_type === "longrope") {
    const longer = (config.max_position_embeddings as number) / original;
    return {
      "rope.scaling.original_context_length": original,
      "rope.scaling.attn_factor": Math.sqrt(1 + Math.log(longer) / Math.log(original)),
    };
  }
  if (rope.rope_type !== "yarn") return {};
  return {
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": rope.factor,
    "rope.scaling.original_context_length": original,
    "rope.scaling.yarn_attn_factor": rope.attention_factor,
    "rope.scaling.yarn_beta_fast": rope.beta_fast,
    "rope.scaling.yarn_beta_slow": rope.beta_slow,
  };
}

/** A safetensors file of f32. */
export function safetensorsOf(tensors: ReadonlyMap<string, GoldenTensor>): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, { shape }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at += 4 * size(shape)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), file = new Uint8Array(8 + text.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  let place = 8 + text.length;
  for (const { values } of tensors.values()) {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    file.set(bytes, place);
    place += bytes.length;
  }
  return file;
}

/** A small model of `families.json`: what transformers makes of it. */
export interface FamilyCase {
  readonly name: string;
  readonly config: Config;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly ids: readonly number[];
  readonly logits: readonly number[];
}

/** The weights that PyTorch computed with, see families_test.ts. */
export function familyTensors({ tensors }: FamilyCase): Map<string, GoldenTensor> {
  return new Map(
    Object.keys(tensors).sort().map((name, i) => {
      const shape = tensors[name], bias = name.endsWith("bias"), vector = shape.length === 1;
      const scale = bias || vector ? 0.2 : shape.at(-1)! ** -0.5, plus = vector && !bias ? 1 : 0;
      return [name, {
        shape,
        values: Float64Array.from(uniform(size(shape), i), (v) => Math.fround(plus + v * scale)),
      }];
    }),
  );
}

/** The small models. */
export const { cases: familyCases } = readJson<{ cases: FamilyCase[] }>(new URL("families.json", golden));

/** One of them as a folder. */
export function familyFolder(given: FamilyCase): Source {
  return memorySource({
    "config.json": new TextEncoder().encode(JSON.stringify(given.config)),
    "model.safetensors": safetensorsOf(familyTensors(given)),
  });
}
