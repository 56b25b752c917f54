import type { AttentionOptions, KeyValueCache } from "../runtime/kernels.ts";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { bytesOf, type CacheType, reshape, size, type Tensor } from "../runtime/tensor.ts";
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

/** Of caches that are not in f32: groups of channels that are whole, that are not, and several; whole and begun blocks. */
const PACKED = [
  [1, 1, 1, 1, 8, 0, 0, 0, 0, 0],
  [2, 6, 4, 2, 32, 0, 0, 0, 0, 0],
  [1, 70, 4, 1, 5, 0, 0, 0, 0, 0],
  [1, 130, 2, 2, 16, 0, 20, 0, 0, 0],
  [2, 3, 4, 2, 40, 9, 0, 1, 0, 0],
  [1, 1, 6, 6, 48, 127, 0, 0, 0, 0],
  [1, 2, 8, 2, 64, 100, 30, 1, 0, 0],
  [1, 20, 2, 1, 128, 0, 0, 0, 0, 0],
  [1, 9, 2, 2, 36, 60, 0, 0, 0, 0],
  [2, 3, 8, 2, 24, 290, 0, 0, 0, 0],
  [1, 75, 4, 2, 9, 0, 40, 0, 2, 1],
  [1, 1, 4, 2, 16, 520, 450, 1, 3, 1],
] as const;

/** The cases of both kernels of attention. */
export function attentionCases(name: "attention" | "attentionWeights"): OpCase[] {
  return [
    ...ATTENTION.map((sizes) => attentionCase(name, sizes, "f32")),
    ...(["f16", "q8_0"] as const).flatMap((type) => PACKED.map((sizes) => attentionCase(name, sizes, type))),
  ];
}

function attentionCase(
  name: "attention" | "attentionWeights",
  [batch, time, heads, kvHeads, headDim, start, window, bias, softcap, sinks]: readonly number[],
  type: CacheType,
): OpCase {
  return {
    name: `batch ${batch}, positions ${start} … ${start + time - 1}, heads ${heads}/${kvHeads} of ${headDim}` +
      `${window ? `, window ${window}` : ""}${bias ? ", bias" : ""}${softcap ? `, softcap ${softcap}` : ""}` +
      `${sinks ? ", sinks" : ""}${type === "f32" ? "" : `, a cache in ${type}`}`,
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
      if (!start && name === "attention" && type === "f32") {
        const dropout = kvHeads < heads ? { rate: 0.3, seed: 77 } : undefined;
        return rt.ops.attention(q, k, v, { ...options, ...(dropout && { dropout }) });
      }
      const buffer: Parameters<typeof newKeyValueCache>[0] = (shape, _, dtype) => rt.temp(shape, dtype);
      const cache = newKeyValueCache(buffer, batch, kvHeads, headDim, start + time + 2, { type });
      if (start) rt.kernels.append(cache, rows(k, 0, start), rows(v, 0, start), 0);
      return rt.ops[name](q, rows(k, start, time), rows(v, start, time), options, cache);
    },
    tolerance: TOLERANCE,
    ...((start || type !== "f32") && { gradient: false }),
    flops: 4 * batch * heads * headDim * time * (start + time / 2),
  };
}

/** What `append` writes, bit by bit: of caches in f16 and q8_0 as if the words were f32. */
export function appendCases(): OpCase[] {
  return [
    ...[1, 5, 8, 12].map((headDim) => appendCase("f32", headDim, 3)),
    ...([[1, 3], [5, 3], [12, 20], [64, 9]] as const).flatMap(([headDim, time]) => [
      appendCase("f16", headDim, time),
      appendCase("q8_0", headDim, time),
    ]),
    // Beyond the largest number of f16, around its least normal one, and below that.
    ...[1e5, 2 ** -15, 2 ** -23].map((factor) => appendCase("f16", 40, 9, factor)),
    ...[1e5, 0, 2 ** -100].map((factor) => appendCase("q8_0", 40, 9, factor)),
  ];
}

function appendCase(type: CacheType, headDim: number, time: number, factor = 1): OpCase {
  const start = 6, capacity = start + time, batch = 2, kvHeads = 2;
  let bytes = 0;
  const sized = newKeyValueCache(
    (shape, _, dtype = "f32") => {
      const tensor: Tensor = { ptr: bytes, shape, dtype, layout: "rows" };
      bytes += bytesOf(tensor);
      return tensor;
    },
    batch,
    kvHeads,
    headDim,
    capacity,
    { type },
  );
  return {
    name: `${time} positions, heads of ${headDim}${factor === 1 ? "" : ` times ${factor}`}, ${type}`,
    inputs: [[batch, time, kvHeads, headDim], [batch, time, kvHeads, headDim], [bytes / 4]],
    run(rt, k, v, space) {
      const zero = rt.ops.scale(space, 0), moved = (t: Tensor): Tensor => ({ ...t, ptr: zero.ptr + t.ptr });
      const { keys, values, keyScales, valueScales } = sized;
      const cache: KeyValueCache = {
        ...sized,
        keys: moved(keys),
        values: moved(values),
        ...(keyScales && { keyScales: moved(keyScales) }),
        ...(valueScales && { valueScales: moved(valueScales) }),
      };
      rt.kernels.append(cache, rt.ops.scale(k, factor), rt.ops.scale(v, factor), start);
      return zero;
    },
    tolerance: 0,
    gradient: false,
  };
}

/** Rows `first …` of the time axis of `[batch, time, ...]`, copied. */
function timeSlice(rt: Runtime, t: Tensor, first: number, count: number): Tensor {
  const [batch, time, ...rest] = t.shape, width = size(rest);
  const ids = Array.from({ length: batch * count }, (_, i) => Math.floor(i / count) * time + first + i % count);
  return reshape(rt.ops.embed(reshape(t, [batch * time, width]), ids, [batch * count]), [batch, count, ...rest]);
}
