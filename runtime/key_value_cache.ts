import type { KeyValueCache } from "./kernels.ts";
import { BLOCK, type CacheType, type DType, panelsOf, type Tensor, VALUE_BLOCK } from "./tensor.ts";

/** What a cache can be beside its size. */
export interface CacheOptions {
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
  { type = "f32" }: CacheOptions = {},
): KeyValueCache {
  const capacity = length, panels = panelsOf(capacity), blocks = Math.ceil(capacity / VALUE_BLOCK);
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
  };
}
