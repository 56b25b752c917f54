import { rmsNormShader } from "../../kernels/wgsl/norms.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, rowsOf } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";

/** Norms: a workgroup for each row. */
export function normKernels(gpu: Gpu): Pick<Kernels, "rmsNorm"> {
  return {
    rmsNorm(out, x, weight, eps) {
      gpu.run(rmsNormShader, { out, x, weight }, { dim: dimOf(x), eps }, rowsOf(x));
    },
  };
}
