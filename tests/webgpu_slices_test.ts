/** Tensors larger than a binding: kernels cut them, and nobody sees it. */
import type { Kernels } from "../runtime/kernels.ts";
import { flat, squareBlocks } from "../runtime/optimizer_kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { PANEL, size, type Tensor } from "../runtime/tensor.ts";
import { assert } from "./assert.ts";
import { assertClose, uniform, uniformTensor, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const [reference] = variants;
/** Bytes: 16,384 elements. */
const BINDING = 65536;

interface SliceCase {
  readonly inputs: readonly (readonly number[])[];
  /** Whether inputs are matrices in panels. */
  readonly panels?: true;
  run(rt: Runtime, kernels: Kernels, ...inputs: Tensor[]): Tensor | undefined;
}

const LONG = [900, 53], ROWS = [900], COLUMNS = [53], LOSS = { smoothing: 0.1, zLoss: 0.01 };

function targetsOf(rt: Runtime): Tensor {
  const targets = rt.temp(ROWS, "i32");
  rt.write(targets, Array.from({ length: ROWS[0] }, (_, r) => r % 5 === 3 ? -1 : r * 7 % COLUMNS[0]));
  return targets;
}

/** Each gives what it has written; by default its first input. */
const cases: Readonly<Record<string, SliceCase>> = {
  add: { inputs: [LONG, COLUMNS], run: (rt, _, x, y) => rt.ops.add(x, y) },
  "addProduct of one shape": { inputs: [LONG, LONG, LONG], run: (_, k, d, x, y) => void k.addProduct(d, x, y) },
  "addProduct with a repeated one": {
    inputs: [LONG, LONG, COLUMNS],
    run: (_, k, d, x, y) => void k.addProduct(d, x, y),
  },
  silu: { inputs: [LONG], run: (_, k, x) => void k.silu(x, x) },
  unaryGrad: { inputs: [LONG, LONG, LONG], run: (_, k, d, g, x) => void k.unaryGrad("gelu", d, g, x) },
  "gatedGrad, one of them": {
    inputs: [LONG, LONG, LONG, LONG],
    run: (_, k, d, g, gate, up) => void k.gatedGrad("swiglu", undefined, d, g, gate, up),
  },
  dropout: { inputs: [LONG], run: (rt, _, x) => rt.ops.dropout(x, 0.4, 99) },
  dropoutGrad: { inputs: [LONG, LONG], run: (_, k, d, g) => void k.dropoutGrad(d, g, 0.4, 99) },
  sumRows: { inputs: [COLUMNS, LONG], run: (_, k, out, x) => void k.sumRows(out, x) },
  "sumRows of products": {
    inputs: [COLUMNS, LONG, LONG],
    run: (_, k, out, x, y) => void k.sumRows(out, x, y),
  },
  layerNorm: { inputs: [LONG, COLUMNS, COLUMNS], run: (rt, _, x, w, b) => rt.ops.layerNorm(x, w, b, 1e-5) },
  rmsNorm: { inputs: [LONG, COLUMNS], run: (rt, _, x, w) => rt.ops.rmsNorm(x, w, 1e-5) },
  "normGrad, dx": {
    inputs: [LONG, COLUMNS, LONG, LONG, COLUMNS],
    run: (_, k, d, dw, g, x, w) => void k.normGrad(d, dw, g, x, w, 1e-5, true),
  },
  "normGrad, dweight": {
    inputs: [COLUMNS, LONG, LONG],
    run: (_, k, dw, g, x) => void k.normGrad(undefined, dw, g, x, undefined, 1e-5, false),
  },
  softmax: { inputs: [LONG], run: (rt, _, x) => rt.ops.softmax(x) },
  softmaxGrad: { inputs: [LONG, LONG, LONG], run: (_, k, d, g, p) => void k.softmaxGrad(d, g, p) },
  logSoftmaxAt: { inputs: [LONG], run: (rt, _, x) => rt.ops.logSoftmaxAt(x, new Int32Array(900).fill(5)) },
  crossEntropy: {
    inputs: [LONG],
    run(rt, k, x) {
      const out = rt.temp(ROWS);
      k.crossEntropy(out, x, targetsOf(rt), LOSS);
      return out;
    },
  },
  crossEntropyGrad: {
    inputs: [LONG, ROWS, LONG],
    run: (rt, k, d, g, x) => void k.crossEntropyGrad(d, g, x, targetsOf(rt), LOSS),
  },
  fill: { inputs: [LONG], run: (_, k, x) => void k.fill(x, 3) },
  squareSums: {
    inputs: [LONG],
    run: (rt, k, x) => sums(rt, k, x),
  },
  normalize: { inputs: [LONG], run: (rt, k, x) => void k.normalize(x, x, sums(rt, k, x), 1e-7) },
  adamW: {
    inputs: [LONG, LONG, LONG, LONG],
    run(_, k, p, m, v, g) {
      k.mul(v, v, v);
      k.adamW(p, m, v, g, { beta1: 0.9, beta2: 0.95, eps: 1e-3, size: 0.02, root: 0.6, keep: 0.99 });
      return undefined;
    },
  },
  "rowMeanSquares in rows": { inputs: [ROWS, LONG], run: (_, k, out, g) => void k.rowMeanSquares(out, g, 0.7) },
  "columnMeanSquares in rows": {
    inputs: [COLUMNS, LONG],
    run: (_, k, out, g) => void k.columnMeanSquares(out, g, 0.7),
  },
  "rowMeanSquares in panels": {
    inputs: [LONG, ROWS],
    panels: true,
    run(_, k, g, out) {
      k.rowMeanSquares(out, g, 0.7);
      return out;
    },
  },
  "columnMeanSquares in panels": {
    inputs: [LONG, COLUMNS],
    panels: true,
    run(_, k, g, out) {
      k.columnMeanSquares(out, g, 0.7);
      return out;
    },
  },
  "adafactorMatrix in panels": {
    inputs: [LONG, ROWS, COLUMNS],
    panels: true,
    run(rt, k, g, rows, columns) {
      const out = rt.temp(g.shape, "f32", "panels");
      k.mul(rows, rows, rows);
      k.mul(columns, columns, columns);
      k.adafactorMatrix(out, g, rows, columns, 1e-3);
      return out;
    },
  },
  adafactorStep: {
    inputs: [LONG, LONG],
    run(rt, k, p, u) {
      k.adafactorStep(p, u, sums(rt, k, p), sums(rt, k, u), { rate: 0.1, scale: 1e-3, clip: 0.5, keep: 0.9 });
      return undefined;
    },
  },
};

function sums(rt: Runtime, kernels: Kernels, x: Tensor): Tensor {
  const out = rt.temp([squareBlocks(x)]);
  kernels.squareSums(out, x);
  return out;
}

/** `[n, k]` in panels; the filling of the last one is zero. */
function inPanels(rt: Runtime, [n, k]: readonly number[]): Tensor {
  const panels = Math.ceil(n / PANEL), values = uniform(panels * k * PANEL, 1);
  for (let i = 0; i < values.length; i++) {
    if (Math.floor(i / (PANEL * k)) * PANEL + i % PANEL >= n) values[i] = 0;
  }
  return { ...rt.tensor([panels, k, PANEL], values), shape: [n, k], layout: "panels" };
}

Deno.test({
  name: "tensors larger than a binding are cut, and results are the reference's",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime({ maximumBinding: BINDING }), oracle = await reference.open();
    for (const [name, { inputs, panels, run }] of Object.entries(cases)) {
      assert(inputs.some((shape) => 4 * size(shape) > BINDING), `${name} fits into a binding`);
      const apply = (r: Runtime) =>
        r.scope(() => {
          const tensors = inputs.map((shape, i) =>
            panels && shape.length === 2 ? inPanels(r, shape) : uniformTensor(r, shape, i)
          );
          return r.read(flat(run(r, r.kernels, ...tensors) ?? tensors[0]));
        });
      const [actual, expected] = await Promise.all([apply(rt), apply(oracle)]);
      assertClose(actual, expected, 1e-5, name);
    }
  },
});
