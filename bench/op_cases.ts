/** What every kernel is timed on. A kernel without a row is a type error. */
import type { GatedKernel, Kernels, UnaryKernel } from "../runtime/kernels.ts";
import { type BlockType, bytesOf, type CacheType } from "../runtime/tensor.ts";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import { gradientBenches } from "./gradient_cases.ts";
import { filled, type OpBench } from "./op_bench.ts";
import { optimizerBenches } from "./optimizer_cases.ts";

const ROWS = 512, DIM = 768;

function matmul(m: number, k: number, n: number): OpBench {
  return {
    name: `${m}×${k}×${n}`,
    make(rt) {
      const x = filled(rt, [m, k]), w = filled(rt, [n, k], "panels"), out = filled(rt, [m, n]);
      return () => rt.kernels.matmul(out, x, w);
    },
    flops: 2 * m * k * n,
    ...(m === 1 && { bytes: 4 * k * n }),
  };
}

/** With weights in blocks, activations in 8 bits where that is the default. */
function blockMatmul(type: BlockType, m: number, k: number, n: number): OpBench {
  return {
    name: `${m}×${k}×${n} in ${type}`,
    make(rt) {
      const x = filled(rt, [m, k]), w = filled(rt, [n, k], "panels", type), out = filled(rt, [m, n]);
      return () => rt.kernels.matmul(out, x, w);
    },
    flops: 2 * m * k * n,
    ...(m === 1 && { bytes: bytesOf({ shape: [n, k], dtype: type, layout: "panels" }) }),
  };
}

function unary(kernel: UnaryKernel | "softmax"): OpBench[] {
  return [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const x = filled(rt, [ROWS, DIM]), out = filled(rt, [ROWS, DIM]);
      return () => rt.kernels[kernel](out, x);
    },
    bytes: 8 * ROWS * DIM,
  }];
}

function binary(kernel: GatedKernel | "add" | "mul"): OpBench[] {
  return [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const [x, y, out] = [1, 2, 3].map(() => filled(rt, [ROWS, DIM]));
      return () => rt.kernels[kernel](out, x, y);
    },
    bytes: 12 * ROWS * DIM,
  }];
}

/** Attention of `time` rows behind `start` that are cached: prefill or decoding. */
function attention(
  kernel: "attention" | "attentionWeights",
  start: number,
  time: number,
  type: CacheType = "f32",
): OpBench {
  const heads = 12, headDim = 64;
  return {
    name: `positions ${start} … ${start + time - 1}, ${heads} heads of ${headDim}${
      type === "f32" ? "" : ` in ${type}`
    }`,
    make(rt) {
      const arena = rt.arena(),
        q = filled(rt, [1, time, heads, headDim]),
        past = filled(rt, [1, start + time, heads, headDim]);
      const buffer: Parameters<typeof newKeyValueCache>[0] = (shape, _, dtype) => rt.place(arena, shape, "rows", dtype);
      const cache = newKeyValueCache(buffer, 1, heads, headDim, start + time, { type });
      const out = filled(rt, kernel === "attention" ? q.shape : [1, heads, time, start + time]);
      rt.kernels.append(cache, past, past, 0);
      return () => rt.kernels[kernel](out, q, cache, heads, { start, scale: headDim ** -0.5, window: 0 });
    },
    flops: 4 * heads * headDim * time * (start + time / 2),
  };
}

