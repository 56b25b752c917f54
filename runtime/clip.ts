import { flat, squareBlocks } from "./optimizer_kernels.ts";
import type { Runtime } from "./runtime.ts";
import { sliceRows, type Tensor } from "./tensor.ts";

/** Numbers between the sums of one tensor and the next: every backend can begin a tensor there. */
const APART = 64;

/**
 * Shortens all `gradients` together to a norm of at most `maxNorm`: multiplies each by `maxNorm / (norm + 1e-6)` where that
 * is below 1. Returns the norm that they had; one that is not finite is returned and nothing is changed. The same bits for
 * any number of threads. Pascanu et al. 2012, https://arxiv.org/abs/1211.5063; as `torch.nn.utils.clip_grad_norm_`.
 *
 * @example
 * ```ts
 * import { clipByNorm, createRuntime } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * using runtime = await createRuntime({ threads: 1 });
 * const gradient = runtime.tensor([2], [3, 4]);
 * assertEquals(await clipByNorm(runtime, [gradient], 1), 5);
 * assertEquals((await runtime.read(gradient)).map((v) => Math.round(v * 1e4)), Float32Array.of(6000, 8000));
 * ```
 */
export async function clipByNorm(runtime: Runtime, gradients: readonly Tensor[], maxNorm: number): Promise<number> {
  if (!(maxNorm > 0)) throw new RangeError(`Cannot clip to a norm of ${maxNorm}, expected a number above 0`);
  const { kernels } = runtime, blocks = gradients.map(squareBlocks);
  let length = 0;
  const starts = blocks.map((n) => {
    const start = length;
    length += Math.ceil(n / APART) * APART;
    return start;
  });
  const sums = await runtime.scope(() => {
    const all = runtime.temp([length]);
    gradients.forEach((g, i) => kernels.squareSums(sliceRows(all, starts[i], blocks[i]), g));
    return runtime.read(all);
  });
  let total = 0;
  blocks.forEach((n, i) => {
    for (let b = 0; b < n; b++) total += sums[starts[i] + b];
  });
  const norm = Math.sqrt(total), factor = maxNorm / (norm + 1e-6);
  if (Number.isFinite(norm) && factor < 1) {
    for (const g of gradients) kernels.scale(flat(g), flat(g), factor);
  }
  return norm;
}
