import { addScaledShader, addShader, fillShader, mulShader, scaleShader } from "../../kernels/wgsl/elementwise.ts";
import type { Kernels } from "../kernels.ts";
import { storedSize } from "../optimizer_kernels.ts";
import { size } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";

/** Kernels whose outputs depend on one element of each input. */
export function elementwiseKernels(gpu: Gpu): Pick<Kernels, "fill" | "scale" | "addScaled" | "add" | "mul"> {
  const repeated = (shader: typeof addShader): Kernels["add"] => (out, x, y) => {
    // A `y` as long as `x` is cut as it is.
    const period = size(y.shape), alike = period === size(x.shape);
    gpu.runFlat(shader, size(x.shape), { out, x, ...(alike && { y }) }, alike ? {} : { y }, { period });
  };
  return {
    fill: (out, value) => gpu.runFlat(fillShader, storedSize(out), { out }, {}, { value }),
    scale: (out, x, factor) => gpu.runFlat(scaleShader, size(x.shape), { out, x }, {}, { factor }),
    addScaled(out, x, factor) {
      gpu.runFlat(out.empty ? scaleShader : addScaledShader, storedSize(x), { out, x }, {}, { factor });
    },
    add: repeated(addShader),
    mul: repeated(mulShader),
  };
}
