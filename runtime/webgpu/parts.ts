import type { InPanels } from "../../kernels/wgsl/blocks.ts";
import type { Stored } from "../../kernels/wgsl/half.ts";
import {
  describeTensor,
  dimOf,
  elementBytesOf,
  isBlocks,
  PANEL,
  panelBytes,
  panelsOf,
  type Tensor,
} from "../tensor.ts";
import type { Gpu, Slice } from "./gpu.ts";

/** Some rows of a weight that fit into a binding. */
export interface WeightPart extends Slice {
  /** Those rows, `[count, k]`. `first` is a multiple of 8. */
  readonly w: Tensor;
}

/** The rows of a weight `[n, k]`, in panels or rows, in as few parts of whole panels as bindings allow. */
export function* panelSlices(gpu: Gpu, w: Tensor): Generator<WeightPart> {
  const [n, k] = w.shape, bytes = panelBytes(k, w.dtype);
  for (const slice of gpu.slices(panelsOf(n), bytes)) {
    const first = slice.first * PANEL, count = Math.min(n - first, slice.count * PANEL);
    yield { first, count, w: { ...w, ptr: w.ptr + slice.first * bytes, shape: [count, k] } };
  }
}

/** Rows `first …` of `t`, each `dim` long. */
export function rowsFrom(t: Tensor, first: number, count: number, dim: number = dimOf(t)): Tensor {
  return { ...t, ptr: t.ptr + first * dim * elementBytesOf(t), shape: [count, dim] };
}

/** How a weight in panels is stored. */
export function panelsOfType(w: Tensor): InPanels {
  return isBlocks(w.dtype) ? w.dtype : storedAs(w);
}

/** How a weight is stored, if shaders can read its numbers one by one. */
export function storedAs(w: Tensor): Stored {
  if (w.dtype === "f32" || (w.dtype === "f16" && w.layout === "panels")) return w.dtype;
  throw new TypeError(`Cannot use ${describeTensor(w)} as a weight, expected f32, or f16 in panels`);
}
