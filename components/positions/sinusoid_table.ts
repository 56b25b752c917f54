import type { SinusoidLayout } from "../../runtime/kernels.ts";
import { sliceRows, type Tensor } from "../../runtime/tensor.ts";
import type { BuildContext } from "../component.ts";

/** Rows computed at a time, at least. */
const STEP = 64;

/**
 * A table `[context, dim]` of sines and cosines whose rows are computed when they are first needed. Returns a function
 * that gives the table with at least the first `until` rows in place.
 */
export function sinusoidTable(
  { buffer, context, ops }: BuildContext,
  frequencies: readonly number[],
  dim: number,
  layout: SinusoidLayout,
): (until: number) => Tensor {
  const table = buffer([context, dim]);
  let filled = 0;
  return (until) => {
    if (until > filled) {
      const end = Math.min(context, Math.max(until, 2 * filled, STEP));
      const positions = Array.from({ length: end - filled }, (_, r) => filled + r);
      ops.sinusoid(sliceRows(table, filled, end - filled), positions, frequencies, layout);
      filled = end;
    }
    return table;
  };
}
