import type { KeyValueCache } from "./kernels.ts";
import type { View } from "./reference_math.ts";
import { BLOCK, PANEL, size, type Tensor, VALUE_BLOCK } from "./tensor.ts";

/** Largest number of f16. */
const MOST_F16 = 65504;

/** Elements of a cache as they are stored. */
export type Stored = Float32Array | Float16Array | Int8Array;

/** The stored elements of keys or values, in place. */
export function storedOf(f32: View, t: Tensor): Stored {
  const { buffer, byteOffset } = f32(t), count = size(t.shape);
  if (t.dtype === "f16") return new Float16Array(buffer, byteOffset, count);
  if (t.dtype === "i8") return new Int8Array(buffer, byteOffset, count);
  return new Float32Array(buffer, byteOffset, count);
}

/**
 * Stores `row`, the channels of one position and head, at `index(i)`: rounded to f16, larger numbers to ±65504; or as
 * integers of which 32 share `d = max|x| / 127`, written to `scales`: `q = x · (1/d)`, rounded to even. All of it in f32.
 */
export function store(
  to: Stored,
  row: Float32Array,
  index: (i: number) => number,
  scales: Float32Array | undefined,
  scaleIndex: (group: number) => number,
): void {
  for (let first = 0; first < row.length; first += BLOCK) {
    const group = row.subarray(first, first + BLOCK), d = Math.fround(Math.max(...group.map(Math.abs)) / 127);
    const factor = d === 0 ? 0 : Math.fround(1 / d);
    group.forEach((x, i) => {
      if (to instanceof Float32Array) to[index(first + i)] = x;
      else if (to instanceof Int8Array) to[index(first + i)] = clamp(toEven(Math.fround(x * factor)), 127);
      else to[index(first + i)] = clamp(x, MOST_F16);
    });
    if (scales) scales[scaleIndex(first / BLOCK)] = d;
  }
}

/** All keys of a cache in f32, where they are. */
export function keysOf(f32: View, { keys, keyScales }: KeyValueCache): Float32Array {
  const headDim = keys.shape[3];
  return valuesAt(storedOf(f32, keys), keyScales && f32(keyScales), (at, groups) => {
    const panel = Math.floor(at / (headDim * PANEL)), i = Math.floor(at / PANEL) % headDim;
    return (panel * groups + Math.floor(i / BLOCK)) * PANEL + at % PANEL;
  }, keyScales?.shape[3]);
}

/** All values of a cache in f32, where they are. */
export function valuesOf(f32: View, { values, valueScales }: KeyValueCache): Float32Array {
  const panels = values.shape[3];
  return valuesAt(storedOf(f32, values), valueScales && f32(valueScales), (at, groups) => {
    const panel = Math.floor(at / (VALUE_BLOCK * PANEL)), i = panel % panels * PANEL + at % PANEL;
    const block = Math.floor(panel / panels) * groups + Math.floor(i / BLOCK);
    return block * VALUE_BLOCK + Math.floor(at / PANEL) % VALUE_BLOCK;
  }, valueScales?.shape[3]);
}

/** `d · q` in f32, or what is stored. */
function valuesAt(
  stored: Stored,
  scales: Float32Array | undefined,
  scaleIndex: (at: number, groups: number) => number,
  groups = 1,
): Float32Array {
  if (stored instanceof Float32Array) return stored;
  const values = Float32Array.from(stored);
  if (scales) values.forEach((q, at) => values[at] = scales[scaleIndex(at, groups)] * q);
  return values;
}

/** NaN stays NaN. */
function clamp(x: number, most: number): number {
  return Math.max(-most, Math.min(most, x));
}

/** The nearest integer, halves to the even one. */
function toEven(x: number): number {
  const down = Math.floor(x), rest = x - down;
  return rest < 0.5 || rest === 0.5 && down % 2 === 0 ? down : down + 1;
}
