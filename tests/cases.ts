/**
 * One table of op cases. It feeds parity (every backend against the reference), splits (any split of a kernel's range
 * gives the same bytes) and benchmarks. A kernel without a case is a type error.
 */
import type { GradientKernels } from "../runtime/gradient_kernels.ts";
import type { Kernels } from "../runtime/kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { size, sliceRows, type Tensor } from "../runtime/tensor.ts";
import { appendCases, attentionCases } from "./attention_cases.ts";
import { type OpCase, TOLERANCE } from "./op_case.ts";
import { optimizerCases } from "./optimizer_cases.ts";
import { uniformTensor } from "./support.ts";

export type { OpCase };

/** A row, rows around a tile of 4 × 8, odd ones. */
const ROWS = [[1, 1], [1, 8], [3, 7], [4, 9], [5, 33], [2, 64]] as const;

/** The inputs of a case. */
export function makeInputs(rt: Runtime, { inputs }: OpCase): Tensor[] {
  return inputs.map((shape, i) => uniformTensor(rt, shape, i));
}

function unary(
  name: "relu" | "reluSquared" | "gelu" | "geluTanh" | "silu" | "sigmoid" | "tanh" | "erf" | "exp" | "sin" | "cos",
): OpCase[] {
  return ROWS.map((shape) => ({
    name: shape.join("×"),
    inputs: [shape],
    run: (rt, x) => rt.ops[name](rt.ops.scale(x, 3)),
    tolerance: TOLERANCE,
  }));
}

function gated(name: "reglu" | "geglu" | "gegluTanh" | "swiglu"): OpCase[] {
  return ROWS.map((shape) => ({
    name: shape.join("×"),
    inputs: [shape, shape],
    run: (rt, gate, up) => rt.ops[name](gate, up),
    tolerance: TOLERANCE,
  }));
}

function repeated(name: "add" | "mul"): OpCase[] {
  return ([[[5], [5]], [[3, 7], [7]], [[2, 3, 5], [3, 5]], [[4, 9], [1]], [[2, 66], [2, 66]]] as const).map(
    ([x, y]) => ({
      name: `[${x}] and [${y}]`,
      inputs: [x, y],
      run: (rt, a, b) => rt.ops[name](a, b),
      tolerance: TOLERANCE,
    }),
  );
}

function matmul(m: number, k: number, n: number, bias: boolean): OpCase {
  return {
    name: `${m}×${k}×${n}${bias ? " with bias" : ""}`,
    inputs: [[m, k], [n, k], ...(bias ? [[n]] : [])],
    run: (rt, x, w, b) => rt.ops.matmul(x, w, b),
    tolerance: TOLERANCE * Math.sqrt(k),
    flops: 2 * m * k * n,
  };
}

function norm(name: "layerNorm" | "rmsNorm"): OpCase[] {
  // Rows as small as √eps, too: there eps counts.
  return ROWS.flatMap((shape) =>
    ([[true, 1], [false, 1], [true, 3e-3]] as const).map(([affine, size]): OpCase => ({
      name: `${shape.join("×")}${affine ? " with weight" : ""}${size < 1 ? ", small" : ""}`,
      inputs: affine ? [shape, [shape[1]], [shape[1]]] : [shape],
      run(rt, x, w, b) {
        const rows = size < 1 ? rt.ops.scale(x, size) : x;
        return name === "layerNorm" ? rt.ops.layerNorm(rows, w, b, 1e-5) : rt.ops.rmsNorm(rows, w, 1e-5);
      },
      // A single element minus its mean is 0 ± rounding, divided by √eps.
      tolerance: shape[1] === 1 ? 1e-4 : 2 * TOLERANCE,
    }))
  );
}

const FREQUENCIES = [1, 0.31, 0.1, 0.01];

/** `rows` of 5 routed to `active` of `experts` matrices. */
function route(rows: number, experts: number, active: number): OpCase {
  return {
    name: `${rows} rows to ${active} of ${experts}`,
    inputs: [[rows, 5], [rows, experts], ...Array.from({ length: experts }, () => [5, 5])],
    run(rt, x, scores, ...weights) {
      const shares = rt.ops.topSoftmax(rt.ops.scale(scores, 2), active);
      return rt.ops.route(x, shares, (some, e) => rt.ops.tanh(rt.ops.matmul(some, weights[e])));
    },
    tolerance: 2 * TOLERANCE,
  };
}

