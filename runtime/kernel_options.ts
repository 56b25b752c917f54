import type { Tensor } from "./tensor.ts";

/**
 * How products take activations where weights are in blocks: in 8 bits, 32 at a time with a scale, which is faster; or in
 * f32.
 */
export type Activations = "q8" | "f32";

/** Where the pairs of a rotary embedding lie: `(x[i], x[i + half])` or `(x[2i], x[2i + 1])`. */
export type RotaryLayout = "half" | "interleaved";

/** How a row of sines and cosines is ordered. */
export type SinusoidLayout = "cosSin" | "sinCos" | "interleaved";

/**
 * Keys and values of one attention layer, laid out for products: in f32, in f16, or as integers `q` in i8, of which 32
 * channels of a position share a scale `d`: `d · q`. Position `p` has slot `p mod capacity`.
 */
export interface KeyValueCache {
  /** `[batch, kvHeads, ⌈capacity/8⌉, headDim, 8]`. */
  readonly keys: Tensor;
  /** `[batch, kvHeads, ⌈capacity/64⌉, ⌈headDim/8⌉, 64, 8]`. */
  readonly values: Tensor;
  /** `[batch, kvHeads, ⌈capacity/8⌉, ⌈headDim/32⌉, 8]` in f32, where keys are i8. */
  readonly keyScales?: Tensor;
  /** `[batch, kvHeads, ⌈capacity/64⌉, ⌈headDim/32⌉, 64]` in f32, where values are i8. */
  readonly valueScales?: Tensor;
  /** Positions that there is memory for. */
  readonly capacity: number;
  /** Positions that a run may have. More than `capacity`, which then is a multiple of 64, where only a window is kept. */
  readonly length: number;
  /** How many positions can be run at once, or taken back, where only a window is kept. */
  readonly spare?: number;
}

/** What attention needs beside its tensors. */
export interface AttentionOptions {
  /** Position of the first query row. */
  readonly start: number;
  /** Factor of the scores. */
  readonly scale: number;
  /** How many positions a row sees, its own included; 0 for all. */
  readonly window: number;
  /** `[heads, length]`, added to the score of the key `distance` positions back. */
  readonly bias?: Tensor;
  /** Bounds scores, scaled, to `±softcap` before the bias is added: `softcap · tanh(s / softcap)`. Default: no bound. */
  readonly softcap?: number;
  /** `[heads]`: the score of one more key, whose value is 0. */
  readonly sinks?: Tensor;
  /** `[batch, heads, time]`: receives `ln Σ eˢ` of each row of scores, which the gradient needs. */
  readonly lse?: Tensor;
  /** Drops probabilities. The same elements for the same seed; only without a cache. */
  readonly dropout?: AttentionDropout;
}

/** See {@linkcode AttentionOptions}. */
export interface AttentionDropout {
  /** Share that is dropped, from 0, below 1. */
  readonly rate: number;
  /** Decides which. */
  readonly seed: number;
}

/** Kernels of one input and no options: `out = f(x)`, element by element. */
export type UnaryKernel =
  | "relu"
  | "reluSquared"
  | "gelu"
  | "geluTanh"
  | "silu"
  | "sigmoid"
  | "tanh"
  | "erf"
  | "exp"
  | "sin"
  | "cos";

/** Kernels of a gated feed-forward: `out = f(gate) · up`. */
export type GatedKernel = "reglu" | "geglu" | "gegluTanh" | "swiglu";
