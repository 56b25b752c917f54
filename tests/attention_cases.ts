/** Cases of attention, in the table of {@link ./cases.ts}. */
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { reshape, size, type Tensor } from "../runtime/tensor.ts";
import type { OpCase } from "./op_case.ts";

const TOLERANCE = 2e-6;

/** `[batch, time, heads, kvHeads, headDim, start, window, bias]`. */
const ATTENTION = [
  [1, 1, 1, 1, 8, 0, 0, 0],
  [2, 6, 4, 2, 8, 0, 0, 0],
  [1, 5, 3, 3, 12, 0, 0, 1],
  [1, 70, 4, 1, 5, 0, 0, 0],
  [1, 130, 2, 2, 16, 0, 20, 0],
  [2, 3, 4, 2, 8, 9, 0, 1],
  [1, 1, 6, 6, 48, 127, 0, 0],
  [1, 2, 8, 2, 64, 100, 30, 1],
  [2, 70, 4, 2, 8, 0, 40, 1],
  [1, 20, 2, 1, 128, 0, 0, 0],
  [1, 33, 1, 1, 256, 0, 0, 0],
  [1, 2, 1, 1, 256, 3, 0, 0],
  [1, 1, 4, 2, 16, 520, 450, 1],
  [2, 3, 8, 2, 24, 290, 0, 0],
] as const;

/** Every shape of attention, or of its probabilities. */
export function attentionCases(name: "attention" | "attentionWeights"): OpCase[] {
  return ATTENTION.map(([batch, time, heads, kvHeads, headDim, start, window, bias]) => ({
    name: `batch ${batch}, positions ${start} … ${start + time - 1}, heads ${heads}/${kvHeads} of ${headDim}` +
      `${window ? `, window ${window}` : ""}${bias ? ", bias" : ""}`,
    inputs: [
      [batch, time, heads, headDim],
      [batch, start + time, kvHeads, headDim],
      [batch, start + time, kvHeads, headDim],
      [heads, start + time + 3],
    ],
    run(rt, q, k, v, distances) {
      const rows = (t: Tensor, first: number, count: number) => timeSlice(rt, t, first, count);
      if (!start && name === "attention") {
        const dropout = kvHeads < heads ? { rate: 0.3, seed: 77 } : undefined;
        const options = { start, scale: headDim ** -0.5, window, ...(bias && { bias: distances }) };
        return rt.ops.attention(q, k, v, { ...options, ...(dropout && { dropout }) });
      }
      const cache = newKeyValueCache((s) => rt.temp(s), batch, kvHeads, headDim, start + time + 2);
      if (start) rt.kernels.append(cache, rows(k, 0, start), rows(v, 0, start), 0);
      const options = { start, scale: headDim ** -0.5, window, ...(bias && { bias: distances }) };
      return rt.ops[name](q, rows(k, start, time), rows(v, start, time), options, cache);
    },
    tolerance: TOLERANCE,
    ...(start && { gradient: false }),
    flops: 4 * batch * heads * headDim * time * (start + time / 2),
  }));
}

/** Rows `first …` of the time axis of `[batch, time, ...]`, copied. */
function timeSlice(rt: Runtime, t: Tensor, first: number, count: number): Tensor {
  const [batch, time, ...rest] = t.shape, width = size(rest);
  const ids = Array.from({ length: batch * count }, (_, i) => Math.floor(i / count) * time + first + i % count);
  return reshape(rt.ops.embed(reshape(t, [batch * time, width]), ids, [batch * count]), [batch, count, ...rest]);
}
