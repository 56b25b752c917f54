import { columnSquaresShader, panelColumnSquaresShader } from "../../kernels/wgsl/columns.ts";
import {
  adafactorMatrixShader,
  adafactorStepShader,
  adafactorVectorShader,
  adamWShader,
  approachShader,
  combineShader,
  lionShader,
  momentumShader,
  normalizeShader,
  sgdShader,
} from "../../kernels/wgsl/optimizers.ts";
import {
  adafactorFactorShader,
  meanShader,
  normShader,
  panelMeanSquaresShader,
  rowMeanSquaresShader,
  squareSumsShader,
} from "../../kernels/wgsl/squares.ts";
import { flat, type OptimizerKernels, SQUARE_BLOCK, storedSize } from "../optimizer_kernels.ts";
import { PANEL, panelsOf, size, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { runRows, sumColumns } from "./rows.ts";

/** Steps of optimizers but `fill`. Where a step needs a number of a whole tensor, one workgroup makes it beforehand. */
export function optimizerKernels(gpu: Gpu): Omit<OptimizerKernels, "fill"> {
  return {
    combine: (out, x, y, a, b) => gpu.runFlat(combineShader, storedSize(x), { out, x, y }, {}, { a, b }),
    squareSums(out, x) {
      for (const { first, count } of gpu.slices(storedSize(x), 4, SQUARE_BLOCK)) {
        const part: Tensor = { ...x, ptr: x.ptr + 4 * first, shape: [count], layout: "rows" };
        const args = { count, first: first / SQUARE_BLOCK, zero: 0 };
        gpu.run(squareSumsShader, { sums: out, x: part }, args, Math.ceil(count / SQUARE_BLOCK));
      }
    },
    normalize(out, x, sums, eps) {
      gpu.briefly(() => {
        const norm = gpu.temp([1]);
        gpu.run(normShader, { norm, sums }, { count: size(sums.shape), eps }, 1);
        gpu.runFlat(normalizeShader, storedSize(x), { out, x }, { norm }, {});
      });
    },
    adamW(p, m, v, g, { beta1, beta2, eps, size, root, keep }) {
      const args = { rate1: 1 - beta1, beta2, rate2: 1 - beta2, eps, size, root, keep };
      gpu.runFlat(adamWShader, storedSize(p), { p, m, v, g }, {}, args);
    },
    sgd: (p, b, g, { momentum, nesterov, decay, rate }) =>
      gpu.runFlat(sgdShader, storedSize(p), { p, g, b }, {}, { momentum, decay, rate }, nesterov),
    lion(p, m, g, { beta1, beta2, rate, keep }) {
      const args = { rate1: 1 - beta1, rate2: 1 - beta2, rate, keep };
      gpu.runFlat(lionShader, storedSize(p), { p, m, g }, {}, args);
    },
    momentum: (out, m, g, momentum) =>
      gpu.runFlat(momentumShader, storedSize(g), { out, m, g }, {}, { rate1: 1 - momentum, momentum }),
    rowMeanSquares(out, g, rate) {
      const [n, k] = g.shape;
      if (g.layout === "rows") return runRows(gpu, rowMeanSquaresShader, [n, k], { out, x: g }, {}, { rate });
      for (const { first, count } of gpu.slices(panelsOf(n), 4 * PANEL * k, 8)) {
        const rows = Math.min(count * PANEL, n - first * PANEL);
        const own = { ...out, ptr: out.ptr + 4 * first * PANEL, shape: [rows] };
        const x: Tensor = { ...g, ptr: g.ptr + 4 * first * PANEL * k, shape: [count * PANEL * k], layout: "rows" };
        gpu.run(panelMeanSquaresShader, { out: own, x }, { n: rows, k, rate }, count);
      }
    },
    columnMeanSquares(out, g, rate) {
      const [n, k] = g.shape, panels = g.layout === "panels";
      gpu.briefly(() => {
        const sums = gpu.temp([k]), shader = panels ? panelColumnSquaresShader : columnSquaresShader;
        sumColumns(gpu, shader, sums, { x: flat(g) }, [panels ? panelsOf(n) : n, k], false, panels ? 16 : undefined);
        gpu.runFlat(approachShader, k, { out, sums }, {}, { rate, divisor: n });
      });
    },
    adafactorMatrix(out, g, rows, columns, eps) {
      const [n, k] = g.shape;
      gpu.briefly(() => {
        const mean = gpu.temp([1]), whole = { rows, columns, mean };
        gpu.run(meanShader, { mean, sums: rows }, { count: n, eps }, 1);
        gpu.runFlat(
          adafactorMatrixShader,
          storedSize(g),
          { out, g },
          whole,
          { n, k, eps },
          g.layout === "panels",
        );
      });
    },
    adafactorVector: (out, v, g, rate, eps) =>
      gpu.runFlat(adafactorVectorShader, storedSize(g), { out, v, g }, {}, { rate, eps }),
    adafactorStep(p, u, pSums, uSums, { rate, scale, clip, keep }) {
      gpu.briefly(() => {
        const factor = gpu.temp([1]), args = { count: size(pSums.shape), size: size(p.shape), rate, scale, clip };
        gpu.run(adafactorFactorShader, { factor, pSums, uSums }, args, 1);
        gpu.runFlat(adafactorStepShader, storedSize(p), { p, u }, { factor }, { keep });
      });
    },
  };
}
