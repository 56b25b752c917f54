import { PANEL, type Tensor } from "./tensor.ts";

/** The stored elements of `t`, in place; of 16-bit types the words. */
export type View = (t: Tensor) => Float32Array;

/** Where element `[row, column]` of a matrix with `k` columns lies among panels. */
export function panelIndex(row: number, column: number, k: number): number {
  return (Math.floor(row / PANEL) * k + column) * PANEL + row % PANEL;
}

/** `ln Σ eˣ`. */
export function logSumExp(row: ArrayLike<number>): number {
  let top = -Infinity, sum = 0;
  for (let i = 0; i < row.length; i++) top = Math.max(top, row[i]);
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - top);
  return top + Math.log(sum);
}

/** `out[r]` = the index of the largest of the `n` numbers of row r, the first of equals. */
export function argmaxRows(out: Int32Array, x: Float32Array, n: number): void {
  for (let r = 0; r < out.length; r++) {
    let best = 0;
    for (let i = 1; i < n; i++) if (x[r * n + i] > x[r * n + best]) best = i;
    out[r] = best;
  }
}

/** `max(x, 0)`, NaN for NaN. */
export function relu(x: number): number {
  return x > 0 ? x : x * 0;
}

/** `1 / (1 + e⁻ˣ)`. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** `x / (1 + e⁻ˣ)`. */
export function silu(x: number): number {
  return x * sigmoid(x);
}

/** `x Φ(x)`. */
export function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

/** The approximation of GELU by tanh. */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** erf in f64: its power series below 3, Lentz's continued fraction of erfc above. Abramowitz & Stegun 7.1.5, 7.1.14. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  if (a < 3) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

/** Whether dropout keeps element `i`: MurmurHash3's finisher, twice, as in kernels/assembly/random.ts. */
export function keeps(i: number, seed: number, rate: number): boolean {
  let h = i | 0;
  for (let turn = 0; turn < 2; turn++) {
    h ^= seed;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return (h >>> 0) >= Math.min(2 ** 32 - 1, Math.round(rate * 2 ** 32));
}
