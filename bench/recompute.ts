/**
 * What `recompute` saves and costs: memory of tensors and time of a gradient, with and without, in turn.
 *
 *     deno run -A bench/recompute.ts
 *
 * @module
 */
import { createGradients, createModel, createRuntime } from "../mod.ts";
import { median } from "./peers/measure.ts";

const DEPTH = 6, DIM = 384, CONTEXT = 1024, ROUNDS = 5;

using runtime = await createRuntime();
using model = createModel(runtime, { vocab: 256, context: CONTEXT, dim: DIM, depth: DEPTH, heads: 6 });
const tokens = Int32Array.from({ length: CONTEXT + 1 }, (_, i) => i * 7919 % 256);
const example = { inputs: tokens.subarray(0, -1), targets: tokens.subarray(1) };
using gradients = createGradients(model);
const { memory } = runtime.backend, before = memory.used;

const times: Record<string, number[]> = { true: [], false: [] }, peaks: Record<string, number> = {};
// The one that needs less comes first: scratch memory is kept, so its size is the most that was needed so far.
for (let round = 0; round <= ROUNDS; round++) {
  for (const recompute of [true, false]) {
    const start = performance.now();
    await gradients.add(example, { recompute, fresh: true });
    if (round) times[`${recompute}`].push(performance.now() - start);
    else peaks[`${recompute}`] = (memory.used - before) / 2 ** 20;
  }
}
console.log(
  `${CONTEXT} tokens, ${DEPTH} blocks of ${DIM}: scratch memory ${peaks.true.toFixed(0)} MiB with recompute, ` +
    `${peaks.false.toFixed(0)} without; ${(median(times.true) / median(times.false)).toFixed(2)} × the time`,
);