/**
 * Ops with cases of their own: kernels, but those of gradients, for which see gradient_test.ts, and what is made of
 * several.
 */
export type Op = Exclude<keyof Kernels, keyof GradientKernels> | "crossEntropy" | "dropout" | "route";

/** Every kernel's cases. */
export const opCases: Readonly<Record<Op, readonly OpCase[]>> = {
  ...optimizerCases,
  widen: (["f16", "bf16"] as const).flatMap((dtype) =>
    [1, 4, 37].map((n) => ({
      name: `${n} of ${dtype}`,
      inputs: [],
      run(rt) {
        const stored = rt.temp([n], dtype), out = rt.temp([n]);
        rt.backend.fill(stored, (bytes) => bytes.set(Array.from(bytes, (_, i) => i * 89 + 3)));
        rt.kernels.widen(out, stored);
        return out;
      },
      tolerance: 0,
    }))
  ),
  pack: [[1, 1], [7, 5], [8, 4], [9, 6], [25, 13]].map(([n, k]) => ({
    name: `${n}×${k}`,
    inputs: [[n, k]],
    run(rt, x) {
      const panels = rt.temp([n, k], "f32", "panels");
      rt.kernels.pack(panels, x, 0);
      return { ...panels, shape: [Math.ceil(n / 8), k, 8], layout: "rows" };
    },
    tolerance: 0,
  })),
  packTransposed: [[1, 1], [7, 5], [9, 6], [25, 13]].map(([n, k]) => ({
    name: `${n}×${k} in two pieces`,
    inputs: [[k, n]],
    run(rt, x) {
      const panels = rt.temp([n, k], "f32", "panels"), half = Math.ceil(k / 2);
      rt.kernels.packTransposed(panels, sliceRows(x, 0, half), 0);
      if (half < k) rt.kernels.packTransposed(panels, sliceRows(x, half, k - half), half);
      return { ...panels, shape: [Math.ceil(n / 8), k, 8], layout: "rows" };
    },
    tolerance: 0,
  })),
  unpack: [[1, 1], [7, 5], [9, 6], [25, 13]].map(([n, k]) => ({
    name: `${n}×${k}`,
    inputs: [[n, k]],
    run(rt, x) {
      const panels = rt.temp([n, k], "f32", "panels"), out = rt.temp([n, k]);
      rt.kernels.pack(panels, x, 0);
      rt.kernels.unpack(out, panels);
      return out;
    },
    tolerance: 0,
  })),
  matmul: [
    ...[1, 2, 3, 4, 5, 9].flatMap((m) =>
      [1, 7, 8, 9, 31, 32, 33, 50].flatMap((n) => [1, 3, 4, 5, 18].map((k) => matmul(m, k, n, (m + n + k) % 2 === 0)))
    ),
    matmul(1, 1030, 40, true),
    matmul(2, 1030, 24, false),
    matmul(70, 1030, 17, true),
    matmul(33, 70, 150, false),
  ],
  gather: ([["rows", false], ["rows", true], ["panels", false]] as const).map(([layout, stored]) => ({
    name: `6 of 5×9 in ${layout}${stored ? ", ids in a tensor" : ""}`,
    inputs: [[5, 9]],
    run(rt, x) {
      const table = rt.temp([5, 9], "f32", layout), ids = [4, 0, 0, 3, 1, 2], there = rt.temp([2, 3], "i32");
      rt.backend.write(there, ids);
      if (layout === "panels") rt.kernels.pack(table, x, 0);
      return rt.ops.embed(layout === "panels" ? table : x, stored ? there : ids, [2, 3]);
    },
    tolerance: 0,
    // Packing is not recorded; models have tables in panels (tests/training_test.ts).
    ...(layout === "panels" && { gradient: false }),
  })),
  argmax: [[1, 1], [3, 7], [2, 300], [4, 1025]].map((shape) => ({
    name: shape.join("×"),
    inputs: [],
    // Rows with several largest numbers.
    run: (rt) => rt.ops.argmax(rt.tensor(shape, Array.from({ length: size(shape) }, (_, i) => i * 37 % 11 - 5))),
    tolerance: 0,
  })),
  layerNorm: norm("layerNorm"),
  rmsNorm: norm("rmsNorm"),
  softmax: ROWS.map((shape) => ({
    name: shape.join("×"),
    inputs: [shape],
    run: (rt, x) => rt.ops.softmax(rt.ops.scale(x, 10)),
    tolerance: TOLERANCE,
  })),
  topSoftmax: [
    ...ROWS.flatMap((shape) =>
      [1, 2, 5].filter((count) => count <= shape[1]).map((count): OpCase => ({
        name: `${count} of ${shape.join("×")}`,
        inputs: [shape],
        run: (rt, x) => rt.ops.topSoftmax(rt.ops.scale(x, 3), count),
        tolerance: TOLERANCE,
      }))
    ),
    // Of 11 numbers, so that some of those that are equal are left out.
    ...[[3, 7, 7], [5, 24, 3], [2, 300, 40]].map(([rows, n, count]): OpCase => ({
      name: `${count} of ${rows}×${n} with equals`,
      inputs: [],
      run: (rt) =>
        rt.ops.topSoftmax(rt.tensor([rows, n], Array.from({ length: rows * n }, (_, i) => i * i % 11 - 5)), count),
      tolerance: TOLERANCE,
      gradient: false,
    })),
  ],
  // Fewer tokens than experts: some are chosen by nobody.
  route: [route(1, 4, 2), route(2, 5, 1), route(7, 3, 2), route(9, 4, 4), route(13, 6, 2)],
  logSoftmaxAt: ROWS.map((shape) => ({
    name: shape.join("×"),
    inputs: [shape],
    run: (rt, x) => rt.ops.logSoftmaxAt(x, Array.from({ length: shape[0] }, (_, r) => r * 3 % shape[1])),
    tolerance: TOLERANCE,
  })),
  crossEntropy: ROWS.flatMap((shape) =>
    ([[0, 0], [0.1, 0], [0, 0.01]] as const).map(([smoothing, zLoss]) => ({
      name: `${shape.join("×")}, smoothing ${smoothing}, z-loss ${zLoss}`,
      inputs: [shape],
      run: (rt, x) => {
        const targets = Array.from({ length: shape[0] }, (_, r) => r === 1 ? -1 : r * 3 % shape[1]);
        return rt.ops.crossEntropy(x, targets, { smoothing, zLoss });
      },
      tolerance: TOLERANCE,
    } satisfies OpCase))
  ),
  dropout: ROWS.map((shape) => ({
    name: shape.join("×"),
    inputs: [shape],
    run: (rt, x) => rt.ops.dropout(x, 0.3, 12345),
    tolerance: TOLERANCE,
  })),
  sinusoid: (["cosSin", "sinCos", "interleaved"] as const).flatMap((layout) =>
    [8, 7].filter((dim) => dim % 2 === 0 || layout === "interleaved").map((dim) => ({
      name: `${layout}, ${dim} wide`,
      inputs: [],
      run: (rt) => rt.ops.sinusoid(rt.temp([5, dim]), [0, 1, 2, 77, 100_000], FREQUENCIES, layout),
      tolerance: TOLERANCE,
    }))
  ),
  rotate: (["half", "interleaved"] as const).flatMap((layout) =>
    [8, 11].map((headDim) => ({
      name: `${layout}, 8 of ${headDim}`,
      inputs: [[2, 3, 2, headDim]],
      run(rt, x) {
        const table = rt.ops.sinusoid(rt.temp([9, 8]), [0, 1, 2, 3, 4, 5, 6, 7, 8], FREQUENCIES, "cosSin");
        return rt.ops.rotate(x, table, 5, layout);
      },
      tolerance: TOLERANCE,
    }))
  ),
  append: appendCases(),
  attention: attentionCases("attention"),
  attentionWeights: attentionCases("attentionWeights"),
  add: repeated("add"),
  mul: repeated("mul"),
  scale: ROWS.map((shape) => ({
    name: shape.join("×"),
    inputs: [shape],
    run: (rt, x) => rt.ops.scale(x, -0.7),
    tolerance: TOLERANCE,
  })),
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
