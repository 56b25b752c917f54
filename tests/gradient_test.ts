/** Gradients: of every op against central differences, and on every build against the reference. */
import type { GradientKernels } from "../runtime/gradient_kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals } from "./assert.ts";
import { makeInputs, type Op, type OpCase, opCases } from "./cases.ts";
import { gradientCases, gradients, WEIGHTS, without } from "./op_gradients.ts";
import { assertClose, uniform, variants, wasmVariants } from "./support.ts";

/** The op whose cases check a kernel of gradients: a kernel without one is a type error. */
const gradientOf: Readonly<Record<Exclude<keyof GradientKernels, Op>, Op>> = {
  addScaled: "add",
  addProduct: "mul",
  sumRows: "mul",
  unaryGrad: "gelu",
  gatedGrad: "swiglu",
  matmulGradX: "matmul",
  matmulGradW: "matmul",
  gatherGrad: "gather",
  normGrad: "layerNorm",
  softmaxGrad: "softmax",
  logSoftmaxAtGrad: "logSoftmaxAt",
  crossEntropyGrad: "crossEntropy",
  rotateGrad: "rotate",
  attentionGrad: "attention",
  dropoutGrad: "dropout",
};

/** The gradient by central differences of fourth order with step `h`. */
async function differences(rt: Runtime, opCase: OpCase, h: number): Promise<Float64Array> {
  const inputs = opCase.inputs.map((shape, i) => uniform(size(shape), i));
  const value = async (input: number, at: number, shift: number) => {
    const out = await rt.scope(() => {
      const tensors = makeInputs(rt, opCase), moved = Float32Array.from(inputs[input]);
      moved[at] += shift;
      rt.write(tensors[input], moved);
      return rt.read(opCase.run(rt, ...tensors));
    });
    const w = uniform(out.length, WEIGHTS);
    return out.reduce((sum, v, i) => sum + v * w[i], 0);
  };
  const slopes: number[] = [];
  for (const [input, values] of inputs.entries()) {
    for (let at = 0; at < values.length; at++) {
      const [a, b, c, d] = await Promise.all([-2, -1, 1, 2].map((n) => value(input, at, n * h)));
      slopes.push((a - 8 * b + 8 * c - d) / (12 * h));
    }
  }
  return Float64Array.from(slopes);
}

/** Ops with kinks or jumps, where differences depend on their step and mean nothing. */
const kinked = new Set(["relu", "reluSquared", "reglu", "topSoftmax", "route"]);
const STEP = 2 ** -6;

const [reference] = variants;

Deno.test("the reference's gradient of every op is that of central differences", async () => {
  using rt = await reference.open();
  for (const [op, opCase] of gradientCases) {
    if (opCase.inputs.reduce((sum, shape) => sum + size(shape), 0) > 400) continue;
    const actual = await gradients(rt, opCase), expected = await differences(rt, opCase, STEP);
    if (kinked.has(op)) {
      const finer = await differences(rt, opCase, STEP / 2);
      const unsure = [...expected].flatMap((v, i) => Math.abs(v - finer[i]) > 1e-3 ? [i] : []);
      assert(unsure.length <= 1 + expected.length / 20, `${op} ${opCase.name}: ${unsure.length} kinks`);
      for (const i of unsure) actual[i] = expected[i] = 0;
    }
    assertClose(actual, expected, 1e-3, `${op} ${opCase.name}`);
  }
});

for (const variant of wasmVariants) {
  Deno.test(`every gradient is the reference's on ${variant.name}`, async () => {
    using rt = await variant.open(), oracle = await reference.open();
    for (const [op, opCase] of gradientCases) {
      const [actual, expected] = await Promise.all([rt, oracle].map((r) => gradients(r, opCase)));
      assertClose(actual, expected, 10 * opCase.tolerance, `${op} ${opCase.name}`);
    }
  });
}

for (const variant of variants) {
  Deno.test(`a gradient has the same bits where nothing was before, whatever was there, on ${variant.name}`, async () => {
    using rt = await variant.open();
    for (const [op, opCase] of gradientCases) {
      assertEquals(await gradients(rt, opCase, NaN), await gradients(rt, opCase), `${op} ${opCase.name}`);
    }
  });
}

Deno.test("every op has a gradient, or a reason why not", () => {
  for (const op of Object.values(gradientOf)) assert(!without.has(op), op);
  for (const [op, cases] of Object.entries(opCases)) {
    assert(without.has(op) || cases.some((c) => c.gradient !== false), `${op} has no gradient case`);
  }
});
