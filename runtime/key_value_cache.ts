import type { KeyValueCache } from "./kernels.ts";
import { BLOCK, type CacheType, type DType, panelsOf, type Tensor, VALUE_BLOCK } from "./tensor.ts";

/**
 * Positions beside its window that a cache keeps at least: so many can be run at once, or taken back. A cache of 4,096
 * positions takes 6 % more for it, and a prompt is read in pieces large enough for its products.
 */
const SPARE = 256;

/** What a cache can be beside its size. */
export interface CacheOptions {
  /** Positions that are seen, the own included; older ones make room. Default: all. */
  readonly window?: number;
  /** What it keeps keys and values as. Default: `f32`. */
  readonly type?: CacheType;
}

const stored: Readonly<Record<CacheType, DType>> = { f32: "f32", f16: "f16", q8_0: "i8" };

/** Room for `length` positions of `batch` sequences. */
export function newKeyValueCache(
  buffer: (shape: readonly number[], fill?: undefined, dtype?: DType) => Tensor,
  batch: number,
  kvHeads: number,
  headDim: number,
  length: number,
  { type = "f32", window = length }: CacheOptions = {},
): KeyValueCache {
  // Blocks of keys begin where they would if all were kept, so that results have the same bits.
  const capacity = Math.min(length, VALUE_BLOCK * Math.ceil((window - 1 + SPARE) / VALUE_BLOCK));
  const panels = panelsOf(capacity), blocks = Math.ceil(capacity / VALUE_BLOCK);
  const tensor = (shape: readonly number[], dtype: DType) => buffer([batch, kvHeads, ...shape], undefined, dtype);
  const groups = Math.ceil(headDim / BLOCK);
  return {
    keys: tensor([panels, headDim, 8], stored[type]),
    values: tensor([blocks, panelsOf(headDim), VALUE_BLOCK, 8], stored[type]),
    ...(type === "q8_0" && {
      keyScales: tensor([panels, groups, 8], "f32"),
      valueScales: tensor([blocks, groups, VALUE_BLOCK], "f32"),
    }),
    capacity,
    length,
    ...(capacity < length && { spare: capacity - window + 1 }),
  };
}

/** Throws unless positions `start … start + time` fit into a cache together with the `window` that they see. */
export function expectKept(
  { capacity, length, spare }: KeyValueCache,
  start: number,
  time: number,
  window: number,
): void {
  if (start + time > length) {
    throw new RangeError(`Cannot write positions ${start} … ${start + time - 1} of a cache for ${length}`);
  }
  if (spare === undefined) return;
  const kept = capacity - spare + 1;
  if (!window || window > kept) {
    throw new TypeError(
      `Cannot see ${window || "all"} positions with a cache that keeps a window of ${kept}, expected at most that`,
    );
  }
  if (time > spare) {
    throw new RangeError(`Cannot run ${time} positions at once with a cache of a window, expected at most ${spare}`);
  }
}
