import type { GradientKernels, Sum } from "./gradient_kernels.ts";
import type { GatedKernel, UnaryKernel } from "./kernels.ts";
import { attentionGradReference } from "./reference_attention_grad.ts";
import { erf, gelu, geluTanh, keeps, logSumExp, panelIndex, relu, sigmoid, silu, type View } from "./reference_math.ts";
import { dimOf, rowsOf, type Tensor } from "./tensor.ts";

const ROOT = Math.sqrt(2 / Math.PI);

const slopes: Readonly<Record<UnaryKernel, (x: number) => number>> = {
  relu: (x) => x > 0 ? 1 : 0,
  reluSquared: (x) => x > 0 ? 2 * x : 0,
  gelu: (x) => 0.5 * (1 + erf(x * Math.SQRT1_2)) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
  geluTanh(x) {
    const t = Math.tanh(ROOT * (x + 0.044715 * x ** 3));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT * (1 + 3 * 0.044715 * x * x);
  },
  silu: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  sigmoid: (x) => sigmoid(x) * (1 - sigmoid(x)),
  tanh: (x) => 1 - Math.tanh(x) ** 2,
  erf: (x) => 2 / Math.sqrt(Math.PI) * Math.exp(-x * x),
  exp: Math.exp,
  sin: Math.cos,
  cos: (x) => -Math.sin(x),
};
const gates: Readonly<Record<GatedKernel, [(x: number) => number, (x: number) => number]>> = {
  reglu: [relu, slopes.relu],
  geglu: [gelu, slopes.gelu],
  gegluTanh: [geluTanh, slopes.geluTanh],
  swiglu: [silu, slopes.silu],
};

