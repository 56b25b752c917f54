/** What the optimizers' kernels are timed on: a weight matrix of a small model. */
import { type OptimizerKernels, squareBlocks } from "../runtime/optimizer_kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { size, type Tensor } from "../runtime/tensor.ts";
import { filled, type OpBench } from "./op_bench.ts";

const SHAPE = [768, 2048] as const;

/** A run on matrices in panels; `touched` counts how often one is read or written. */
function step(tensors: number, touched: number, run: (rt: Runtime, tensors: readonly Tensor[]) => void): OpBench[] {
  return [{
    name: SHAPE.join("×"),
    make(rt) {
      const matrices = Array.from({ length: tensors }, () => filled(rt, SHAPE, "panels"));
      return () => rt.scope(() => run(rt, matrices));
    },
    bytes: 4 * touched * size(SHAPE),
  }];
}

/** Partial sums of ones: filling them costs nothing beside a step. */
function sums(rt: Runtime, x: Tensor): Tensor {
  const out = rt.temp([squareBlocks(x)]);
  rt.kernels.fill(out, 1);
  return out;
}

/** A vector of ones. */
function vector(rt: Runtime, n: number): Tensor {
  const out = rt.temp([n]);
  rt.kernels.fill(out, 1);
  return out;
}

/** Every optimizer kernel's rows. */
export const optimizerBenches: Readonly<Record<keyof OptimizerKernels, readonly OpBench[]>> = {
  fill: step(1, 1, (rt, [x]) => rt.kernels.fill(x, 0)),
  combine: step(2, 3, (rt, [x, y]) => rt.kernels.combine(x, x, y, 0.5, 0.5)),
  squareSums: step(1, 1, (rt, [x]) => rt.kernels.squareSums(sums(rt, x), x)),
  normalize: step(2, 2, (rt, [x, out]) => rt.kernels.normalize(out, x, sums(rt, x), 1e-7)),
  adamW: step(
    4,
    7,
    (rt, [p, m, v, g]) =>
      rt.kernels.adamW(p, m, v, g, { beta1: 0.9, beta2: 0.95, eps: 1e-8, size: 1e-3, root: 1, keep: 1 }),
  ),
  sgd: step(3, 5, (rt, [p, b, g]) => rt.kernels.sgd(p, b, g, { momentum: 0.9, nesterov: false, decay: 0, rate: 1e-3 })),
  lion: step(3, 5, (rt, [p, m, g]) => rt.kernels.lion(p, m, g, { beta1: 0.9, beta2: 0.99, rate: 1e-3, keep: 1 })),
  momentum: step(3, 4, (rt, [out, m, g]) => rt.kernels.momentum(out, m, g, 0.95)),
  rowMeanSquares: step(1, 1, (rt, [g]) => rt.kernels.rowMeanSquares(vector(rt, SHAPE[0]), g, 0.1)),
  columnMeanSquares: step(1, 1, (rt, [g]) => rt.kernels.columnMeanSquares(vector(rt, SHAPE[1]), g, 0.1)),
  adafactorMatrix: step(
    2,
    2,
    (rt, [out, g]) => rt.kernels.adafactorMatrix(out, g, vector(rt, SHAPE[0]), vector(rt, SHAPE[1]), 1e-8),
  ),
  adafactorVector: step(3, 4, (rt, [out, v, g]) => rt.kernels.adafactorVector(out, v, g, 0.1, 1e-8)),
  adafactorStep: step(
    2,
    3,
    (rt, [p, u]) =>
      rt.kernels.adafactorStep(p, u, sums(rt, p), sums(rt, u), { rate: 1e-3, scale: 1e-3, clip: 1, keep: 1 }),
  ),
};
