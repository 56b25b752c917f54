/** Cases of the optimizers' kernels, in the table of {@link ./cases.ts}. Matrices with sides that are no multiple of 8. */
import { flat, type OptimizerKernels, squareBlocks } from "../runtime/optimizer_kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Layout, Tensor } from "../runtime/tensor.ts";
import type { OpCase } from "./op_case.ts";

const TOLERANCE = 2e-6;
const SHAPES = [[1, 1], [7, 5], [8, 4], [13, 6], [21, 33]] as const;
const LAYOUTS = ["rows", "panels"] as const;

/** Copies of the inputs in `layout`; their squares where they are second moments. */
function stored(rt: Runtime, layout: Layout, tensors: readonly Tensor[], squared = -1): Tensor[] {
  return tensors.map((t, i) => {
    const copy = rt.temp(t.shape, "f32", layout), x = i === squared ? rt.ops.mul(t, t) : t;
    if (layout === "panels") rt.kernels.pack(copy, x, 0);
    else rt.backend.copy(copy, x);
    return copy;
  });
}

/** A step of every shape in both layouts; each case gives all stored elements, filling included, of one tensor it writes. */
function steps(
  written: readonly string[],
  inputs: number,
  run: (rt: Runtime, tensors: Tensor[]) => Tensor[],
  { squared = -1, tolerance = TOLERANCE }: { squared?: number; tolerance?: number } = {},
): OpCase[] {
  return SHAPES.flatMap((shape) =>
    LAYOUTS.flatMap((layout) =>
      written.map((what, i): OpCase => ({
        name: `${shape.join("×")} in ${layout}: ${what}`,
        inputs: Array.from({ length: inputs }, () => shape),
        run: (rt, ...tensors) => flat(run(rt, stored(rt, layout, tensors, squared))[i]),
        tolerance,
      }))
    )
  );
}

function sums(rt: Runtime, x: Tensor): Tensor {
  const out = rt.temp([squareBlocks(x)]);
  rt.kernels.squareSums(out, x);
  return out;
}

/** Matrix and the means of its rows' and columns' squares, from values that a step has left there. */
function factors(rt: Runtime, g: Tensor): [rows: Tensor, columns: Tensor] {
  const [rows, columns] = g.shape.map((n) => rt.tensor([n], new Float32Array(n).fill(0.5)));
  rt.kernels.rowMeanSquares(rows, g, 0.7);
  rt.kernels.columnMeanSquares(columns, g, 0.7);
  return [rows, columns];
}

/** Every optimizer kernel's cases. */
export const optimizerCases: Readonly<Record<keyof OptimizerKernels, readonly OpCase[]>> = {
  fill: [
    ...steps(["out"], 1, (rt, [out]) => {
      rt.kernels.fill(out, -1.5);
      return [out];
    }, { tolerance: 0 }),
    {
      name: "5 of 9, and nothing beyond",
      inputs: [[9]],
      run(rt, x) {
        rt.kernels.fill({ ...x, shape: [5] }, -1.5);
        return x;
      },
      tolerance: 0,
    },
  ],
  combine: steps(["out"], 2, (rt, [x, y]) => {
    rt.kernels.combine(x, x, y, 0.3, -2);
    return [x];
  }),
  squareSums: [[1], [7], [4096], [4099], [3, 5000]].map((shape) => ({
    name: shape.join("×"),
    inputs: [shape],
    run: sums,
    tolerance: 1e-7,
  })),
  normalize: [
    ...steps(["out"], 1, (rt, [x]) => {
      rt.kernels.normalize(x, x, sums(rt, x), 1e-7);
      return [x];
    }),
    ...[[9000], [0]].map(([n]): OpCase => ({
      name: n ? `${n}, of several blocks` : "zeros",
      inputs: [[n || 5]],
      run(rt, x) {
        if (!n) rt.kernels.fill(x, 0);
        rt.kernels.normalize(x, x, sums(rt, x), 1e-7);
        return x;
      },
      tolerance: TOLERANCE,
    })),
  ],
  adamW: steps(["p", "m", "v"], 4, (rt, [p, m, v, g]) => {
    rt.kernels.adamW(p, m, v, g, { beta1: 0.9, beta2: 0.95, eps: 1e-3, size: 0.02, root: 0.6, keep: 0.99 });
    return [p, m, v];
  }, { squared: 2 }),
  sgd: [
    ...steps(["p", "b"], 3, (rt, [p, b, g]) => {
      rt.kernels.sgd(p, b, g, { momentum: 0.9, nesterov: false, decay: 0.1, rate: 0.3 });
      return [p, b];
    }),
    ...steps(["p, nesterov"], 3, (rt, [p, b, g]) => {
      rt.kernels.sgd(p, b, g, { momentum: 0.9, nesterov: true, decay: 0, rate: 0.3 });
      return [p];
    }),
    ...steps(["p, plain"], 2, (rt, [p, g]) => {
      rt.kernels.sgd(p, undefined, g, { momentum: 0, nesterov: false, decay: 0.1, rate: 0.3 });
      return [p];
    }),
  ],
  lion: steps(["p", "m"], 3, (rt, [p, m, g]) => {
    rt.kernels.lion(p, m, g, { beta1: 0.9, beta2: 0.99, rate: 0.1, keep: 0.9 });
    return [p, m];
  }),
  momentum: steps(["out", "m"], 2, (rt, [m, g]) => {
    const out = rt.temp(g.shape, "f32", g.layout);
    rt.kernels.momentum(out, m, g, 0.95);
    return [out, m];
  }),
  rowMeanSquares: steps(["out"], 1, (rt, [g]) => [factors(rt, g)[0]]),
  columnMeanSquares: steps(["out"], 1, (rt, [g]) => [factors(rt, g)[1]]),
  adafactorMatrix: steps(["out"], 1, (rt, [g]) => {
    const out = rt.temp(g.shape, "f32", g.layout);
    rt.kernels.adafactorMatrix(out, g, ...factors(rt, g), 1e-8);
    return [out];
  }),
  adafactorVector: steps(["out", "v"], 2, (rt, [v, g]) => {
    const out = rt.temp(g.shape, "f32", g.layout);
    rt.kernels.adafactorVector(out, v, g, 0.4, 1e-8);
    return [out, v];
  }, { squared: 0 }),
  adafactorStep: [0.5, 50].flatMap((clip) =>
    steps([`p, clip ${clip}`], 2, (rt, [p, u]) => {
      rt.kernels.adafactorStep(p, u, sums(rt, p), sums(rt, u), { rate: 0.1, scale: 1e-3, clip, keep: 0.99 });
      return [p];
    })
  ),
};
