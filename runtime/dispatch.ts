import type { KernelExports } from "../kernels/gen/exports.ts";
import type { Tensor } from "./tensor.ts";

/** Work of one element of a kernel in multiply-adds: how much of a thread's time it takes. */
export const COST = { copy: 2, square: 3, step: 6, adam: 12, exp: 12, angle: 200 };

/** Keys (and queries, on the way back) of a block and rows of a tile, as in kernels/assembly/attention.ts. */
export const KEY_BLOCK = 64, ROWS = 4;

/** Rows for which a block of a cache that is not in f32 is unpacked once. */
export const PACKED_ROWS = 16;

/** Runs a kernel over `0 … count`, whole or in pieces, here or on several threads. */
export interface Dispatch {
  /** Elements per piece for `count` elements that together cost `work` multiply-adds; a multiple of `grain`. */
  chunk(count: number, work: number, grain?: number): number;
  /** Calls the kernel for each piece of `chunk` elements. */
  run(name: keyof KernelExports, count: number, chunk: number, ...args: number[]): void;
}

/** Runs a kernel over `0 … count`, an element of which costs `cost` multiply-adds. */
export type Split = (name: keyof KernelExports, count: number, cost: number, ...args: number[]) => void;

/** Splits over what `pool` has; pieces are multiples of `grain`. */
export function splitOver(pool: Dispatch, grain = 1): Split {
  return (name, count, cost, ...args) => pool.run(name, count, pool.chunk(count, count * cost, grain), ...args);
}

/** Where a tensor lies; 0 for none. */
export function pointer(t: Tensor | undefined): number {
  return t?.ptr ?? 0;
}

/** Arguments of kernels that drop elements: threshold of their words (0: none are dropped), factor of the others, seed. */
export function dropoutArguments(rate: number, seed: number): [threshold: number, keep: number, seed: number] {
  return [Math.min(2 ** 32 - 1, Math.round(rate * 2 ** 32)), 1 / (1 - rate), seed | 0];
}