/** Every kernel's rows. */
export const opBenches: Readonly<Record<keyof Kernels, readonly OpBench[]>> = {
  ...gradientBenches,
  ...optimizerBenches,
  matmul: ([
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    [128, 768, 2048],
    [512, 768, 768],
    [1, 768, 768],
    [1, 768, 2048],
    [1, 288, 32000],
    [1, 2048, 16384],
    [2, 768, 2048],
    [4, 768, 2048],
  ] as const).map(([m, k, n]) => matmul(m, k, n)).concat(
    (["q8_0", "q4_0"] as const).flatMap((type) =>
      ([
        [1, 288, 32000],
        [1, 768, 2048],
        [1, 2048, 8192],
        [2, 768, 2048],
        [4, 768, 2048],
        [8, 768, 2048],
        [128, 768, 2048],
      ] as const).map(([m, k, n]) => blockMatmul(type, m, k, n))
    ),
  ),
  pack: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const x = filled(rt, [ROWS, DIM]), panels = filled(rt, [ROWS, DIM], "panels");
      return () => rt.kernels.pack(panels, x, 0);
    },
    bytes: 8 * ROWS * DIM,
  }],
  packTransposed: [{
    name: `${DIM}×${ROWS}`,
    make(rt) {
      const x = filled(rt, [DIM, ROWS]), panels = filled(rt, [ROWS, DIM], "panels");
      return () => rt.kernels.packTransposed(panels, x, 0);
    },
    bytes: 8 * ROWS * DIM,
  }],
  unpack: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const rows = filled(rt, [ROWS, DIM]), panels = filled(rt, [ROWS, DIM], "panels");
      return () => rt.kernels.unpack(rows, panels);
    },
    bytes: 8 * ROWS * DIM,
  }],
  widen: (["f16", "bf16"] as const).map((dtype) => ({
    name: `${ROWS * DIM} of ${dtype}`,
    make(rt) {
      const x = rt.place(rt.arena(), [ROWS * DIM], "rows", dtype), out = filled(rt, [ROWS * DIM]);
      rt.backend.fill(x, (bytes) => void bytes.fill(0x31));
      return () => rt.kernels.widen(out, x);
    },
    bytes: 6 * ROWS * DIM,
  })),
  gather: (["rows", "panels"] as const).map((layout) => ({
    name: `${ROWS} of 32000×288 in ${layout}`,
    make(rt) {
      const table = filled(rt, [32000, 288], layout), out = filled(rt, [ROWS, 288]);
      const ids = rt.place(rt.arena(), [ROWS], "rows", "i32");
      rt.backend.write(ids, Array.from({ length: ROWS }, (_, i) => i * 7919 % 32000));
      return () => rt.kernels.gather(out, table, ids);
    },
    bytes: 8 * ROWS * 288,
  })),
  argmax: [{
    name: "16×32000",
    make(rt) {
      const x = filled(rt, [16, 32000]), out = rt.place(rt.arena(), [16], "rows", "i32");
      return () => rt.kernels.argmax(out, x);
    },
    bytes: 4 * 16 * 32000,
  }],
  layerNorm: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const [x, out] = [1, 2].map(() => filled(rt, [ROWS, DIM])), w = filled(rt, [DIM]);
      return () => rt.kernels.layerNorm(out, x, w, w, 1e-5);
    },
    bytes: 8 * ROWS * DIM,
  }],
  rmsNorm: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const [x, out] = [1, 2].map(() => filled(rt, [ROWS, DIM])), w = filled(rt, [DIM]);
      return () => rt.kernels.rmsNorm(out, x, w, 1e-5);
    },
    bytes: 8 * ROWS * DIM,
  }],
  softmax: unary("softmax"),
  topSoftmax: [{
    name: "2 of 512×8",
    make(rt) {
      const [x, out] = [1, 2].map(() => filled(rt, [512, 8]));
      return () => rt.kernels.topSoftmax(out, x, 2);
    },
    bytes: 8 * 512 * 8,
  }],
  logSoftmaxAt: [{
    name: "64×32000",
    make(rt) {
      const x = filled(rt, [64, 32000]), out = filled(rt, [64]), targets = rt.place(rt.arena(), [64], "rows", "i32");
      rt.backend.write(targets, Array.from({ length: 64 }, (_, i) => i));
      return () => rt.kernels.logSoftmaxAt(out, x, targets);
    },
    bytes: 4 * 64 * 32000,
  }],
  sinusoid: [{
    name: "512×64",
    make(rt) {
      const out = filled(rt, [512, 64]), positions = rt.place(rt.arena(), [512], "rows", "i32");
      rt.backend.write(positions, Array.from({ length: 512 }, (_, i) => i));
      const frequencies = Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32));
      return () => rt.kernels.sinusoid(out, positions, frequencies, "cosSin");
    },
    bytes: 4 * 512 * 64,
  }],
  rotate: (["half", "interleaved"] as const).map((layout) => ({
    name: `${ROWS} rows of 12 heads of 64, ${layout}`,
    make(rt) {
      const [x, out] = [1, 2].map(() => filled(rt, [1, ROWS, 12, 64])), table = filled(rt, [ROWS, 64]);
      return () => rt.kernels.rotate(out, x, table, 0, layout);
    },
    bytes: 8 * ROWS * DIM,
  })),
  append: (["f32", "f16", "q8_0"] as const).map((type) => ({
    name: `${ROWS} rows of 12 heads of 64${type === "f32" ? "" : ` in ${type}`}`,
    make(rt) {
      const arena = rt.arena(), k = filled(rt, [1, ROWS, 12, 64]);
      const buffer: Parameters<typeof newKeyValueCache>[0] = (shape, _, dtype) => rt.place(arena, shape, "rows", dtype);
      const cache = newKeyValueCache(buffer, 1, 12, 64, ROWS, { type });
      return () => rt.kernels.append(cache, k, k, 0);
    },
    bytes: { f32: 16, f16: 12, q8_0: 10.25 }[type] * ROWS * DIM,
  })),
  attention: [
    attention("attention", 0, 128),
    attention("attention", 0, 512),
    attention("attention", 511, 1),
    attention("attention", 1023, 1),
    ...(["f16", "q8_0"] as const).flatMap((type) => [
      attention("attention", 0, 128, type),
      attention("attention", 1023, 1, type),
    ]),
    ...(["f32", "f16", "q8_0"] as const).map((type) => attention("attention", 8191, 1, type)),
  ],
  attentionWeights: [attention("attentionWeights", 0, 128)],
  add: binary("add"),
  mul: binary("mul"),
  scale: [{
    name: `${ROWS}×${DIM}`,
    make(rt) {
      const [x, out] = [1, 2].map(() => filled(rt, [ROWS, DIM]));
      return () => rt.kernels.scale(out, x, 0.5);
    },
    bytes: 8 * ROWS * DIM,
  }],
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
  reglu: binary("reglu"),
  geglu: binary("geglu"),
  gegluTanh: binary("gegluTanh"),
  swiglu: binary("swiglu"),
};
