import type { Ops } from "../runtime/ops.ts";
import type { CacheType, DType, Tensor } from "../runtime/tensor.ts";
import type { Init } from "./init.ts";
import type { InitContext, Initializer } from "./inits/initializer.ts";
import type { Optimizer, OptimizerContext } from "./optimizers/optimizer.ts";
import type { Options } from "./options.ts";
import type { Sampler, SamplerContext } from "./samplers/sampler.ts";
import type { Schedule, ScheduleContext } from "./schedules/schedule.ts";
import type { TokenizerContext, TokenizerTrainer } from "./tokenizers/tokenizer.ts";

/** Rescales each row. `[..., dim] → [..., dim]`, rows independent. */
export interface Norm {
  /** The normalised rows of `x`. */
  forward(x: Tensor): Tensor;
}

/** Mixes the channels of each position. `[..., dim] → [..., dim]`, rows independent. */
export interface FeedForward {
  /** The transformed rows of `x`. */
  forward(x: Tensor): Tensor;
}

/**
 * Allocates memory that lasts as long as what asked for it; `fill`, if given, sets its elements (row-major). `dtype` is
 * that of an element, default `f32`; only f32 can be filled.
 */
export type Allocate = (shape: readonly number[], fill?: (values: Float32Array) => void, dtype?: DType) => Tensor;

/** Mixes positions. Row `t` of `x` stands at position `start + t`. `[batch, time, dim] → same`, causal. */
export interface Attention<Cache = unknown> {
  /** Reads what `cache` holds of the positions before `start` and adds its own rows to it. */
  forward(x: Tensor, start: number, cache?: Cache): Tensor;
  /**
   * Room for `length` positions of `batch` sequences; absent where nothing is remembered. All that it remembers lies in
   * what `buffer` gives: caches are copied and saved by that memory. One that keeps the last positions only says so by its
   * `capacity` and `spare`, as a {@linkcode KeyValueCache} does, and is never run for more than `spare` at once.
   */
  newCache?(batch: number, length: number, buffer: Allocate): Cache;
  /** The attention probabilities of the same call, `[batch, heads, time, start + time]`; for looking at. */
  weights?(x: Tensor, start: number, cache?: Cache): Tensor;
}

/** Tells a model where its tokens are. A scheme implements the hooks that it needs. */
export interface Position {
  /** Absolute: the embeddings `x [batch, time, dim]` with positions `start …` added. */
  embed?(x: Tensor, start: number): Tensor;
  /**
   * Rotary: applied to queries and keys `[batch, time, heads, headDim]`. `length`: positions that the run is made for, the
   * room of its cache; without one `start + time`.
   */
  rotate?(x: Tensor, start: number, length: number): Tensor;
  /** Relative: `[heads, context]`, added to the score of a key `distance` positions back. */
  bias?(): Tensor;
}

/** What is done to queries, and apart from them to keys, before positions turn them. */
export interface QueryKey {
  /** `[batch, time, heads, headDim] → same`, positions independent. Queries and keys have a layer each. */
  forward(x: Tensor): Tensor;
  /** What is done to keys is done to values, too. Default: no. */
  readonly values?: boolean;
}

/** How scores of attention become probabilities, in the terms of {@linkcode Ops.attention}. */
export interface Scores {
  /** Bounds scores. */
  readonly softcap?: number;
  /** `[heads]`: scores of a key without a value. */
  readonly sinks?: Tensor;
}

/** What is done to embeddings before positions are added to them. */
export interface Stem {
  /** `[batch, time, width] → [batch, time, dim]`. */
  forward(x: Tensor): Tensor;
  /** Width of the embedding. Default: `dim`. */
  readonly width?: number;
}

/** From the residual stream to logits. */
export interface Head {
  /** `[..., dim] → [..., vocab]`, rows independent. */
  forward(x: Tensor): Tensor;
}

/** One layer of the residual stream: how norm, attention and feed-forward are arranged around it. */
export interface Block<Cache = unknown> {
  /** `[batch, time, dim] → same`. */
  forward(x: Tensor, start: number, cache?: Cache): Tensor;
  /** As for {@linkcode Attention.newCache}. */
  newCache?(batch: number, length: number, buffer: Allocate): Cache;
  /** The output is normalised already: a model that ends with this block adds no norm of its own. */
  readonly normalized?: boolean;
}

/** What each slot of a model holds. */
export interface ModelSlots {
  /** See {@linkcode Stem}. */
  stem: Stem;
  /** See {@linkcode Norm}. */
  norm: Norm;
  /** See {@linkcode Position}. */
  position: Position;
  /** See {@linkcode Attention}. */
  attention: Attention;
  /** See {@linkcode QueryKey}. */
  queryKey: QueryKey;
  /** See {@linkcode Scores}. */
  scores: Scores;
  /** See {@linkcode FeedForward}. */
  feedForward: FeedForward;
  /** See {@linkcode Block}. */
  block: Block;
  /** See {@linkcode Head}. */
  head: Head;
}

