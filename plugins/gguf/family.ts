import type { RopeConfig } from "../../components/positions/rope.ts";
import type { RopeScaling } from "../../components/positions/rope_scaling.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import type { MetadataFields } from "./fields.ts";

/** The tensor that divides the frequencies of rotary positions, pair by pair. */
export const ROPE_FACTORS = "rope_freqs.weight";

/** What the tensors of a file say about its model. */
export interface Facts {
  /** Rows of the embedding. */
  readonly vocab: number;
  /** Names of all tensors. */
  readonly names: ReadonlySet<string>;
  /** The scaling that {@linkcode ROPE_FACTORS} mean; `null` where there are none. */
  ropeScaling(base: number, dims: number): RopeScaling | null;
}

/** How the files of one `general.architecture` are read. */
export interface Family {
  /**
   * The model that metadata describes, with llama.cpp's defaults. A field that is not read here is refused: it may change
   * what is computed. https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp
   */
  config(fields: MetadataFields, facts: Facts): ModelConfig;
  /** The parameters that a tensor holds: `[]` if the model does not need it, `undefined` for a name that is not known. */
  weights(name: string, tensor: StoredTensor, config: ModelConfig): [path: string, tensor: StoredTensor][] | undefined;
}

/**
 * Names of tensors that architectures share.
 * https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py
 */
export const commonNames: readonly (readonly [name: string, path: string])[] = [
  ["token_embd", "embedding"],
  ["blk.#.attn_norm", "blocks.#.norm1"],
  ["blk.#.attn_q", "blocks.#.attention.q"],
  ["blk.#.attn_k", "blocks.#.attention.k"],
  ["blk.#.attn_v", "blocks.#.attention.v"],
  ["blk.#.attn_output", "blocks.#.attention.out"],
  ["blk.#.ffn_norm", "blocks.#.norm2"],
  ["blk.#.ffn_gate", "blocks.#.feedForward.gate"],
  ["blk.#.ffn_up", "blocks.#.feedForward.up"],
  ["blk.#.ffn_down", "blocks.#.feedForward.down"],
  ["output_norm", "norm"],
  ["output", "head"],
];

/** The sizes of a model. A file without `output.weight` has the embedding for it. */
export function sizesOf(
  fields: MetadataFields,
  { vocab, names }: Facts,
): Pick<ModelConfig, "vocab" | "context" | "dim" | "depth" | "heads"> & { readonly tied: boolean } {
  fields.only("vocab_size", vocab);
  fields.only("attention.causal", true);
  fields.only("expert_count", 0);
  fields.only("expert_used_count", 0);
  return {
    vocab,
    context: fields.count("context_length"),
    dim: fields.count("embedding_length"),
    depth: fields.count("block_count"),
    heads: fields.count("attention.head_count"),
    tied: !names.has("output.weight"),
  };
}

/** Channels of a head. */
export function headDimOf(fields: MetadataFields, { dim, heads }: Pick<ModelConfig, "dim" | "heads">): number {
  const headDim = fields.maybeCount("attention.key_length", 2 ** 16) ?? dim / heads;
  fields.only("attention.value_length", headDim);
  return headDim;
}

/** Attention with as many heads of keys as metadata says, and biases where there are tensors for them. */
export function attentionOf(
  fields: MetadataFields,
  { names }: Facts,
  { dim, heads }: Pick<ModelConfig, "dim" | "heads">,
): Exclude<ModelConfig["attention"], readonly unknown[] | undefined> {
  const kvHeads = fields.count("attention.head_count_kv", heads), headDim = headDimOf(fields, { dim, heads });
  const window = fields.maybeNumber("attention.sliding_window"); // 0 for none
  const options = {
    bias: !names.has("blk.0.attn_q.bias") ? "none" : names.has("blk.0.attn_output.bias") ? "all" : "qkv",
    ...(headDim * heads !== dim && { headDim }),
    ...(window && { window }),
  } as const;
  return kvHeads === heads ? { type: "multiHead", ...options } : { type: "groupedQuery", kvHeads, ...options };
}

/** Rotary positions over all `headDim` channels of a head. */
export function ropeOf(
  fields: MetadataFields,
  facts: Facts,
  headDim: number,
): { readonly type: "rope" } & Pick<RopeConfig, "base" | "scaling"> {
  fields.only("rope.dimension_count", headDim);
  const base = fields.number("rope.freq_base", 10000), scaling = facts.ropeScaling(base, headDim);
  const kind = fields.choice("rope.scaling.type", { none: "none", linear: "linear" }, "linear");
  const factor = fields.maybeNumber("rope.scaling.factor") ?? fields.maybeNumber("rope.scale_linear") ?? 1;
  fields.only("rope.scaling.attn_factor", 1);
  fields.ignore("rope.scale_linear", "rope.scaling.original_context_length", "rope.scaling.finetuned");
  if (kind === "none" || factor === 1) return { type: "rope", base, scaling };
  if (scaling) fields.only("rope.scaling.factor", 1); // not both: `rope_freqs.weight` scales, too
  return { type: "rope", base, scaling: { type: "linear", factor } };
}
