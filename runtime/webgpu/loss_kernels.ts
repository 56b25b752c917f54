import { crossEntropyGradShader, crossEntropyShader } from "../../kernels/wgsl/losses.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, rowsOf, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { runRows } from "./rows.ts";

/** The loss and its gradient: a few lanes or a workgroup for each row of logits. */
export function lossKernels(gpu: Gpu): Pick<Kernels, "crossEntropy" | "crossEntropyGrad"> {
  const shape = (x: Tensor) => [rowsOf(x), dimOf(x)] as const;
  return {
    crossEntropy: (out, x, targets, { smoothing, zLoss }) =>
      runRows(gpu, crossEntropyShader, shape(x), { out, x, targets }, {}, { smoothing, zLoss }),
    crossEntropyGrad: (dx, g, x, targets, { smoothing, zLoss }) =>
      runRows(gpu, crossEntropyGradShader, shape(x), { dx, g, x, targets }, {}, { smoothing, zLoss }, !!dx.empty),
  };
}
