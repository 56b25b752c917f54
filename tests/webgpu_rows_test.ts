/** Rows of every width, many rows, rows with large means: what the table of op cases is too small for. */
import type { Runtime } from "../runtime/runtime.ts";
import { rowsOf, type Tensor } from "../runtime/tensor.ts";
import { gradients } from "./op_gradients.ts";
import { assert, assertEquals } from "./assert.ts";
import { makeInputs, type OpCase } from "./cases.ts";
import { squareBlocks } from "../runtime/optimizer_kernels.ts";
import { assertClose, uniform, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const [reference] = variants;
const TOLERANCE = 2e-6;

/** Targets of rows, some of which are left out. */
const targetsOf = (x: Tensor) =>
  Array.from({ length: rowsOf(x) }, (_, r) => r % 5 === 3 ? -1 : r * 7 % x.shape.at(-1)!);

/** Around every number of lanes that a row may have, and several turns of a workgroup. */
const SHAPES = [[37, 31], [37, 33], [19, 128], [9, 129], [5, 512], [3, 513], [2, 5000], [300, 12], [1, 40_000]];

/** Ops of rows. */
const ops: Readonly<Record<string, (rt: Runtime, x: Tensor, w: Tensor, b: Tensor) => Tensor>> = {
  layerNorm: (rt, x, w, b) => rt.ops.layerNorm(x, w, b, 1e-5),
  "layerNorm without weight": (rt, x) => rt.ops.layerNorm(x, undefined, undefined, 1e-5),
  rmsNorm: (rt, x, w) => rt.ops.rmsNorm(x, w, 1e-5),
  softmax: (rt, x) => rt.ops.softmax(rt.ops.scale(x, 5)),
  topSoftmax: (rt, x) => rt.ops.topSoftmax(rt.ops.scale(x, 5), 7),
  logSoftmaxAt: (rt, x) => rt.ops.logSoftmaxAt(x, targetsOf(x).map((t) => Math.max(t, 0))),
  crossEntropy: (rt, x) => rt.ops.crossEntropy(rt.ops.scale(x, 5), targetsOf(x), { smoothing: 0.1, zLoss: 0.01 }),
};

for (const [op, run] of Object.entries(ops)) {
  Deno.test({
    name: `${op} of rows of every width is the reference's on WebGPU, and its gradient`,
    ignore: !hasWebgpu,
    async fn() {
      using rt = await webgpuRuntime(), oracle = await reference.open();
      for (const shape of SHAPES) {
        const dim = shape[1];
        const inputs = op === "rmsNorm" ? [shape, [dim]] : op === "layerNorm" ? [shape, [dim], [dim]] : [shape];
        const opCase = { name: `${shape}`, inputs, run, tolerance: TOLERANCE } as unknown as OpCase;
        await parity(rt, oracle, opCase, op);
      }
    },
  });
}

/** Compares output and gradients, in memory that held zeros and in memory that held NaN. */
async function parity(rt: Runtime, oracle: Runtime, opCase: OpCase, what: string): Promise<void> {
  const { name, tolerance } = opCase;
  const [actual, expected] = await Promise.all(
    [rt, oracle].map((r) => r.scope(() => r.read(opCase.run(r, ...makeInputs(r, opCase))))),
  );
  assertClose(actual, expected, tolerance, `${what} of ${name}`);
  const [slopes, truth, written] = await Promise.all([
    gradients(rt, opCase),
    gradients(oracle, opCase),
    gradients(rt, opCase, NaN),
  ]);
  assertClose(slopes, truth, 10 * tolerance, `gradient of ${what} of ${name}`);
  assertClose(written, slopes, 0, `gradient of ${what} of ${name}, written`);
}

Deno.test({
  name: "sums over many rows are the reference's on WebGPU, with one factor and two",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    for (const [rows, columns] of [[127, 3], [128, 40], [129, 1], [1000, 7], [300, 65], [40_000, 1], [17_000, 3]]) {
      for (const op of ["add", "mul"] as const) {
        const opCase: OpCase = {
          name: `${rows}×${columns}`,
          inputs: [[rows, columns], [columns]],
          run: (r, x, y) => r.ops[op](x, y),
          tolerance: TOLERANCE,
        };
        await parity(rt, oracle, opCase, op);
      }
    }
  },
});

Deno.test({
  name: "norms of rows whose mean is large, or whose first element is, are the reference's on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    for (const dim of [40, 3000]) {
      const far = uniform(3 * dim, 5).map((v) => 1000 + v), spike = uniform(3 * dim, 6);
      for (let r = 0; r < 3; r++) spike[r * dim] = -3000;
      for (const values of [far, spike]) {
        const run = (r: Runtime) =>
          r.scope(() => r.read(r.ops.layerNorm(r.tensor([3, dim], values), undefined, undefined, 1e-5)));
        const [actual, expected] = await Promise.all([run(rt), run(oracle)]);
        assertClose(actual, expected, 2e-6, `${dim} elements`);
      }
    }
  },
});

Deno.test({
  name: "softmax of masked and of huge numbers is the reference's on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    for (const dim of [9, 70, 3000]) {
      const values = Float32Array.from({ length: 2 * dim }, (_, i) => i % dim < dim - 2 ? -Infinity : 3e4 + i % 2);
      const run = (r: Runtime) => r.scope(() => r.read(r.ops.softmax(r.tensor([2, dim], values))));
      const [actual, expected] = await Promise.all([run(rt), run(oracle)]);
      assertClose(actual, expected, TOLERANCE, `${dim} elements`);
    }
  },
});

Deno.test({
  name: "sums of squares are right but for a unit in the last place on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    for (const seed of [1, 2, 3, 4]) {
      // Sums just above 4096, where a unit is most beside them.
      const values = uniform(64 * 4096, seed).map((v) => 0.88 * v);
      const run = (r: Runtime) =>
        r.scope(() => {
          const x = r.tensor([values.length], values), out = r.temp([squareBlocks(x)]);
          r.kernels.squareSums(out, x);
          return r.read(out);
        });
      const [actual, expected] = await Promise.all([run(rt), run(oracle)]);
      assertClose(actual, expected, 2 ** -23, `seed ${seed}`);
      const off = actual.filter((v, i) => v !== expected[i]).length;
      assert(off <= 8, `seed ${seed}: ${off} of 64 sums are not rounded right, expected at most 8`);
    }
  },
});

Deno.test({
  name: "a norm of numbers one of which is NaN is NaN on WebGPU, of infinite ones infinite",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime();
    for (const special of [NaN, Infinity]) {
      const values = new Float32Array(9000).fill(0.5);
      values[5000] = special;
      const [sums, all] = await Promise.all(rt.scope(() => {
        const x = rt.tensor([values.length], values), out = rt.temp([squareBlocks(x)]);
        rt.kernels.squareSums(out, x);
        rt.kernels.normalize(x, x, out, 1e-7);
        return [rt.read(out), rt.read(x)];
      }));
      assertEquals([...sums], [1024, special, 202]);
      // x / ∞ is 0; what is divided by NaN is NaN.
      assertEquals(all[0], special === Infinity ? 0 : NaN);
    }
  },
});
