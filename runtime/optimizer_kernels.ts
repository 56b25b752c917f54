import { bytesOf, type Tensor } from "./tensor.ts";

/** Elements of a block of {@linkcode OptimizerKernels.squareSums}. */
export const SQUARE_BLOCK = 4096;

/** What {@linkcode OptimizerKernels.adamW} needs beside its tensors. */
export interface AdamWStep {
  /** Decay of the first moment, β₁. */
  readonly beta1: number;
  /** Decay of the second moment, β₂. */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly eps: number;
  /** Learning rate over the first bias correction: `lr / (1 − β₁ᵗ)`. */
  readonly size: number;
  /** Root of the second bias correction: `√(1 − β₂ᵗ)`. */
  readonly root: number;
  /** Share of the parameter that weight decay leaves: `1 − lr · decay`. */
  readonly keep: number;
}

/** What {@linkcode OptimizerKernels.sgd} needs beside its tensors. */
export interface SgdStep {
  /** Share of the last step that is added to this one. */
  readonly momentum: number;
  /** Looks ahead along the momentum. */
  readonly nesterov: boolean;
  /** Factor of the parameter in the gradient. */
  readonly decay: number;
  /** Learning rate. */
  readonly rate: number;
}

/** What {@linkcode OptimizerKernels.lion} needs beside its tensors. */
export interface LionStep {
  /** Share of the momentum in the step. */
  readonly beta1: number;
  /** Decay of the momentum. */
  readonly beta2: number;
  /** Learning rate. */
  readonly rate: number;
  /** Share of the parameter that weight decay leaves. */
  readonly keep: number;
}

/** What {@linkcode OptimizerKernels.adafactorStep} needs beside its tensors. */
export interface AdafactorStep {
  /** Learning rate, relative to the size of the parameter. */
  readonly rate: number;
  /** Least size that counts. */
  readonly scale: number;
  /** Root mean square from which updates are shortened. */
  readonly clip: number;
  /** Share of the parameter that weight decay leaves. */
  readonly keep: number;
}

/**
 * Steps of optimizers, in place. A parameter `p`, its gradient `g` and moments of its size have one layout; the filling
 * of panels stays zero.
 */
export interface OptimizerKernels {
  /** `out = value`, the filling of panels included. */
  fill(out: Tensor, value: number): void;
  /** `out = a · x + b · y`; all of one layout, any of them the same. */
  combine(out: Tensor, x: Tensor, y: Tensor, a: number, b: number): void;
  /** `out[b] = Σ x²` over stored elements `4096 b …`, summed in f64; see {@linkcode squareBlocks}. */
  squareSums(out: Tensor, x: Tensor): void;
  /** `out = x / max(‖x‖, eps)`, where `sums` are the {@linkcode OptimizerKernels.squareSums} of `x`. */
  normalize(out: Tensor, x: Tensor, sums: Tensor, eps: number): void;
  /** `m += (1 − β₁)(g − m)`, `v = β₂ v + (1 − β₂) g²`, `p = keep · p − size · m / (√v / root + eps)`. */
  adamW(p: Tensor, m: Tensor, v: Tensor, g: Tensor, step: AdamWStep): void;
  /** `d = g + decay · p`, `b = momentum · b + d`, `p −= rate · b`, or with nesterov `rate · (d + momentum · b)`. */
  sgd(p: Tensor, b: Tensor | undefined, g: Tensor, step: SgdStep): void;
  /** `p = keep · p − rate · sign(β₁ m + (1 − β₁) g)`, then `m = β₂ m + (1 − β₂) g`. */
  lion(p: Tensor, m: Tensor, g: Tensor, step: LionStep): void;
  /** `m += (1 − momentum)(g − m)`, `out = g + momentum · (m − g)`. */
  momentum(out: Tensor, m: Tensor, g: Tensor, momentum: number): void;
  /** `out[r] += rate · (mean(g[r]²) − out[r])`: `g [n, k]` in rows or panels, `out [n]`. */
  rowMeanSquares(out: Tensor, g: Tensor, rate: number): void;
  /** `out[i] += rate · (mean(g[:, i]²) − out[i])`: `g [n, k]` in rows or panels, `out [k]`. */
  columnMeanSquares(out: Tensor, g: Tensor, rate: number): void;
  /** `out = g / √max(rows · columns / max(mean(rows), eps), eps²)`: `g [n, k]`, `rows [n]`, `columns [k]`. */
  adafactorMatrix(out: Tensor, g: Tensor, rows: Tensor, columns: Tensor, eps: number): void;
  /** `v += rate · (g² − v)`, `out = g / √max(v, eps²)`. */
  adafactorVector(out: Tensor, v: Tensor, g: Tensor, rate: number, eps: number): void;
  /**
   * `p = keep · p − rate · max(scale, rms(p)) · u / max(1, rms(u) / clip)`, where `pSums` and `uSums` are the
   * {@linkcode OptimizerKernels.squareSums} of `p` and `u`.
   */
  adafactorStep(p: Tensor, u: Tensor, pSums: Tensor, uSums: Tensor, step: AdafactorStep): void;
}

/** Elements of `t` as they are stored, the filling of its last panel included. */
export function storedSize(t: Tensor): number {
  return bytesOf(t) / 4;
}

/** Number of partial sums that {@linkcode OptimizerKernels.squareSums} makes of `x`. */
export function squareBlocks(x: Tensor): number {
  return Math.ceil(storedSize(x) / SQUARE_BLOCK);
}

/** The stored elements of `t` as a vector: for kernels that do not care where in a matrix an element is. */
export function flat(t: Tensor): Tensor {
  return { ...t, shape: [storedSize(t)], layout: "rows" };
}
