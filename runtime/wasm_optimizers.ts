import { COST, pointer, type Split } from "./dispatch.ts";
import { type OptimizerKernels, SQUARE_BLOCK, squareBlocks, storedSize } from "./optimizer_kernels.ts";
import { panelsOf, size, type Tensor } from "./tensor.ts";

/** The optimizers' kernels in WebAssembly. */
export function wasmOptimizers(split: Split): OptimizerKernels {
  const matrix = (g: Tensor) => [...g.shape, g.layout === "panels" ? 1 : 0];
  return {
    fill: (out, value) => split("fill_f32", storedSize(out), COST.copy, out.ptr, value),
    combine: (out, x, y, a, b) => split("combine_f32", storedSize(x), COST.copy, out.ptr, x.ptr, y.ptr, a, b),
    squareSums: (out, x) =>
      split("square_sums_f32", squareBlocks(x), SQUARE_BLOCK * COST.square, out.ptr, x.ptr, storedSize(x)),
    normalize: (out, x, sums, eps) =>
      split("normalize_f32", storedSize(x), COST.copy, out.ptr, x.ptr, sums.ptr, size(sums.shape), eps),
    adamW(p, m, v, g, { beta1, beta2, eps, size, root, keep }) {
      const rates = [1 - beta1, beta2, 1 - beta2, size, root, eps, keep];
      split("adamw_f32", storedSize(p), COST.adam, p.ptr, m.ptr, v.ptr, g.ptr, ...rates);
    },
    sgd: (p, b, g, { momentum, nesterov, decay, rate }) =>
      split("sgd_f32", storedSize(p), COST.step, p.ptr, pointer(b), g.ptr, momentum, nesterov ? 1 : 0, decay, rate),
    lion: (p, m, g, { beta1, beta2, rate, keep }) =>
      split("lion_f32", storedSize(p), COST.step, p.ptr, m.ptr, g.ptr, 1 - beta1, 1 - beta2, rate, keep),
    momentum: (out, m, g, momentum) =>
      split("momentum_f32", storedSize(g), COST.step, out.ptr, m.ptr, g.ptr, 1 - momentum, momentum),
    rowMeanSquares: (out, g, rate) =>
      split("row_mean_squares_f32", panelsOf(g.shape[0]), g.shape[1] * 8, out.ptr, g.ptr, ...matrix(g), rate),
    columnMeanSquares: (out, g, rate) =>
      split("column_mean_squares_f32", g.shape[1], g.shape[0] * COST.square, out.ptr, g.ptr, ...matrix(g), rate),
    adafactorMatrix(out, g, rows, columns, eps) {
      const args = [out.ptr, g.ptr, rows.ptr, columns.ptr, ...matrix(g), eps];
      split("adafactor_matrix_f32", panelsOf(g.shape[0]), g.shape[1] * 8 * COST.step, ...args);
    },
    adafactorVector: (out, v, g, rate, eps) =>
      split("adafactor_vector_f32", storedSize(g), COST.adam, out.ptr, v.ptr, g.ptr, rate, eps),
    adafactorStep(p, u, pSums, uSums, { rate, scale, clip, keep }) {
      const sums = [pSums.ptr, uSums.ptr, size(pSums.shape), size(p.shape)];
      split("adafactor_step_f32", storedSize(p), COST.copy, p.ptr, u.ptr, ...sums, rate, scale, clip, keep);
    },
  };
}
