import { type OptimizerKernels, SQUARE_BLOCK } from "./optimizer_kernels.ts";
import { size, type Tensor } from "./tensor.ts";

/** The optimizers' kernels in plain TypeScript. `f32` gives the stored elements, `panelIndex` their places in panels. */
export function referenceOptimizers(
  f32: (t: Tensor) => Float32Array,
  panelIndex: (row: number, column: number, k: number) => number,
): OptimizerKernels {
  const sum = (t: Tensor) => f32(t).reduce((total, v) => total + v, 0);
  /** Calls `visit` with the stored place of every element of a matrix. */
  const each = (g: Tensor, visit: (at: number, row: number, column: number) => void) => {
    const [n, k] = g.shape;
    for (let r = 0; r < n; r++) {
      for (let i = 0; i < k; i++) visit(g.layout === "panels" ? panelIndex(r, i, k) : r * k + i, r, i);
    }
  };
  const meanSquares = (axis: 0 | 1) => (out: Tensor, g: Tensor, rate: number) => {
    const [o, a] = [f32(out), f32(g)], sums = new Float64Array(g.shape[axis]), count = g.shape[1 - axis];
    each(g, (at, row, column) => sums[axis ? column : row] += a[at] ** 2);
    for (let i = 0; i < sums.length; i++) o[i] += rate * (sums[i] / count - o[i]);
  };
  return {
    fill: (out, value) => void f32(out).fill(value),
    combine(out, x, y, a, b) {
      const [o, u, v] = [f32(out), f32(x), f32(y)];
      for (let i = 0; i < o.length; i++) o[i] = a * u[i] + b * v[i];
    },
    squareSums(out, x) {
      const [o, a] = [f32(out), f32(x)];
      for (let b = 0; b < o.length; b++) {
        let squares = 0;
        for (const v of a.subarray(b * SQUARE_BLOCK, (b + 1) * SQUARE_BLOCK)) squares += v * v;
        o[b] = squares;
      }
    },
    normalize(out, x, sums, eps) {
      const [o, a] = [f32(out), f32(x)], norm = Math.max(Math.sqrt(sum(sums)), eps);
      for (let i = 0; i < a.length; i++) o[i] = a[i] / norm;
    },
    adamW(p, m, v, g, { beta1, beta2, eps, size, root, keep }) {
      const [w, first, second, d] = [p, m, v, g].map(f32);
      for (let i = 0; i < w.length; i++) {
        first[i] += (1 - beta1) * (d[i] - first[i]);
        second[i] = beta2 * second[i] + (1 - beta2) * d[i] ** 2;
        w[i] = keep * w[i] - size * first[i] / (Math.sqrt(second[i]) / root + eps);
      }
    },
    sgd(p, b, g, { momentum, nesterov, decay, rate }) {
      const [w, d] = [p, g].map(f32), velocity = b && f32(b);
      for (let i = 0; i < w.length; i++) {
        const slope = d[i] + decay * w[i];
        let step = slope;
        if (velocity) {
          velocity[i] = momentum * velocity[i] + slope;
          step = nesterov ? slope + momentum * velocity[i] : velocity[i];
        }
        w[i] -= rate * step;
      }
    },
    lion(p, m, g, { beta1, beta2, rate, keep }) {
      const [w, average, d] = [p, m, g].map(f32);
      for (let i = 0; i < w.length; i++) {
        w[i] = keep * w[i] - rate * Math.sign(average[i] + (1 - beta1) * (d[i] - average[i]));
        average[i] += (1 - beta2) * (d[i] - average[i]);
      }
    },
    momentum(out, m, g, momentum) {
      const [o, average, d] = [out, m, g].map(f32);
      for (let i = 0; i < d.length; i++) {
        average[i] += (1 - momentum) * (d[i] - average[i]);
        o[i] = d[i] + momentum * (average[i] - d[i]);
      }
    },
    rowMeanSquares: meanSquares(0),
    columnMeanSquares: meanSquares(1),
    adafactorMatrix(out, g, rows, columns, eps) {
      const [o, d, r, c] = [out, g, rows, columns].map(f32), mean = Math.max(sum(rows) / r.length, eps);
      o.fill(0);
      each(g, (at, row, column) => o[at] = d[at] / Math.sqrt(Math.max(r[row] * c[column] / mean, eps ** 2)));
    },
    adafactorVector(out, v, g, rate, eps) {
      const [o, second, d] = [out, v, g].map(f32);
      for (let i = 0; i < d.length; i++) {
        second[i] += rate * (d[i] ** 2 - second[i]);
        o[i] = d[i] / Math.sqrt(Math.max(second[i], eps ** 2));
      }
    },
    adafactorStep(p, u, pSums, uSums, { rate, scale, clip, keep }) {
      const [w, update] = [f32(p), f32(u)], count = size(p.shape);
      const length = rate * Math.max(scale, Math.sqrt(sum(pSums) / count));
      const excess = Math.max(1, Math.sqrt(sum(uSums) / count) / clip);
      for (let i = 0; i < w.length; i++) w[i] = keep * w[i] - length / excess * update[i];
    },
  };
}
