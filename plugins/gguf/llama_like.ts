import type { RopeConfig } from "../../components/positions/rope.ts";
import type { ModelConfig, ResolvedConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { size } from "../../runtime/tensor.ts";
import { CheckpointError } from "../../model/source.ts";
import { type Naming, naming } from "../huggingface/family.ts";
import {
  type AttentionChoice,
  type FeedForwardChoice,
  type LayerKind,
  MOST_LAYERS,
} from "../huggingface/llama_like.ts";
import type { RopeChoice } from "../huggingface/rope.ts";
import { halves, plus, reshaped } from "./arrange.ts";
import { commonEntries, type Entries, layerOf, windowsOf } from "./entries.ts";
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
import { type Joined, named } from "./store.ts";

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
  /** Names of all tensors. */
  readonly names: ReadonlySet<string>;
  /** Its norms. */
  readonly norm: { readonly type: "rmsNorm" | "layerNorm"; readonly eps: number };
}

/** Queries, keys and values in one tensor. */
export const QKV: Joined = {
  "blk.#.attn_qkv": ["blocks.#.attention.q", "blocks.#.attention.k", "blocks.#.attention.v"],
};

/** Stored names and parameter paths. */
type Names = readonly (readonly [name: string, path: string])[];

/** Names of the gains of each head's queries and keys. */
export const PER_HEAD_NAMES: Names = [
  ["blk.#.attn_q_norm", "blocks.#.attention.query"],
  ["blk.#.attn_k_norm", "blocks.#.attention.key"],
];

/** What sets an architecture apart that is built and named like Llama. */
export interface LlamaTraits {
  /** Default: `rmsNorm`. */
  readonly norm?: "rmsNorm" | "layerNorm";
  /** The feed-forward without its size. Default: SwiGLU. */
  readonly activation?:
    | { readonly type: "gelu" | "geglu"; readonly approximate: "tanh" | "none" }
    | { readonly type: "reluSquared" };
  /** Default: rotary. */
  readonly position?: "learned" | "alibi";
  /** Stored names beside those that architectures share, or instead of them. */
  readonly names?: Names | ((config: ModelConfig) => Names);
  /** See {@linkcode Family.neighbours}. Default: `false`. */
  readonly neighbours?: boolean;
  /** Parameters that have 1 added to them in files. */
  readonly raised?: RegExp;
  /** There may be experts, which {@linkcode LlamaTraits.config} reads. */
  readonly experts?: boolean;
  /** What rotations llama.cpp knows here, beside that of all channels of a head. */
  readonly turns?: readonly ("partial" | "llama3" | "longrope")[];
  /**
   * Biases that llama.cpp takes here: none; those of queries, keys and values, or none; all; or whichever there are.
   * Default: `some`.
   */
  readonly biases?: "none" | "some" | "all" | "any";
  /** Whether heads are the embedding, where llama.cpp knows no other way. */
  readonly tied?: boolean;
  /** What else llama.cpp does not take, see {@linkcode Family.limits}. */
  limits?(config: ResolvedConfig): string[];
  /** llama.cpp has no windows here, whatever metadata says. */
  readonly unwindowed?: boolean;
  /** What the architecture's own fields make of the model. Default: nothing. */
  config?(fields: MetadataFields, base: LlamaBase): ModelConfig;
  /** The other way. Default: no fields. */
  metadata?(config: ResolvedConfig): Entries;
  /** Parameters in a tensor that holds several; `undefined` for other tensors. */
  split?(name: string, tensor: StoredTensor, config: ModelConfig): [path: string, tensor: StoredTensor][] | undefined;
  /** The other way: what is written as one tensor. */
  joined?(config: ModelConfig): Joined;
}

