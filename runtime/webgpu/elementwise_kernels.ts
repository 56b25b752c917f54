import { gatedShaders, unaryShaders } from "../../kernels/wgsl/activations.ts";
import { dropoutShader } from "../../kernels/wgsl/dropout.ts";
import { addScaledShader, addShader, fillShader, mulShader, scaleShader } from "../../kernels/wgsl/elementwise.ts";
import { dropoutArguments } from "../dispatch.ts";
import type { GatedKernel, UnaryKernel } from "../kernel_options.ts";
import type { Kernels } from "../kernels.ts";
import { storedSize } from "../optimizer_kernels.ts";
import { size, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";

/** What {@linkcode elementwiseKernels} has. */
export type ElementwiseKernels = Pick<
  Kernels,
  UnaryKernel | GatedKernel | "fill" | "scale" | "addScaled" | "add" | "mul" | "dropout"
>;

/** Kernels whose outputs depend on one element of each input. */
export function elementwiseKernels(gpu: Gpu): ElementwiseKernels {
  const unary = (name: UnaryKernel) => (out: Tensor, x: Tensor) =>
    gpu.runFlat(unaryShaders[name], size(x.shape), { out, x }, {}, {});
  const gated = (name: GatedKernel) => (out: Tensor, gate: Tensor, up: Tensor) =>
    gpu.runFlat(gatedShaders[name], size(gate.shape), { out, gate, up }, {}, {});
  return {
    fill: (out, value) => gpu.runFlat(fillShader, storedSize(out), { out }, {}, { value }),
    scale: (out, x, factor) => gpu.runFlat(scaleShader, size(x.shape), { out, x }, {}, { factor }),
    addScaled(out, x, factor) {
      gpu.runFlat(out.empty ? scaleShader : addScaledShader, storedSize(x), { out, x }, {}, { factor });
    },
    add: (out, x, y) => runRepeated(gpu, addShader, out, x, y),
    mul: (out, x, y) => runRepeated(gpu, mulShader, out, x, y),
    dropout: (out, x, rate, seed) => gpu.runFlat(dropoutShader, size(x.shape), { out, x }, {}, dropoutArgs(rate, seed)),
    relu: unary("relu"),
    reluSquared: unary("reluSquared"),
    gelu: unary("gelu"),
    geluTanh: unary("geluTanh"),
    silu: unary("silu"),
    sigmoid: unary("sigmoid"),
    tanh: unary("tanh"),
    erf: unary("erf"),
    exp: unary("exp"),
    sin: unary("sin"),
    cos: unary("cos"),
    reglu: gated("reglu"),
    geglu: gated("geglu"),
    gegluTanh: gated("gegluTanh"),
    swiglu: gated("swiglu"),
  };
}

/** Runs a shader of `out`, `x` and `y`, the last of which is repeated over the leading axes of `x`. */
export function runRepeated(gpu: Gpu, shader: typeof addShader, out: Tensor, x: Tensor, y: Tensor): void {
  // A `y` as long as `x` is cut as it is.
  const period = size(y.shape), alike = period === size(x.shape);
  gpu.runFlat(shader, size(x.shape), { out, x, ...(alike && { y }) }, alike ? {} : { y }, { period }, !alike);
}

/** Arguments of dropout's shaders: words below the threshold are dropped, the others multiplied by `keep`. */
export function dropoutArgs(rate: number, seed: number): Readonly<Record<"threshold" | "keep" | "seed", number>> {
  const [threshold, keep, word] = dropoutArguments(rate, seed);
  return { threshold, keep, seed: word };
}
