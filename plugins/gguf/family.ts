import type { LongRopeScaling, RopeScaling } from "../../components/positions/rope_scaling.ts";
import type { ModelConfig, ResolvedConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { rowsOfStored } from "../../model/quantized/stored.ts";
import { CheckpointError } from "../../model/source.ts";
import type { AttentionChoice } from "../huggingface/llama_like.ts";
import type { Entries } from "./entries.ts";
import type { MetadataFields } from "./fields.ts";

/** What the tensors of a file say about its model. */
export interface Facts {
  /** Rows of the embedding. */
  readonly vocab: number;
  /** Names of all tensors. */
  readonly names: ReadonlySet<string>;
  /** The scaling that the one list of factors for rotary frequencies means; `null` where there is none. */
  ropeScaling(base: number, dims: number): RopeScaling | null;
  /** Factors for short runs and for long ones; `null` where there are none. */
  readonly longRope: Pick<LongRopeScaling, "shortFactors" | "longFactors"> | null;
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
  /**
   * What metadata says of a model in canonical form. Nothing needs to be checked here: a model fits an architecture if
   * {@linkcode Family.config} gives it back.
   */
  metadata(config: ResolvedConfig): Entries;
  /** The tensors of a file for the parameters of a model, and the paths of those that have no place in it. */
  store(parameters: ReadonlyMap<string, StoredTensor>, config: ModelConfig): Stored;
  /** Whether channels that turn together are neighbours in files, though not elsewhere. */
  readonly neighbours: boolean;
  /** What files can say and readers here take, but llama.cpp does not: names of config fields. */
  limits(config: ResolvedConfig): string[];
  /** What llama.cpp will make of a model that fits, where that is something else. */
  notes(config: ResolvedConfig): string[];
}

/** Tensors on their way to a file. */
export interface Stored {
  /** By their names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Parameters that have no name. */
  readonly strange: readonly string[];
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
  ["blk.#.attn_q_norm", "blocks.#.attention.query.norm"],
  ["blk.#.attn_k_norm", "blocks.#.attention.key.norm"],
  ["blk.#.attn_output", "blocks.#.attention.out"],
  ["blk.#.ffn_norm", "blocks.#.norm2"],
  ["blk.#.ffn_gate", "blocks.#.feedForward.gate"],
  ["blk.#.ffn_up", "blocks.#.feedForward.up"],
  ["blk.#.ffn_down", "blocks.#.feedForward.down"],
  ["output_norm", "norm"],
  ["output", "head"],
];

/** The sizes of a model. */
export type Sizes = Pick<ModelConfig, "vocab" | "context" | "dim" | "depth" | "heads"> & { readonly tied: boolean };

/**
 * The sizes that metadata says. A file without `output.weight` has the embedding for it. Experts are refused where `experts`
 * does not allow them.
 */
export function sizesOf(fields: MetadataFields, { vocab, names }: Facts, experts = false): Sizes {
  fields.only("vocab_size", vocab);
  fields.only("attention.causal", true);
  if (!experts) {
    fields.only("expert_count", 0);
    fields.only("expert_used_count", 0);
  }
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
): AttentionChoice {
  const kvHeads = fields.count("attention.head_count_kv", heads), headDim = headDimOf(fields, { dim, heads });
  const biased = names.has("blk.0.attn_q.bias") || names.has("blk.0.attn_qkv.bias");
  const options = {
    bias: !biased ? "none" : names.has("blk.0.attn_output.bias") ? "all" : "qkv",
    ...(headDim * heads !== dim && { headDim }),
  } as const;
  return kvHeads === heads ? { type: "multiHead", ...options } : { type: "groupedQuery", kvHeads, ...options };
}

/** The parts of `blk.#.attn_qkv`, in which queries, keys and values lie one after another; `undefined` for others. */
export function fusedHeads(
  name: string,
  tensor: StoredTensor,
  { dim, heads, attention }: ModelConfig,
): [path: string, tensor: StoredTensor][] | undefined {
  const [, layer, kind] = /^blk\.(\d+)\.attn_qkv\.(weight|bias)$/.exec(name) ?? [];
  if (layer === undefined) return undefined;
  const [{ headDim = dim / heads, kvHeads = heads }] = [attention].flat() as { headDim?: number; kvHeads?: number }[];
  const k = kvHeads * headDim, parts = cut(tensor, [heads * headDim, k, k]);
  return ["q", "k", "v"].map((part, i) => [`blocks.${layer}.attention.${part}.${kind}`, parts[i]]);
}

/** Runs of rows of a tensor, which has no others. */
export function cut(tensor: StoredTensor, counts: readonly number[]): StoredTensor[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (tensor.shape[0] !== all) {
    throw new CheckpointError(
      `Cannot read ${tensor.where}: its shape is [${tensor.shape.join(", ")}], expected [${all}, …]`,
    );
  }
  return counts.map((count, i) => {
    const first = counts.slice(0, i).reduce((sum, before) => sum + before, 0);
    return rowsOfStored(tensor, count, (row) => first + row);
  });
}
