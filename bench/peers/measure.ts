/** Timing and checking, the same for every implementation. */
import { inBlocks } from "./blocks.ts";
import { type ProductCase, spread } from "./cases.ts";
import { LIKELY, type Prepared } from "./protocol.ts";

/** Shortest stretch that is timed, in seconds: well above the resolution of the clock. */
const STRETCH = 0.001;
/** Shortest time to run before it counts, in seconds: threads that ended while others ran start again within it. */
export const WARM = 0.2;

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Seconds that one `call` takes: the median over stretches of calls that together take about `seconds`. Short calls run
 * for a while before, so that threads are awake and code is optimized; one that takes long is measured from the first.
 */
export async function secondsPerCall(call: () => unknown, seconds: number): Promise<number> {
  const stretch = async (calls: number) => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) {
      const result = call();
      if (result instanceof Promise) await result;
    }
    return (performance.now() - start) / 1000 / calls;
  };
  const first = await stretch(1);
  if (first > seconds / 4) return await repeated(() => stretch(1), seconds - first, [first]);
  const warm = median(await collect(() => stretch(1), Math.max(WARM, seconds * 0.3)));
  return await repeated(() => stretch(Math.ceil(STRETCH / warm)), seconds);
}

/** Runs `once` for about `seconds`, at least once. */
export async function collect<T>(once: () => Promise<T>, seconds: number): Promise<T[]> {
  const results: T[] = [], end = performance.now() + 1000 * seconds;
  do results.push(await once()); while (performance.now() < end);
  return results;
}

async function repeated(once: () => Promise<number>, seconds: number, before: number[] = []): Promise<number> {
  return median(seconds > 0 || !before.length ? [...before, ...await collect(once, seconds)] : before);
}

/** A product in some implementation. */
export interface Product {
  /** Computes it once; done when it returns, or when its promise resolves. */
  run(): unknown;
  /** C, row-major, computed anew. */
  result(): ArrayLike<number> | Promise<ArrayLike<number>>;
  /** Frees what it holds. */
  close?(): void;
}

/**
 * Builds a product of the same A and B in every implementation, and checks it. If B is in blocks, its values are such that
 * storing them so changes nothing.
 */
export async function prepareProduct(
  c: ProductCase,
  build: (a: Float32Array<ArrayBuffer>, b: Float32Array<ArrayBuffer>) => Product | Promise<Product>,
): Promise<Prepared> {
  const { m, k, n, weights } = c, a = spread(m * k, 1, 1), random = spread(k * n, 2, 1);
  const b = weights === "f32" ? random : transposed(inBlocks(weights, random), n, k);
  const product = await build(a, b);
  const error = largestError(c, a, b, await product.result());
  return {
    evidence: { error },
    async measure(seconds) {
      return { "GFLOP/s": 2 * m * k * n / await secondsPerCall(product.run, seconds) / 1e9 };
    },
    close: () => product.close?.(),
  };
}

/** Largest difference from sums in f64 at a few places, first and last included, relative to Σ |aᵢ · bᵢ|. */
function largestError(
  { m, k, n }: ProductCase,
  a: Float32Array,
  b: Float32Array,
  result: ArrayLike<number>,
): number {
  if (result.length !== m * n) return Infinity;
  const places = Array.from({ length: 61 }, (_, i) => Math.round(i / 60 * (m * n - 1)));
  return Math.max(...places.map((place) => {
    const row = Math.floor(place / n), column = place % n;
    let sum = 0, total = 0;
    for (let i = 0; i < k; i++) {
      const product = a[row * k + i] * b[i * n + column];
      sum += product;
      total += Math.abs(product);
    }
    // Not a number must not pass for a small error.
    return Number.isNaN(result[place]) ? Infinity : Math.abs(result[place] - sum) / total;
  }));
}

/** Rows and columns exchanged: `[rows, columns]` → `[columns, rows]`. */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column];
  }
  return out;
}

/** The indices of the largest values, largest first, and the logarithm of the first's share of Σ eˣ. */
export function likeliest(logits: ArrayLike<number>): { likely: number[]; logprob: number } {
  const likely = Array.from(logits, (_, i) => i).sort((a, b) => logits[b] - logits[a]).slice(0, LIKELY);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - logits[likely[0]]);
  return { likely, logprob: -Math.log(sum) };
}

/** The index of the largest value: what a greedy sampler takes. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}
