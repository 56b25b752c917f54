import type { Runtime } from "../runtime/runtime.ts";
import { type DType, size, type Tensor } from "../runtime/tensor.ts";

/** One row of the benchmark. */
export interface OpBench {
  /** Sizes. */
  readonly name: string;
  /** Allocates what the op works on and returns one run of it. */
  make(rt: Runtime): () => void;
  /** Floating-point operations of a run, for ops that are bound by arithmetic. */
  readonly flops?: number;
  /** Bytes that a run reads and writes at least, for ops that are bound by memory. */
  readonly bytes?: number;
}

/** A kept tensor with numbers in [−1, 1). */
export function filled(
  rt: Runtime,
  shape: readonly number[],
  layout: "rows" | "panels" = "rows",
  dtype: DType = "f32",
): Tensor {
  const t = rt.place(rt.arena(), shape, layout, dtype), values = new Float32Array(size(shape));
  for (let i = 0, x = 1; i < values.length; i++) values[i] = (x = Math.imul(x, 1664525) + 1013904223 | 0) / 2 ** 31;
  rt.write(t, values);
  return t;
}
