import { weightGradShader } from "../../kernels/wgsl/columns.ts";
import { layerNormShader, normGradShader, rmsNormShader } from "../../kernels/wgsl/norms.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, rowsOf, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { runRows, sumColumns } from "./rows.ts";

/** Norms and their gradients: a few lanes or a workgroup for each row. */
export function normKernels(gpu: Gpu): Pick<Kernels, "layerNorm" | "rmsNorm" | "normGrad"> {
  const shape = (x: Tensor) => [rowsOf(x), dimOf(x)] as const;
  return {
    layerNorm: (out, x, weight, bias, eps) =>
      runRows(gpu, layerNormShader, shape(x), { out, x }, { weight, bias }, { eps }),
    rmsNorm: (out, x, weight, eps) => runRows(gpu, rmsNormShader, shape(x), { out, x }, { weight }, { eps }),
    normGrad(dx, dweight, g, x, weight, eps, centered) {
      gpu.briefly(() => {
        const statistics = dweight && gpu.temp([rowsOf(x), 3]);
        const cut = { g, x, dx, statistics };
        runRows(gpu, normGradShader, shape(x), cut, { weight }, { eps }, centered, !!dx?.empty);
        if (statistics) sumColumns(gpu, weightGradShader, dweight, { g, x, statistics }, shape(x), true);
      });
    },
  };
}
