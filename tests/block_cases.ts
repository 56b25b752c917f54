/** Calls of ops on weights in blocks: for WASM, the reference and WebGPU. */
import type { Runtime } from "../runtime/runtime.ts";
import { type BlockType, size, type Tensor } from "../runtime/tensor.ts";
import { uniform, uniformTensor } from "./support.ts";

/** All of them. */
export const blockTypes: readonly BlockType[] = ["q8_0", "q4_0"];

/** One call. */
export interface BlockCase {
  /** Sizes, for people. */
  readonly name: string;
  /** Runs it. */
  run(rt: Runtime): Tensor;
  /** Largest `|a − b| / (1 + |b|)` against the reference. */
  readonly tolerance: number;
}

/** A weight in blocks, quantised from uniform numbers. */
export function blockTensor(rt: Runtime, type: BlockType, shape: readonly number[], seed: number): Tensor {
  const t = rt.temp(shape, type, "panels");
  rt.write(t, uniform(size(shape), seed));
  return t;
}

/** One row, rows around tiles of 4 and of 8, panels and blocks that are not full, and more than is unpacked at a time. */
const PRODUCTS = [
  [1, 1, 1],
  [1, 32, 8],
  [1, 33, 9],
  [2, 64, 16],
  [3, 70, 7],
  [4, 31, 8],
  [5, 96, 17],
  [7, 130, 24],
  [8, 40, 5],
  [9, 256, 12],
  [70, 64, 40],
  [1, 1100, 20],
  [6, 1056, 12],
  [11, 8, 130],
] as const;

/** Products. */
export function productCases(type: BlockType): BlockCase[] {
  return PRODUCTS.flatMap(([m, k, n]) =>
    [false, true].map((bias) => ({
      name: `${m}×${k}×${n} in ${type}${bias ? " with bias" : ""}`,
      run: (rt) =>
        rt.ops.matmul(
          uniformTensor(rt, [m, k], 1),
          blockTensor(rt, type, [n, k], 2),
          bias ? uniformTensor(rt, [n], 3) : undefined,
        ),
      tolerance: 2e-6 * Math.sqrt(k),
    }))
  );
}

/** Rows of tables. */
export function gatherCases(type: BlockType): BlockCase[] {
  return [[3, 1], [20, 32], [13, 45]].map(([n, dim]) => ({
    name: `rows of ${n}×${dim} in ${type}`,
    run: (rt) => rt.ops.embed(blockTensor(rt, type, [n, dim], 4), [n - 1, 0, 2, 1, n - 1], [5]),
    tolerance: 0,
  }));
}
