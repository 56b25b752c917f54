import type { Runtime } from "../runtime/runtime.ts";
import type { WeightType } from "../runtime/tensor.ts";
import type { Checkpoint, StoredTensor } from "./format.ts";

/** What matrices of weights are stored as: one type, or one for each by the name of its parameter. */
export type Weights = WeightType | ((path: string) => WeightType);

/** What weights may be stored as, the largest first. */
export const weightTypes: readonly WeightType[] = ["f32", "f16", "q8_0", "q4_0"];

/** What the matrix `path` is stored as. */
export function weightType(weights: Weights, path: string): WeightType {
  return typeof weights === "string" ? weights : weights(path);
}

/** Throws a `TypeError` where the backend of `runtime` cannot store weights as `weights`. */
export function expectStored({ backend }: Runtime, weights: WeightType): void {
  const { stores = ["f32"], name } = backend;
  if (stores.includes(weights)) return;
  throw new TypeError(`Cannot store weights in ${weights} on ${name}, expected ${stores.join(" or ")}`);
}

/**
 * The types that keep each matrix as a checkpoint has it, or take the least room without losing more of it: blocks that
 * are not known here become `q8_0`, whose steps are far below theirs; f16 stays where the backend has it; everything else
 * is f32.
 */
export function storedWeights({ backend }: Runtime, tensors: Checkpoint["tensors"]): (path: string) => WeightType {
  const { stores = ["f32"] } = backend;
  return (path) => {
    const stored = tensors.get(path), type = stored ? typeOf(stored) : "f32";
    return stores.includes(type) ? type : "f32";
  };
}

function typeOf({ blocks, dtype, transposed }: StoredTensor): WeightType {
  if (blocks && !transposed) return blocks.format.type === "Q4_0" ? "q4_0" : "q8_0";
  return dtype === "f16" ? "f16" : "f32";
}
