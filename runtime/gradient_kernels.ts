import type { AttentionOptions, GatedKernel, KeyValueCache, RotaryLayout, UnaryKernel } from "./kernel_options.ts";
import type { Tensor } from "./tensor.ts";

/** How {@linkcode GradientKernels.crossEntropy} departs from `−ln softmax(x)[target]`. */
export interface CrossEntropyOptions {
  /** Share of the target's probability that is spread over all tokens. Szegedy et al. 2016, https://arxiv.org/abs/1512.00567 */
  readonly smoothing: number;
  /** Factor of the squared log-partition that is added. Chowdhery et al. 2022, https://arxiv.org/abs/2204.02311 */
  readonly zLoss: number;
}

/** What the gradient of attention needs of its forward pass. */
export interface AttentionRecord {
  /** `[batch, time, heads, headDim]`. */
  readonly q: Tensor;
  /** `[batch, time, kvHeads, headDim]`. */
  readonly k: Tensor;
  /** `[batch, time, kvHeads, headDim]`. */
  readonly v: Tensor;
  /** What it gave. */
  readonly out: Tensor;
  /** `ln Σ eˢ` of each row of scores, `[batch, heads, time]`. */
  readonly lse: Tensor;
  /** Keys and values of `time` positions, as it appended them. */
  readonly cache: KeyValueCache;
}

/** A gradient that contributions are summed in. */
export interface Sum extends Tensor {
  /** Nothing is there yet, not even zeros: the contribution is written, not added. */
  readonly empty?: boolean;
}

/** Where the gradients of attention go; absent where none is wanted. */
export interface AttentionGradients {
  /** Shape of `q`. */
  readonly q?: Sum | undefined;
  /** Shape of `k`. */
  readonly k?: Sum | undefined;
  /** Shape of `v`. */
  readonly v?: Sum | undefined;
  /** `[heads, length]`. */
  readonly bias?: Tensor | undefined;
  /** `[heads]`. */
  readonly sinks?: Tensor | undefined;
}

/**
 * What training needs beside the kernels of inference. `g` is the gradient of a kernel's output; everything called `d…` is
 * added to (`+=`; a {@linkcode Sum} that is empty is written), and left alone where it is absent.
 */
export interface GradientKernels {
  /** `out += factor · x`. */
  addScaled(out: Sum, x: Tensor, factor: number): void;
  /** `out += x · y`; `y` is repeated over leading axes. */
  addProduct(out: Tensor, x: Tensor, y: Tensor): void;
  /** `out[j] += Σ_r x[r, j] · y[r, j]`, rows as long as `out`; without `y` the sum of `x`. */
  sumRows(out: Tensor, x: Tensor, y?: Tensor): void;
  /** `dx += g · f'(x)` of a {@linkcode UnaryKernel}. */
  unaryGrad(name: UnaryKernel, dx: Sum, g: Tensor, x: Tensor): void;
  /** `dgate += g · up · f'(gate)`, `dup += g · f(gate)` of a {@linkcode GatedKernel}. */
  gatedGrad(
    name: GatedKernel,
    dgate: Sum | undefined,
    dup: Sum | undefined,
    g: Tensor,
    gate: Tensor,
    up: Tensor,
  ): void;
  /** `dx [m, k] += g [m, n] · w`, `w [n, k]` in panels or rows. */
  matmulGradX(dx: Sum, g: Tensor, w: Tensor): void;
  /** `dw [n, k] += gᵀ · x`, `dw` in panels or rows. */
  matmulGradW(dw: Sum, g: Tensor, x: Tensor): void;
  /** `dtable[ids[r]] += g[r]`, `dtable` in panels or rows. */
  gatherGrad(dtable: Tensor, g: Tensor, ids: Tensor): void;
  /** Of layerNorm (`centered`) or rmsNorm, but its bias: `dx` and `dweight`. */
  normGrad(
    dx: Sum | undefined,
    dweight: Tensor | undefined,
    g: Tensor,
    x: Tensor,
    weight: Tensor | undefined,
    eps: number,
    centered: boolean,
  ): void;
  /** `dx += p · (g − Σ g p)`, `p` the softmax. */
  softmaxGrad(dx: Tensor, g: Tensor, p: Tensor): void;
  /** `dx[r] += g[r] · (onehot(targets[r]) − softmax(x[r]))`. */
  logSoftmaxAtGrad(dx: Tensor, g: Tensor, x: Tensor, targets: Tensor): void;
  /** `out[r] = (1 − s) (lse − x[target]) + s (lse − mean x) + z lse²`; 0 for a negative target. */
  crossEntropy(out: Tensor, x: Tensor, targets: Tensor, options: CrossEntropyOptions): void;
  /** `dx[r] += g[r] · ((1 + 2 z lse) softmax(x[r]) − (1 − s) onehot(target) − s / vocab)`. */
  crossEntropyGrad(dx: Sum, g: Tensor, x: Tensor, targets: Tensor, options: CrossEntropyOptions): void;
  /** `dx +=` the rows of `g` rotated back. */
  rotateGrad(dx: Sum, g: Tensor, table: Tensor, start: number, layout: RotaryLayout): void;
  /** Computes probabilities again, block by block. All sequences begin at position 0. */
  attentionGrad(d: AttentionGradients, g: Tensor, record: AttentionRecord, options: AttentionOptions): void;
  /** `out = x / (1 − rate)`, or 0 with probability `rate`: decided by `seed` and the element's index. */
  dropout(out: Tensor, x: Tensor, rate: number, seed: number): void;
  /** `dx += g / (1 − rate)` where {@linkcode GradientKernels.dropout} kept the element. */
  dropoutGrad(dx: Sum, g: Tensor, rate: number, seed: number): void;
}
