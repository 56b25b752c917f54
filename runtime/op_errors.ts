import { describeTensor, dimOf, size, type Tensor } from "./tensor.ts";

/** Throws unless all are f32 in rows. */
export function expectRows(op: string, ...tensors: Tensor[]): void {
  for (const t of tensors) {
    if (t.layout !== "rows" || t.dtype !== "f32") throw mismatch(op, [t], "f32 in rows");
  }
}

/** Throws unless `vectors` are as long as the last axis of `x`. */
export function expectVector(op: string, x: Tensor, ...vectors: (Tensor | undefined)[]): void {
  expectRows(op, x);
  for (const v of vectors) if (v && size(v.shape) !== dimOf(x)) throw mismatch(op, [x, v], "a vector of the last axis");
}

/** What is wrong with the shapes that an op was given. */
export function mismatch(op: string, tensors: Tensor[], expected: string): TypeError {
  return new TypeError(`Cannot ${op} ${tensors.map(describeTensor).join(" and ")}, expected ${expected}`);
}
