import type { SinusoidLayout } from "../../runtime/kernels.ts";
import { sliceRows, type Tensor } from "../../runtime/tensor.ts";
import type { BuildContext } from "../component.ts";

/** Rows computed at a time, at least. */
const STEP = 64;

/**
 * A table `[context, dim]` of sines and cosines whose rows are computed when they are first needed. Returns a function
 * that gives the table with at least the first `until` rows in place; other frequencies than last time begin it anew.
 */
export function sinusoidTable(
  { buffer, context, ops }: BuildContext,
  dim: number,
  layout: SinusoidLayout,
): (until: number, frequencies: readonly number[]) => Tensor {
  const table = buffer([context, dim]);
  let filled = 0, held: readonly number[] | undefined;
  return (until, frequencies) => {
    if (frequencies !== held) filled = 0;
    held = frequencies;
    if (until > filled) {
      const end = Math.min(context, Math.max(until, 2 * filled, STEP));
      const positions = Array.from({ length: end - filled }, (_, r) => filled + r);
      ops.sinusoid(sliceRows(table, filled, end - filled), positions, frequencies, layout);
      filled = end;
    }
    return table;
  };
}
