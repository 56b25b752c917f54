import type { GradientKernels, Sum } from "./gradient_kernels.ts";
import { keeps, type View } from "./reference_math.ts";
import { dimOf } from "./tensor.ts";

/** Reference gradient of attention, sums in f64, straight from the formulas. */
export function attentionGradReference(
  f32: View,
  into: (t: Sum) => Float32Array,
): Pick<GradientKernels, "attentionGrad"> {
  return {
    attentionGrad(d, g, record, { scale, window, bias, dropout, sinks, softcap }) {
      const [batch, time, heads, headDim] = record.q.shape, kvHeads = record.k.shape[2];
      const [q, k, v, b, shift] = [f32(record.q), f32(record.k), f32(record.v), f32(g), bias && f32(bias)];
      const sums = { q: new Float64Array(q.length), k: new Float64Array(k.length), v: new Float64Array(v.length) };
      const length = bias ? dimOf(bias) : 0, biasSums = new Float64Array(heads * length);
      const sink = sinks && f32(sinks), sinkSums = new Float64Array(heads);
      const dot = (x: Float32Array, i: number, y: Float32Array, j: number) => {
        let sum = 0;
        for (let c = 0; c < headDim; c++) sum += x[i + c] * y[j + c];
        return sum;
      };
      for (let n = 0; n < batch; n++) {
        for (let h = 0; h < heads; h++) {
          const kvHead = Math.floor(h * kvHeads / heads);
          const queryAt = (t: number) => ((n * time + t) * heads + h) * headDim;
          const keyAt = (j: number) => ((n * time + j) * kvHeads + kvHead) * headDim;
          for (let t = 0; t < time; t++) {
            const at = queryAt(t), first = window ? Math.max(0, t - window + 1) : 0;
            const dots = Float64Array.from({ length: t + 1 - first }, (_, i) => {
              const s = scale * dot(q, at, k, keyAt(first + i));
              return softcap ? Math.tanh(s / softcap) : s;
            });
            const scores = dots.map((s, i) => s * (softcap ?? 1) + (shift ? shift[h * length + t - first - i] : 0));
            const last = sink ? sink[h] : -Infinity, top = scores.reduce((m, s) => Math.max(m, s), last);
            const total = scores.reduce((sum, s) => sum + Math.exp(s - top), Math.exp(last - top));
            const p = scores.map((s) => Math.exp(s - top) / total);
            const word = ((n * heads + h) * time + t) * time + first;
            const kept = p.map((_, i) =>
              !dropout ? 1 : keeps(word + i, dropout.seed, dropout.rate) ? 1 / (1 - dropout.rate) : 0
            );
            const dp = p.map((_, i) => kept[i] * dot(b, at, v, keyAt(first + i)));
            const delta = p.reduce((sum, x, i) => sum + x * dp[i], 0);
            sinkSums[h] -= Math.exp(last - top) / total * delta;
            p.forEach((x, i) => {
              const slope = softcap ? 1 - dots[i] ** 2 : 1, ds = x * (dp[i] - delta) * slope, j = keyAt(first + i);
              if (shift) biasSums[h * length + t - first - i] += x * (dp[i] - delta);
              for (let c = 0; c < headDim; c++) {
                sums.q[at + c] += scale * ds * k[j + c];
                sums.k[j + c] += scale * ds * q[at + c];
                sums.v[j + c] += kept[i] * x * b[at + c];
              }
            });
          }
        }
      }
      const all = { ...sums, bias: biasSums, sinks: sinkSums };
      for (const name of ["q", "k", "v", "bias", "sinks"] as const) {
        const to = d[name] && into(d[name]), from = all[name];
        if (to) { for (let i = 0; i < to.length; i++) to[i] += from[i]; }
      }
    },
  };
}
