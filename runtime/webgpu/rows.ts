import { sumRowsShader } from "../../kernels/wgsl/columns.ts";
import type { Shader } from "../../kernels/wgsl/shader.ts";
import { size, type Tensor } from "../tensor.ts";
import type { Gpu, Slice } from "./gpu.ts";
import type { Constant } from "./source.ts";

/** Rows that a workgroup adds up. */
const ROW_BLOCK = 128;

/** Tensors by the names that a shader has for them. */
export type Tensors<T extends string> = Readonly<Record<T, Tensor | undefined>>;

/** Lanes that share a row of `dim` elements: a few of them for each, so that short rows do not leave most lanes idle. */
function widthOf(dim: number): number {
  return [8, 32, 128].find((width) => dim <= 4 * width) ?? 256;
}

/**
 * Runs a shader that has `WIDTH` lanes, its first constant, for each of `rows` rows and the arguments `rows` and `dim`, in
 * as many slices as bindings need. Of tensors in `cut`, which have the same number of elements for each row, a slice sees
 * its own rows, of those in `whole` everything.
 */
export function runRows<T extends string, A extends string, C extends string>(
  gpu: Gpu,
  shader: Shader<T, A | "rows" | "dim", C>,
  [rows, dim]: readonly [rows: number, dim: number],
  cut: Partial<Tensors<T>>,
  whole: Partial<Tensors<T>>,
  args: Readonly<Record<Exclude<A, "rows" | "dim">, number>>,
  ...constants: Constant[]
): void {
  const width = widthOf(dim);
  for (const slice of gpu.slices(rows, 4 * dim)) {
    const tensors = { ...cutRows(cut as Tensors<T>, rows, slice), ...whole } as Tensors<T>;
    const groups = Math.ceil(slice.count * width / shader.workgroup);
    gpu.run(shader, tensors, { ...args, rows: slice.count, dim } as never, groups, width, ...constants);
  }
}

/**
 * `out[j] = Σ_r term(r, j)`, or `+=`, by one of the shaders of kernels/wgsl/columns.ts: sums of blocks of rows, then sums
 * of those. `inputs` have the same number of elements for each of `rows`, and a block of theirs ends where bindings may begin.
 */
export function sumColumns<T extends string>(
  gpu: Gpu,
  shader: Shader<T | "sums", "rows" | "columns" | "first", "COLUMNS" | "BLOCK" | "ADD">,
  out: Tensor,
  inputs: Tensors<T>,
  [rows, columns]: readonly [rows: number, columns: number],
  add: boolean,
  block = ROW_BLOCK,
): void {
  const blocks = Math.ceil(rows / block), direct = blocks <= 1;
  const width = [1, 8].find((width) => columns <= width) ?? 32;
  gpu.briefly(() => {
    const sums = direct ? out : gpu.temp([blocks, columns]);
    const widest = Math.max(...Object.values<Tensor | undefined>(inputs).map((t) => t ? wordsOf(t, rows) : 0));
    for (const slice of gpu.slices(rows, 4 * widest, block)) {
      const tensors = { ...cutRows(inputs, rows, slice), sums } as Tensors<T | "sums">;
      const args = { rows: slice.count, columns, first: slice.first / block };
      const groups = Math.ceil(slice.count / block) * Math.ceil(columns / width);
      gpu.run(shader, tensors, args, groups, width, block, add && direct);
    }
    if (!direct) sumColumns(gpu, sumRowsShader, out, { x: sums, y: undefined }, [blocks, columns], add);
  });
}

/** Rows of a slice of every tensor. */
function cutRows<T extends string>(tensors: Tensors<T>, rows: number, slice: Slice): Tensors<T> {
  if (slice.count === rows) return tensors;
  const own = Object.entries<Tensor | undefined>(tensors).map(([name, t]) => {
    if (!t) return [name, t];
    const words = wordsOf(t, rows);
    return [name, { ...t, ptr: t.ptr + 4 * slice.first * words, shape: [slice.count, words], layout: "rows" }];
  });
  return Object.fromEntries(own);
}

function wordsOf({ shape }: Tensor, rows: number): number {
  return size(shape) / rows;
}
