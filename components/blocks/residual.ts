import type { Ops } from "../../runtime/ops.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { number, type Option } from "../options.ts";

/** The option `residual`: factor of what each sublayer adds to the residual stream. */
export const residualOption: Option<number> = number(1, { above: 0 });

/** `(x, y) ↦ x + residual · y`. */
export function adding(ops: Ops, residual: number): (x: Tensor, y: Tensor) => Tensor {
  return residual === 1 ? ops.add : (x, y) => ops.add(x, ops.scale(y, residual));
}
