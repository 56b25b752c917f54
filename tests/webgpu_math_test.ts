/** The functions of kernels/wgsl/math.ts keep their errors; infinities and NaN come out as IEEE arithmetic gives them. */
import type { UnaryKernel } from "../runtime/kernels.ts";
import { erf, gelu, geluTanh, sigmoid, silu } from "../runtime/reference_math.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const COUNT = 100_001;

async function apply(rt: Runtime, op: UnaryKernel, x: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>> {
  return await rt.scope(() => rt.read(rt.ops[op](rt.tensor([x.length], x))));
}

function grid(from: number, to: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: COUNT }, (_, i) => from + (to - from) * i / (COUNT - 1));
}

/** Distance between neighbouring floats at `x`. */
function ulp(x: number): number {
  return 2 ** (Math.floor(Math.log2(Math.max(Math.abs(x), 2 ** -126))) - 23);
}

/** Largest error in units in the last place of the true value. */
const relative: [UnaryKernel, number, number, number, (x: number) => number][] = [
  ["exp", -86.97, 88.72, 3, Math.exp],
  ["exp", -1, 1, 3, Math.exp],
  ["sigmoid", -86, 20, 5, sigmoid],
  ["tanh", -12, 12, 4, Math.tanh],
  ["tanh", -0.01, 0.01, 4, Math.tanh],
  ["erf", -5, 5, 4, erf],
  ["erf", -0.01, 0.01, 4, erf],
  ["gelu", -1, 9, 6, gelu],
  ["geluTanh", -1, 9, 6, geluTanh],
  ["silu", -10, 20, 6, silu],
  ["sin", -0.7, 0.7, 3, Math.sin],
];

/** Largest error itself. */
const absolute: [UnaryKernel, number, number, number, (x: number) => number][] = [
  ["sin", -30, 30, 1.5e-7, Math.sin],
  ["sin", -1e5, 1e5, 1.5e-7, Math.sin],
  ["cos", -30, 30, 1.5e-7, Math.cos],
  ["cos", -1e5, 1e5, 1.5e-7, Math.cos],
  ["gelu", -12, -1, 1e-7, gelu],
  ["geluTanh", -12, -1, 1e-7, geluTanh],
];

Deno.test({
  name: "exp, sigmoid, tanh, erf, sin, cos, GELU and SiLU keep their errors on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime();
    for (const [kind, table] of [["ulp", relative], ["", absolute]] as const) {
      for (const [op, low, high, bound, f] of table) {
        const x = grid(low, high), y = await apply(rt, op, x);
        let worst = 0;
        for (let i = 0; i < x.length; i++) {
          const error = Math.abs(y[i] - f(x[i])) / (kind ? ulp(f(x[i])) : 1);
          worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
        }
        assert(worst <= bound, `${op} on [${low}, ${high}]: ${worst} ${kind}, expected at most ${bound}`);
      }
    }
  },
});

Deno.test({
  name: "functions of special values are what IEEE arithmetic gives on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime();
    const x = Float32Array.of(-Infinity, -200, 0, 200, Infinity, NaN);
    const expected: Partial<Record<UnaryKernel, number[]>> = {
      exp: [0, 0, 1, Infinity, Infinity, NaN],
      tanh: [-1, -1, 0, 1, 1, NaN],
      erf: [-1, -1, 0, 1, 1, NaN],
      sigmoid: [0, 0, 0.5, 1, 1, NaN],
      relu: [0, 0, 0, 200, Infinity, NaN],
      gelu: [0, 0, 0, 200, Infinity, NaN],
    };
    for (const [op, values] of Object.entries(expected)) {
      const y = await apply(rt, op as UnaryKernel, x);
      // The sign of a zero is nobody's concern here.
      assertEquals(Array.from(y, (v) => v || (v === 0 ? 0 : v)), values, op);
    }
    for (const op of ["sin", "cos", "geluTanh", "silu"] as const) {
      assertEquals([...await apply(rt, op, Float32Array.of(NaN))], [NaN], op);
    }
    // Where results would be subnormal, exp is 0.
    assertEquals([...await apply(rt, "exp", Float32Array.of(-86.99, -100))], [0, 0]);
  },
});
