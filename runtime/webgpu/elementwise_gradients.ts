import { gatedGradShaders, unaryGradShaders } from "../../kernels/wgsl/activations.ts";
import { sumRowsShader } from "../../kernels/wgsl/columns.ts";
import { dropoutGradShader } from "../../kernels/wgsl/dropout.ts";
import { addProductShader } from "../../kernels/wgsl/elementwise.ts";
import type { Kernels } from "../kernels.ts";
import { size } from "../tensor.ts";
import { dropoutArgs, runRepeated } from "./elementwise_kernels.ts";
import type { Gpu } from "./gpu.ts";
import { sumColumns } from "./rows.ts";

/** What {@linkcode elementwiseGradients} has. */
export type ElementwiseGradients = Pick<
  Kernels,
  "unaryGrad" | "gatedGrad" | "addProduct" | "sumRows" | "dropoutGrad"
>;

/** Gradients of {@linkcode elementwiseKernels}. */
export function elementwiseGradients(gpu: Gpu): ElementwiseGradients {
  return {
    unaryGrad: (name, dx, g, x) => gpu.runFlat(unaryGradShaders[name], size(x.shape), { dx, g, x }, {}, {}, !!dx.empty),
    gatedGrad(name, dgate, dup, g, gate, up) {
      const tensors = { g, gate, up, dgate, dup };
      gpu.runFlat(gatedGradShaders[name], size(gate.shape), tensors, {}, {}, !!dgate?.empty, !!dup?.empty);
    },
    addProduct: (out, x, y) => runRepeated(gpu, addProductShader, out, x, y),
    sumRows(out, x, y) {
      const columns = size(out.shape);
      sumColumns(gpu, sumRowsShader, out, { x, y }, [size(x.shape) / columns, columns], true);
    },
    dropoutGrad: (dx, g, rate, seed) =>
      gpu.runFlat(dropoutGradShader, size(g.shape), { dx, g }, {}, dropoutArgs(rate, seed), !!dx.empty),
  };
}
