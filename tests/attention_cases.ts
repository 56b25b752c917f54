import type { AttentionOptions } from "../runtime/kernels.ts";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { reshape, size, type Tensor } from "../runtime/tensor.ts";
import { type OpCase, TOLERANCE } from "./op_case.ts";

/** `[batch, time, heads, kvHeads, headDim, start, window, bias, softcap, sinks]`. */
const ATTENTION = [
  [1, 1, 1, 1, 8, 0, 0, 0, 0, 0],
  [2, 6, 4, 2, 8, 0, 0, 0, 0, 0],
  [1, 5, 3, 3, 12, 0, 0, 1, 0, 0],
  [1, 70, 4, 1, 5, 0, 0, 0, 0, 0],
  [1, 130, 2, 2, 16, 0, 20, 0, 0, 0],
  [2, 3, 4, 2, 8, 9, 0, 1, 0, 0],
  [1, 1, 6, 6, 48, 127, 0, 0, 0, 0],
  [1, 2, 8, 2, 64, 100, 30, 1, 0, 0],
  [2, 70, 4, 2, 8, 0, 40, 1, 0, 0],
  [1, 20, 2, 1, 128, 0, 0, 0, 0, 0],
  [1, 33, 1, 1, 256, 0, 0, 0, 0, 0],
  [1, 2, 1, 1, 256, 3, 0, 0, 0, 0],
  [1, 1, 4, 2, 16, 520, 450, 1, 0, 0],
  [2, 3, 8, 2, 24, 290, 0, 0, 0, 0],
  [2, 5, 4, 2, 6, 0, 0, 0, 1.5, 0],
  [1, 6, 2, 2, 7, 0, 3, 1, 0.7, 0],
  [2, 5, 4, 2, 6, 0, 0, 0, 0, 1],
  [1, 7, 3, 1, 5, 0, 2, 1, 1.1, 1],
  [1, 75, 4, 2, 9, 0, 40, 0, 2, 1],
  [1, 3, 4, 2, 12, 66, 0, 1, 2, 1],
  [2, 1, 4, 4, 8, 70, 5, 0, 0, 1],
  [1, 1, 4, 2, 16, 520, 450, 1, 3, 1],
] as const;

/** The cases of both kernels of attention. */
export function attentionCases(name: "attention" | "attentionWeights"): OpCase[] {
  return ATTENTION.map(([batch, time, heads, kvHeads, headDim, start, window, bias, softcap, sinks]) => ({
    name: `batch ${batch}, positions ${start} … ${start + time - 1}, heads ${heads}/${kvHeads} of ${headDim}` +
      `${window ? `, window ${window}` : ""}${bias ? ", bias" : ""}${softcap ? `, softcap ${softcap}` : ""}` +
      `${sinks ? ", sinks" : ""}`,
    inputs: [
      [batch, time, heads, headDim],
      [batch, start + time, kvHeads, headDim],
      [batch, start + time, kvHeads, headDim],
      [heads, start + time + 3],
      [heads],
    ],
    run(rt, q, k, v, distances, extra) {
      const options: AttentionOptions = {
        start,
        scale: headDim ** -0.5,
        window,
        ...(bias && { bias: distances }),
        ...(softcap && { softcap }),
        ...(sinks && { sinks: extra }),
      };
      const rows = (t: Tensor, first: number, count: number) => timeSlice(rt, t, first, count);
      if (!start && name === "attention") {
        const dropout = kvHeads < heads ? { rate: 0.3, seed: 77 } : undefined;
        return rt.ops.attention(q, k, v, { ...options, ...(dropout && { dropout }) });
      }
      const cache = newKeyValueCache((s) => rt.temp(s), batch, kvHeads, headDim, start + time + 2);
      if (start) rt.kernels.append(cache, rows(k, 0, start), rows(v, 0, start), 0);
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