/** Reference gradients, sums in f64. */
export function gradientReference(f32: View, i32: (t: Tensor) => Int32Array): GradientKernels {
  /** Where element `[row, column]` of a matrix is stored. */
  const place = ({ layout, shape }: Tensor) =>
    layout === "panels" ? panelIndex : (row: number, column: number) => row * shape[1] + column;
  /** What contributions to a gradient are added to. */
  const into = (t: Sum) => t.empty ? f32(t).fill(0) : f32(t);
  return {
    ...attentionGradReference(f32, into),
    addScaled(out, x, factor) {
      const [o, a] = [into(out), f32(x)];
      for (let i = 0; i < a.length; i++) o[i] += factor * a[i];
    },
    addProduct(out, x, y) {
      const [o, a, b] = [f32(out), f32(x), f32(y)];
      for (let i = 0; i < a.length; i++) o[i] += a[i] * b[i % b.length];
    },
    sumRows(out, x, y) {
      const [o, a, b] = [f32(out), f32(x), y && f32(y)];
      for (let j = 0; j < o.length; j++) {
        let sum = o[j];
        for (let i = j; i < a.length; i += o.length) sum += a[i] * (b ? b[i] : 1);
        o[j] = sum;
      }
    },
    unaryGrad(name, dx, g, x) {
      const [d, b, a] = [into(dx), f32(g), f32(x)];
      for (let i = 0; i < a.length; i++) d[i] += b[i] * slopes[name](a[i]);
    },
    gatedGrad(name, dgate, dup, g, gate, up) {
      const [dg, du, b, a, u] = [dgate && into(dgate), dup && into(dup), f32(g), f32(gate), f32(up)];
      const [value, slope] = gates[name];
      for (let i = 0; i < a.length; i++) {
        if (dg) dg[i] += b[i] * u[i] * slope(a[i]);
        if (du) du[i] += b[i] * value(a[i]);
      }
    },
    matmulGradX(dx, g, w) {
      const [d, b, c] = [into(dx), f32(g), f32(w)], [n, k] = w.shape, at = place(w);
      for (let r = 0; r < rowsOf(g); r++) {
        for (let i = 0; i < k; i++) {
          let sum = d[r * k + i];
          for (let j = 0; j < n; j++) sum += b[r * n + j] * c[at(j, i, k)];
          d[r * k + i] = sum;
        }
      }
    },
    matmulGradW(dw, g, x) {
      const [d, b, a] = [into(dw), f32(g), f32(x)], [n, k] = dw.shape, at = place(dw);
      for (let j = 0; j < n; j++) {
        for (let i = 0; i < k; i++) {
          let sum = d[at(j, i, k)];
          for (let r = 0; r < rowsOf(x); r++) sum += b[r * n + j] * a[r * k + i];
          d[at(j, i, k)] = sum;
        }
      }
    },
    gatherGrad(dtable, g, ids) {
      const [d, b, id] = [f32(dtable), f32(g), i32(ids)], c = dimOf(g), at = place(dtable);
      for (let r = 0; r < id.length; r++) for (let i = 0; i < c; i++) d[at(id[r], i, c)] += b[r * c + i];
    },
    normGrad(dx, dweight, g, x, weight, eps, centered) {
      const [d, dw, b, a, w] = [dx && into(dx), dweight && f32(dweight), f32(g), f32(x), weight && f32(weight)];
      const c = dimOf(x), weightSums = new Float64Array(c);
      for (let r = 0; r < rowsOf(x); r++) {
        const row = a.subarray(r * c, (r + 1) * c), mean = centered ? average(row, (v) => v) : 0;
        const s = 1 / Math.sqrt(average(row, (v) => (v - mean) ** 2) + eps), unit = (i: number) => (row[i] - mean) * s;
        const h = Float64Array.from(row, (_, i) => b[r * c + i] * (w ? w[i] : 1));
        const shift = centered ? average(h, (v) => v) : 0, slope = average(h, (v, i) => v * unit(i));
        for (let i = 0; i < c; i++) {
          if (d) d[r * c + i] += s * (h[i] - shift - unit(i) * slope);
          weightSums[i] += b[r * c + i] * unit(i);
        }
      }
      if (dw) { for (let i = 0; i < c; i++) dw[i] += weightSums[i]; }
    },
    softmaxGrad(dx, g, p) {
      const [d, b, a] = [f32(dx), f32(g), f32(p)], n = dimOf(p);
      for (let r = 0; r < rowsOf(p); r++) {
        let sum = 0;
        for (let i = r * n; i < (r + 1) * n; i++) sum += b[i] * a[i];
        for (let i = r * n; i < (r + 1) * n; i++) d[i] += a[i] * (b[i] - sum);
      }
    },
    logSoftmaxAtGrad(dx, g, x, targets) {
      const [d, b, a, t] = [f32(dx), f32(g), f32(x), i32(targets)], n = dimOf(x);
      for (let r = 0; r < t.length; r++) {
        const row = a.subarray(r * n, (r + 1) * n), lse = logSumExp(row);
        for (let i = 0; i < n; i++) d[r * n + i] += b[r] * ((i === t[r] ? 1 : 0) - Math.exp(row[i] - lse));
      }
    },
    crossEntropy(out, x, targets, { smoothing, zLoss }) {
      const [o, a, t] = [f32(out), f32(x), i32(targets)], n = dimOf(x);
      for (let r = 0; r < t.length; r++) {
        const row = a.subarray(r * n, (r + 1) * n), lse = logSumExp(row);
        const spread = smoothing * (lse - average(row, (v) => v));
        o[r] = t[r] < 0 ? 0 : (1 - smoothing) * (lse - row[t[r]]) + spread + zLoss * lse ** 2;
      }
    },
    crossEntropyGrad(dx, g, x, targets, { smoothing, zLoss }) {
      const [d, b, a, t] = [into(dx), f32(g), f32(x), i32(targets)], n = dimOf(x);
      for (let r = 0; r < t.length; r++) {
        if (t[r] < 0) continue;
        const row = a.subarray(r * n, (r + 1) * n), lse = logSumExp(row);
        for (let i = 0; i < n; i++) {
          const wanted = (i === t[r] ? 1 - smoothing : 0) + smoothing / n;
          d[r * n + i] += b[r] * ((1 + 2 * zLoss * lse) * Math.exp(row[i] - lse) - wanted);
        }
      }
    },
    rotateGrad(dx, g, table, start, layout) {
      const [d, b, angles] = [into(dx), f32(g), f32(table)], [batch, time, heads, headDim] = g.shape;
      const half = dimOf(table) / 2;
      for (let r = 0; r < batch * time; r++) {
        const row = (start + r % time) * 2 * half;
        for (let h = 0; h < heads; h++) {
          const at = (r * heads + h) * headDim;
          for (let i = 0; i < half; i++) {
            const [first, second] = layout === "half" ? [i, i + half] : [2 * i, 2 * i + 1];
            const cos = angles[row + i], sin = angles[row + half + i], u = b[at + first], v = b[at + second];
            d[at + first] += u * cos + v * sin;
            d[at + second] += v * cos - u * sin;
          }
          for (let i = 2 * half; i < headDim; i++) d[at + i] += b[at + i];
        }
      }
    },
    dropout(out, x, rate, seed) {
      const [o, a] = [f32(out), f32(x)];
      for (let i = 0; i < a.length; i++) o[i] = keeps(i, seed, rate) ? a[i] / (1 - rate) : 0;
    },
    dropoutGrad(dx, g, rate, seed) {
      const [d, b] = [into(dx), f32(g)];
      for (let i = 0; i < b.length; i++) if (keeps(i, seed, rate)) d[i] += b[i] / (1 - rate);
    },
  };
}

function average(row: Float32Array | Float64Array, f: (v: number, i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += f(row[i], i);
  return sum / row.length;
}
