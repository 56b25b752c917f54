import type { KeyValueCache } from "./kernels.ts";
import { panelsOf, type Tensor, VALUE_BLOCK } from "./tensor.ts";

/** Room for `capacity` positions of `batch` sequences. */
export function newKeyValueCache(
  buffer: (shape: readonly number[]) => Tensor,
  batch: number,
  kvHeads: number,
  headDim: number,
  capacity: number,
): KeyValueCache {
  return {
    keys: buffer([batch, kvHeads, panelsOf(capacity), headDim, 8]),
    values: buffer([batch, kvHeads, Math.ceil(capacity / VALUE_BLOCK), panelsOf(headDim), VALUE_BLOCK, 8]),
    capacity,
  };
}
