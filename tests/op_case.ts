import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../runtime/tensor.ts";

/** Error that most cases may have. */
export const TOLERANCE = 2e-6;

/** One call of an op. */
export interface OpCase {
  /** Sizes and options, for people. */
  readonly name: string;
  /** Shapes of the inputs, filled with numbers in [−2, 2). */
  readonly inputs: readonly (readonly number[])[];
  /** Runs it. */
  run(rt: Runtime, ...inputs: Tensor[]): Tensor;
  /** Largest `|a − b| / (1 + |b|)` against the reference. */
  readonly tolerance: number;
  /** `false` if it has none, as attention that begins in the middle of a cache. */
  readonly gradient?: false;
  /** Floating-point operations, where they are what an op is measured by. */
  readonly flops?: number;
}