/** Everything that a component can be. */
export interface Slots extends ModelSlots {
  /** See {@linkcode Sampler}. */
  sampler: Sampler;
  /** See {@linkcode Initializer}. */
  init: Initializer;
  /** See {@linkcode Optimizer}. */
  optimizer: Optimizer;
  /** See {@linkcode Schedule}. */
  schedule: Schedule;
  /** See {@linkcode TokenizerTrainer}. */
  tokenizer: TokenizerTrainer;
}

/** What components are given when they are built, where that is not a {@linkcode BuildContext}. */
export interface SlotContexts {
  /** See {@linkcode HeadContext}. */
  head: HeadContext;
  /** See {@linkcode SamplerContext}. */
  sampler: SamplerContext;
  /** See {@linkcode InitContext}. */
  init: InitContext;
  /** See {@linkcode OptimizerContext}. */
  optimizer: OptimizerContext;
  /** See {@linkcode ScheduleContext}. */
  schedule: ScheduleContext;
  /** See {@linkcode TokenizerContext}. */
  tokenizer: TokenizerContext;
}

/** How {@linkcode BuildContext.linear} is set up. */
export interface LinearOptions {
  /** Adds a trained `bias [out]`. Default: no. */
  readonly bias?: boolean;
  /** The product ends a branch of the residual stream: some initialisations make its weight smaller. Default: no. */
  readonly residual?: boolean;
  /** How the weight starts. Default: as the model's `init` says. */
  readonly init?: Init;
}

/** What a layer may use while it is built. */
export interface BuildContext {
  /** What to compute with. */
  readonly ops: Ops;
  /** Width of the rows that this layer gets. */
  readonly dim: number;
  /** Attention heads of the model; in a {@linkcode QueryKey} those that it gets. */
  readonly heads: number;
  /** Most positions that the model will see. */
  readonly context: number;
  /** Index of the block being built, from 0. */
  readonly layer: number;
  /** The name of this layer: `blocks.3.attention`. */
  readonly path: string;
  /** The model's positions. Empty while they are being built themselves. */
  readonly position: Position;
  /** Declares a trained tensor. Its full name is the path of the layer, a dot, and `name`. */
  param(name: string, shape: readonly number[], init: Init): Tensor;
  /**
   * Declares a trained matrix `name.weight [outputs, inputs]`, and `name.bias [outputs]` if wanted, stored as products
   * read them, and returns `x ↦ x · weightᵀ + bias`.
   */
  linear(name: string, outputs: number, inputs: number, options?: LinearOptions): (x: Tensor) => Tensor;
  /** What caches keep keys and values as: pass it to `newKeyValueCache`. */
  readonly cacheType: CacheType;
  /** Untrained memory that lasts as long as the model. */
  readonly buffer: Allocate;
  /**
   * Builds a sublayer as the model's config asks for, e.g. `make("norm", "q_norm", headDim)`. `dim` and `heads` are those of
   * the sublayer; default: of this layer.
   */
  make<S extends keyof ModelSlots>(slot: S, name: string, dim?: number, heads?: number): ModelSlots[S];
  /** A `TypeError` about this layer: `Cannot build blocks.0.attention: …`. */
  error(message: string): TypeError;
}

/** What a {@linkcode Head} may use while it is built. */
export interface HeadContext extends BuildContext {
  /** Number of tokens. */
  readonly vocab: number;
  /** Width of the rows that {@linkcode HeadContext.project} takes: that of the embedding. */
  readonly width: number;
  /** `x · weightᵀ + bias`, `[..., width] → [..., vocab]`, with the embedding as weight where they are tied. */
  project(x: Tensor, bias?: Tensor): Tensor;
}

/** What {@linkcode Component.build} is given, by slot. */
export type ContextOf<Slot extends keyof Slots> = Slot extends keyof SlotContexts ? SlotContexts[Slot] : BuildContext;

/** One way to fill a slot: a name for configs, options with defaults, and a function from config to layer. */
export interface Component<
  Slot extends keyof Slots = keyof Slots,
  Type extends string = string,
  Config = unknown,
> {
  /** What it can be used as. */
  readonly slot: Slot;
  /** Its name in configs, and the name of its export. */
  readonly type: Type;
  /** Every option. Configs are checked against them, and no other key is accepted. */
  readonly options: Options<Config>;
  /** Makes the layer. All of its parameters are declared here; it computes nothing yet. */
  build(config: Config, context: ContextOf<Slot>): Slots[Slot];
}

/** The configs that choose one of the components `C` for slot `S`: its name, or its name and options. */
export type ConfigOf<C extends Component, S extends keyof Slots> = C extends Component<S, infer Type, infer Config>
  ? Type | Readonly<{ type: Type } & Partial<Config>>
  : never;
