/** What the kernels of gradients are timed on. A kernel without a row is a type error. */
import type { GradientKernels } from "../runtime/gradient_kernels.ts";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { filled, type OpBench } from "./op_bench.ts";

const ROWS = 768, DIM = 512, VOCAB = 4096;

/** A kernel over `count` tensors `[ROWS, DIM]`, each of which it reads or writes once (gradients twice). */
function wide(count: number, run: (rt: Runtime, ...t: ReturnType<typeof filled>[]) => void): OpBench[] {
  return [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const tensors = Array.from({ length: count }, () => filled(rt, [ROWS, DIM]));
      return () => run(rt, ...tensors);
    },
    bytes: 4 * (count + 1) * ROWS * DIM,
  }];
}

/** Rows of logits and their targets. */
function logits(
  run: (rt: Runtime, dx: ReturnType<typeof filled>[], targets: ReturnType<typeof filled>) => void,
): OpBench[] {
  return [{
    name: `64×${VOCAB}`,
    make(rt) {
      const tensors = [filled(rt, [64, VOCAB]), filled(rt, [64]), filled(rt, [64, VOCAB])];
      const targets = rt.place(rt.arena(), [64], "rows", "i32");
      rt.backend.write(targets, Array.from({ length: 64 }, (_, i) => i));
      return () => run(rt, tensors, targets);
    },
    bytes: 4 * 2 * 64 * VOCAB,
  }];
}

const sizes = [[768, 128, 128], [768, 128, 512], [512, 768, 2048]] as const;

/** Every gradient's rows. */
export const gradientBenches: Readonly<Record<keyof GradientKernels, readonly OpBench[]>> = {
  addScaled: wide(2, (rt, out, x) => rt.kernels.addScaled(out, x, 1e-9)),
  addProduct: wide(3, (rt, out, x, y) => rt.kernels.addProduct(out, x, y)),
  sumRows: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const out = filled(rt, [DIM]), x = filled(rt, [ROWS, DIM]);
      return () => rt.kernels.sumRows(out, x);
    },
    bytes: 4 * ROWS * DIM,
  }],
  unaryGrad: wide(3, (rt, dx, g, x) => rt.kernels.unaryGrad("gelu", dx, g, x)),
  gatedGrad: wide(5, (rt, dgate, dup, g, gate, up) => rt.kernels.gatedGrad("swiglu", dgate, dup, g, gate, up)),
  matmulGradX: sizes.map(([m, k, n]) => ({
    name: `${m}×${k}×${n}`,
    make(rt) {
      const dx = filled(rt, [m, k]), g = filled(rt, [m, n]), w = filled(rt, [n, k], "panels");
      return () => rt.kernels.matmulGradX(dx, g, w);
    },
    flops: 2 * m * k * n,
  })),
  matmulGradW: sizes.map(([m, k, n]) => ({
    name: `${m}×${k}×${n}`,
    make(rt) {
      const dw = filled(rt, [n, k], "panels"), g = filled(rt, [m, n]), x = filled(rt, [m, k]);
      return () => rt.kernels.matmulGradW(dw, g, x);
    },
    flops: 2 * m * k * n,
  })),
  gatherGrad: (["rows", "panels"] as const).map((layout) => ({
    name: `${ROWS} of ${VOCAB}×${DIM} in ${layout}`,
    make(rt) {
      const table = filled(rt, [VOCAB, DIM], layout), g = filled(rt, [ROWS, DIM]);
      const ids = rt.place(rt.arena(), [ROWS], "rows", "i32");
      rt.backend.write(ids, Array.from({ length: ROWS }, (_, i) => i * 7919 % VOCAB));
      return () => rt.kernels.gatherGrad(table, g, ids);
    },
    bytes: 12 * ROWS * DIM,
  })),
  normGrad: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const [dx, g, x] = [1, 2, 3].map(() => filled(rt, [ROWS, DIM])), [dw, w] = [1, 2].map(() => filled(rt, [DIM]));
      return () => rt.kernels.normGrad(dx, dw, g, x, w, 1e-5, true);
    },
    bytes: 16 * ROWS * DIM,
  }],
  softmaxGrad: wide(3, (rt, dx, g, p) => rt.kernels.softmaxGrad(dx, g, p)),
  logSoftmaxAtGrad: logits((rt, [dx, g, x], targets) => rt.kernels.logSoftmaxAtGrad(dx, g, x, targets)),
  crossEntropy: logits((rt, [, losses, x], targets) =>
    rt.kernels.crossEntropy(losses, x, targets, { smoothing: 0, zLoss: 0 })
  ),
  crossEntropyGrad: logits((rt, [dx, g, x], targets) =>
    rt.kernels.crossEntropyGrad(dx, g, x, targets, { smoothing: 0, zLoss: 0 })
  ),
  rotateGrad: [{
    name: `${ROWS} rows of 8 heads of 64`,
    make(rt) {
      const [dx, g] = [1, 2].map(() => filled(rt, [1, ROWS, 8, 64])), table = filled(rt, [ROWS, 64]);
      return () => rt.kernels.rotateGrad(dx, g, table, 0, "half");
    },
    bytes: 12 * ROWS * DIM,
  }],
  attentionGrad: [[12, 64, 4, 32], [2, 512, 12, 64]].map(([batch, time, heads, headDim]) => ({
    name: `batch ${batch}, ${time} positions, ${heads} heads of ${headDim}`,
    make(rt) {
      const arena = rt.arena(), shape = [batch, time, heads, headDim];
      const [q, k, v, out, g, dq, dk, dv] = Array.from({ length: 8 }, () => filled(rt, shape));
      const lse = rt.place(arena, [batch, heads, time]);
      const cache = newKeyValueCache((s) => rt.place(arena, s), batch, heads, headDim, time);
      const options = { start: 0, scale: headDim ** -0.5, window: 0 };
      rt.kernels.append(cache, k, v, 0);
      rt.kernels.attention(out, q, cache, heads, { ...options, lse });
      return () => rt.kernels.attentionGrad({ q: dq, k: dk, v: dv }, g, { q, k, v, out, lse, cache }, options);
    },
    flops: 7 * 2 * batch * heads * headDim * time * time / 2,
  })),
  dropout: wide(2, (rt, out, x) => rt.kernels.dropout(out, x, 0.1, 1)),
  dropoutGrad: wide(2, (rt, dx, g) => rt.kernels.dropoutGrad(dx, g, 0.1, 1)),
};
