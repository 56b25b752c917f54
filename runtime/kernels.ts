import type { GradientKernels } from "./gradient_kernels.ts";
import type { AttentionOptions, KeyValueCache, RotaryLayout, SinusoidLayout } from "./kernel_options.ts";
import type { OptimizerKernels } from "./optimizer_kernels.ts";
import type { Tensor } from "./tensor.ts";

export type {
  Activations,
  AttentionDropout,
  AttentionOptions,
  GatedKernel,
  KeyValueCache,
  RotaryLayout,
  SinusoidLayout,
  UnaryKernel,
} from "./kernel_options.ts";

/**
 * Everything a backend must compute. Kernels write into tensors they are given and allocate nothing that outlives them.
 * Shapes have been checked by {@linkcode Ops}.
 */
export interface Kernels extends GradientKernels, OptimizerKernels {
  /** f32 from f16 or bf16. */
  widen(out: Tensor, x: Tensor): void;
  /** Rows `first …` of `out [n, k]` (panels) from `x [rows, k]` (rows); `first` is a multiple of 8. */
  pack(out: Tensor, x: Tensor, first: number): void;
  /** Columns `first …` of `out [n, k]` (panels) from `x [columns, n]` (rows): weights stored input-major. */
  packTransposed(out: Tensor, x: Tensor, first: number): void;
  /** `x` (panels) as rows. */
  unpack(out: Tensor, x: Tensor): void;
  /** `out[r, j] = Σ_i x[r, i] · w[j, i] + bias[j]`, `w` in panels. */
  matmul(out: Tensor, x: Tensor, w: Tensor, bias?: Tensor): void;
  /** `out[r] = table[ids[r]]`. */
  gather(out: Tensor, table: Tensor, ids: Tensor): void;
  /** `out[r]` = the index of the largest of `x[r]`, the first of equals; `out` is i32. */
  argmax(out: Tensor, x: Tensor): void;
  /** `out = weight · (x − mean) / √(var + eps) + bias`, by rows. */
  layerNorm(out: Tensor, x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, eps: number): void;
  /** `out = weight · x / √(mean(x²) + eps)`, by rows. */
  rmsNorm(out: Tensor, x: Tensor, weight: Tensor | undefined, eps: number): void;
  /** `out = eˣ / Σ eˣ`, by rows. */
  softmax(out: Tensor, x: Tensor): void;
  /** The same over the `count` largest of each row, the first of equals; 0 for the others. */
  topSoftmax(out: Tensor, x: Tensor, count: number): void;
  /** `out[r] = ln softmax(x[r])[targets[r]]`. */
  logSoftmaxAt(out: Tensor, x: Tensor, targets: Tensor): void;
  /** `out[r]` = sines and cosines of `positions[r] · frequencies`. */
  sinusoid(out: Tensor, positions: Tensor, frequencies: readonly number[], layout: SinusoidLayout): void;
  /** Rotates the pairs of each head of `x [batch, time, heads, headDim]` by rows `start …` of `table [length, 2 · half]`. */
  rotate(out: Tensor, x: Tensor, table: Tensor, start: number, layout: RotaryLayout): void;
  /** Writes `k`, `v` `[batch, time, kvHeads, headDim]` to positions `start …` of a cache. */
  append(cache: KeyValueCache, k: Tensor, v: Tensor, start: number): void;
  /**
   * `out = softmax(scale · q keysᵀ + bias) · values`, causal; `q`, `out` `[batch, time, heads, headDim]`. What else it can
   * do, {@linkcode AttentionOptions} say.
   */
  attention(out: Tensor, q: Tensor, cache: KeyValueCache, kvHeads: number, options: AttentionOptions): void;
  /** The probabilities of the same, `out [batch, heads, time, start + time]`. */
  attentionWeights(out: Tensor, q: Tensor, cache: KeyValueCache, kvHeads: number, options: AttentionOptions): void;
  /** `out = x + y`; `y` is repeated over leading axes. */
  add(out: Tensor, x: Tensor, y: Tensor): void;
  /** `out = x · y`; `y` is repeated over leading axes. */
  mul(out: Tensor, x: Tensor, y: Tensor): void;
  /** `out = factor · x`. */
  scale(out: Tensor, x: Tensor, factor: number): void;
  /** `out = max(x, 0)`. */
  relu(out: Tensor, x: Tensor): void;
  /** `out = max(x, 0)²`. */
  reluSquared(out: Tensor, x: Tensor): void;
  /** `out = x/2 · (1 + erf(x/√2))`. */
  gelu(out: Tensor, x: Tensor): void;
  /** `out = x/2 · (1 + tanh(√(2/π)(x + 0.044715x³)))`. */
  geluTanh(out: Tensor, x: Tensor): void;
  /** `out = x / (1 + e⁻ˣ)`. */
  silu(out: Tensor, x: Tensor): void;
  /** `out = 1 / (1 + e⁻ˣ)`. */
  sigmoid(out: Tensor, x: Tensor): void;
  /** `out = tanh x`. */
  tanh(out: Tensor, x: Tensor): void;
  /** `out = erf x`. */
  erf(out: Tensor, x: Tensor): void;
  /** `out = eˣ`. */
  exp(out: Tensor, x: Tensor): void;
  /** `out = sin x`. */
  sin(out: Tensor, x: Tensor): void;
  /** `out = cos x`. */
  cos(out: Tensor, x: Tensor): void;
  /** `out = max(gate, 0) · up`. */
  reglu(out: Tensor, gate: Tensor, up: Tensor): void;
  /** `out = gelu(gate) · up`. */
  geglu(out: Tensor, gate: Tensor, up: Tensor): void;
  /** `out = geluTanh(gate) · up`. */
  gegluTanh(out: Tensor, gate: Tensor, up: Tensor): void;
  /** `out = silu(gate) · up`. */
  swiglu(out: Tensor, gate: Tensor, up: Tensor): void;
}