/** The family of an architecture that differs little from Llama. */
export function llamaLike(traits: LlamaTraits): Family {
  const { neighbours: turned = false, raised } = traits, namesFor = namingOf(traits.names ?? []);
  return {
    config(fields, facts) {
      const base = readBase(fields, facts, traits);
      return traits.config?.(fields, base) ?? base.config;
    },
    weights(name, tensor, config) {
      if (ropeTensors.has(name)) return []; // read with the config
      const path = namesFor(config).path(name);
      const held = traits.split?.(name, tensor, config) ?? fusedHeads(name, tensor, config) ??
        (path === undefined ? undefined : [[path, tensor] as [string, StoredTensor]]);
      return held?.map(([path, part]) => {
        if (raised?.test(path)) return [path, lowered(part)];
        if (PER_HEAD.test(path)) return [path, reshaped(part, [size(part.shape)])];
        return [path, turned ? halves(path, part, config) : part];
      });
    },
    metadata: (config) => ({ ...commonEntries(config), ...traits.metadata?.(config) }),
    store: (parameters, config) => {
      const arranged = [...parameters].map(([path, tensor]): [string, StoredTensor] => [
        path,
        raised?.test(path) ? plus(tensor, 1) : PER_HEAD.test(path) ? perHead(tensor, config) : tensor,
      ]);
      return named(new Map(arranged), namesFor(config), traits.joined?.(config) ?? {});
    },
    neighbours: turned,
    limits: (config) => [...limitsOf(config, traits), ...traits.limits?.(config) ?? []],
    notes: (config) =>
      traits.unwindowed && windowsOf(config).some((window) => window !== null)
        ? ["llama.cpp has no windows in such models: beyond them it computes something else"]
        : [],
  };
}

/** What llama.cpp does not take of a model that the reader would. */
function limitsOf(config: ResolvedConfig, { turns = [], biases = "some", tied }: LlamaTraits): string[] {
  const { position, attention, feedForward } = layerOf(config), { dims = null, scaling } = position as LayerPosition;
  const lists = scaling?.type === "llama3" || scaling?.type === "longrope" ? scaling.type : undefined;
  const inside: unknown[] = { none: ["none"], some: ["none", "qkv"], all: ["all"], any: [attention.bias] }[biases];
  const hidden = biases === "any" || (feedForward.bias ?? false) === (biases === "all");
  return [
    ...dims !== null && !turns.includes("partial") ? ["position.dims"] : [],
    ...lists && !turns.includes(lists) ? [`position.scaling.type ${lists}`] : [],
    ...inside.includes(attention.bias) ? [] : ["attention.bias"],
    ...hidden ? [] : ["feedForward.bias"],
    ...tied === undefined || tied === config.tied ? [] : ["tied"],
  ];
}

/** The naming for a config: of two names of a parameter, or two parameters of a name, the architecture's own counts. */
function namingOf(own: NonNullable<LlamaTraits["names"]>): (config: ModelConfig) => Naming {
  const made = (pairs: Names) => {
    const [names, paths] = [new Set(pairs.map(([name]) => name)), new Set(pairs.map(([, path]) => path))];
    return naming([...commonNames.filter(([name, path]) => !names.has(name) && !paths.has(path)), ...pairs]);
  };
  if (typeof own === "function") return (config) => made(own(config));
  const same = made(own);
  return () => same;
}

/** Gains of each head's queries or keys, which are a matrix in files. */
const PER_HEAD = /\.attention\.(query|key)\.weight$/;

function perHead(tensor: StoredTensor, { dim, heads, attention }: ModelConfig): StoredTensor {
  const [{ headDim = dim / heads }] = [attention].flat() as { readonly headDim?: number }[];
  return reshaped(tensor, [size(tensor.shape) / headDim, headDim]);
}

type LayerPosition = Readonly<Partial<Pick<RopeConfig, "dims" | "scaling">>>;

/** Gains without the 1 that files have in them: with it, other programs would not know a saved model. */
function lowered(tensor: StoredTensor): StoredTensor {
  if (tensor.dtype === "f32") return plus(tensor, -1);
  throw new CheckpointError(`Cannot read ${tensor.where}: it is ${tensor.dtype}, expected f32 in a norm`);
}

/** Stands for the rotation of models that have none. */
const UNTURNED: RopeChoice = { type: "rope", base: 1e4, dims: null, scaling: null };

function readBase(fields: MetadataFields, facts: Facts, traits: LlamaTraits): LlamaBase {
  const sizes = sizesOf(fields, facts, traits.experts),
    headDim = headDimOf(fields, sizes),
    type = traits.norm ?? "rmsNorm";
  const position = traits.position ? UNTURNED : ropeOf(fields, facts, headDim, sizes.context);
  const attention = attentionOf(fields, facts, sizes);
  const eps = fields.number(type === "rmsNorm" ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon");
  const feedForward = {
    ...traits.activation ?? { type: "swiglu" },
    hidden: fields.count("feed_forward_length"),
    bias: facts.names.has("blk.0.ffn_up.bias"),
  } as FeedForwardChoice;
  const norm = { type, eps } as const;
  return {
    config: { ...sizes, position: traits.position ?? position, norm, attention, feedForward, block: "preNorm" },
    sizes,
    headDim,
    position,
    attention,
    norm,
    names: facts.names,
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
