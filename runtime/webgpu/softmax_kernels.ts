import {
  logSoftmaxAtGradShader,
  logSoftmaxAtShader,
  softmaxGradShader,
  softmaxShader,
  topSoftmaxShader,
} from "../../kernels/wgsl/softmax.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, rowsOf, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { runRows } from "./rows.ts";

/** What {@linkcode softmaxKernels} has. */
export type SoftmaxKernels = Pick<
  Kernels,
  "softmax" | "topSoftmax" | "softmaxGrad" | "logSoftmaxAt" | "logSoftmaxAtGrad"
>;

/** Softmax and its gradients: a few lanes or a workgroup for each row. */
export function softmaxKernels(gpu: Gpu): SoftmaxKernels {
  const shape = (x: Tensor) => [rowsOf(x), dimOf(x)] as const;
  return {
    softmax: (out, x) => runRows(gpu, softmaxShader, shape(x), { out, x }, {}, {}),
    topSoftmax: (out, x, count) => runRows(gpu, topSoftmaxShader, shape(x), { out, x }, {}, { count }),
    softmaxGrad: (dx, g, p) => runRows(gpu, softmaxGradShader, shape(p), { dx, g, p }, {}, {}),
    logSoftmaxAt: (out, x, targets) => runRows(gpu, logSoftmaxAtShader, shape(x), { out, x, targets }, {}, {}),
    logSoftmaxAtGrad: (dx, g, x, targets) =>
      runRows(gpu, logSoftmaxAtGradShader, shape(x), { dx, g, x, targets }, {}, {}),
  };
}
