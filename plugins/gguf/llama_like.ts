import type { ModelConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { naming } from "../huggingface/family.ts";
import {
  type AttentionChoice,
  type FeedForwardChoice,
  type LayerKind,
  MOST_LAYERS,
} from "../huggingface/llama_like.ts";
import type { RopeChoice } from "../huggingface/rope.ts";
import {
  attentionOf,
  commonNames,
  type Facts,
  type Family,
  fusedHeads,
  headDimOf,
  type Sizes,
  sizesOf,
} from "./family.ts";
import type { MetadataFields } from "./fields.ts";
import { ropeOf, ropeTensors } from "./rope.ts";

/** What metadata says before the fields of one architecture are looked at. */
export interface LlamaBase {
  /** The model, were it a Llama. */
  readonly config: ModelConfig;
  /** Its sizes. */
  readonly sizes: Sizes;
  /** Channels of a head. */
  readonly headDim: number;
  /** Its positions. */
  readonly position: RopeChoice;
  /** Its attention. */
  readonly attention: AttentionChoice;
  /** Its norms. */
  readonly norm: { readonly type: "rmsNorm" | "layerNorm"; readonly eps: number };
}

/** What sets an architecture apart that is built and named like Llama. */
export interface LlamaTraits {
  /** Default: `rmsNorm`. */
  readonly norm?: "rmsNorm" | "layerNorm";
  /** The feed-forward without its size. Default: SwiGLU. */
  readonly activation?: { readonly type: "gelu" | "geglu"; readonly approximate: "tanh" };
  /** Stored names beside those that architectures share, or instead of them. */
  readonly names?: readonly (readonly [name: string, path: string])[];
  /** What the architecture's own fields make of the model. Default: nothing. */
  config?(fields: MetadataFields, base: LlamaBase): ModelConfig;
  /** Parameters in a tensor that holds several; `undefined` for other tensors. */
  split?(name: string, tensor: StoredTensor, config: ModelConfig): [path: string, tensor: StoredTensor][] | undefined;
  /** A parameter as other formats store it. Default: as it is. */
  arrange?(path: string, tensor: StoredTensor, config: ModelConfig): StoredTensor;
}

/** The family of an architecture that differs little from Llama. */
export function llamaLike(traits: LlamaTraits): Family {
  const own = traits.names ?? [], taken = new Set(own.map(([, path]) => path));
  const names = naming([...commonNames.filter(([, path]) => !taken.has(path)), ...own]);
  return {
    config(fields, facts) {
      const base = readBase(fields, facts, traits);
      return traits.config?.(fields, base) ?? base.config;
    },
    weights(name, tensor, config) {
      if (ropeTensors.has(name)) return []; // read with the config
      const path = names.path(name);
      const held = traits.split?.(name, tensor, config) ?? fusedHeads(name, tensor, config) ??
        (path === undefined ? undefined : [[path, tensor] as [string, StoredTensor]]);
      const { arrange } = traits;
      return arrange ? held?.map(([path, part]) => [path, arrange(path, part, config)]) : held;
    },
  };
}

function readBase(fields: MetadataFields, facts: Facts, traits: LlamaTraits): LlamaBase {
  const sizes = sizesOf(fields, facts), headDim = headDimOf(fields, sizes), type = traits.norm ?? "rmsNorm";
  const position = ropeOf(fields, facts, headDim, sizes.context), attention = attentionOf(fields, facts, sizes);
  const eps = fields.number(type === "rmsNorm" ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon");
  const feedForward: FeedForwardChoice = {
    ...traits.activation ?? { type: "swiglu" },
    hidden: fields.count("feed_forward_length"),
    bias: facts.names.has("blk.0.ffn_up.bias"),
  };
  const norm = { type, eps } as const;
  return {
    config: { ...sizes, position, norm, attention, feedForward, block: "preNorm" },
    sizes,
    headDim,
    position,
    attention,
    norm,
  };
}

/** How far queries see, as `attention.sliding_window` says; `null` for all the way, which 0 stands for. */
export function windowOf(fields: MetadataFields, fallback = 0): number | null {
  return fields.number("attention.sliding_window", fallback) || null;
}

/** The kinds of layers of which the last of every `period` sees all. */
export function periodicKinds(depth: number, period: number): LayerKind[] {
  return Array.from(
    { length: Math.min(depth, MOST_LAYERS) },
    (_, i) => (i + 1) % period ? "sliding_attention" : "full_attention",
  );
}
