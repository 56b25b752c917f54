import type { UnaryKernel } from "../runtime/kernels.ts";
import { Runtime } from "../runtime/runtime.ts";
import { referenceBackend } from "../runtime/backend.ts";
import { assert, assertEquals } from "./assert.ts";
import { wasmVariants } from "./support.ts";

/** Distance between neighbouring floats at `x`. */
function ulp(x: number): number {
  const a = Math.max(Math.abs(x), 2 ** -126);
  return 2 ** (Math.floor(Math.log2(a)) - 23);
}

function grid(from: number, to: number, count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => from + (to - from) * i / (count - 1));
}

async function apply(rt: Runtime, op: UnaryKernel, x: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>> {
  return await rt.scope(() => rt.read(rt.ops[op](rt.tensor([x.length], x))));
}

/** Largest error in units in the last place of the true value. */
async function worstUlp(
  rt: Runtime,
  op: UnaryKernel,
  x: Float32Array<ArrayBuffer>,
  f: (x: number) => number,
): Promise<number> {
  const y = await apply(rt, op, x);
  let worst = 0;
  for (let i = 0; i < x.length; i++) worst = Math.max(worst, Math.abs(y[i] - f(x[i])) / ulp(f(x[i])));
  return worst;
}

/** erf in f64, through the reference backend's own series, one number at a time. */
async function erfOf(x: Float32Array<ArrayBuffer>): Promise<Map<number, number>> {
  using rt = new Runtime(referenceBackend());
  const y = await apply(rt, "erf", x);
  return new Map(Array.from(x, (v, i) => [v, y[i]]));
}

// The bounds are those that kernels/assembly/math.ts states.
const accuracy: [UnaryKernel, number, number, number, (x: number) => number][] = [
  ["exp", -86.97, 88.72, 2, Math.exp],
  ["exp", -1, 1, 2, Math.exp],
  ["tanh", -12, 12, 2, Math.tanh],
  ["tanh", -0.01, 0.01, 2, Math.tanh],
  ["sin", -1e5, 1e5, 0.5001, Math.sin],
  ["cos", -1e5, 1e5, 0.5001, Math.cos],
];

for (const variant of wasmVariants.filter((v) => v.name.endsWith("1 thread"))) {
  Deno.test(`exp, tanh, sin, cos and erf keep their stated errors on ${variant.name}`, async () => {
    using rt = await variant.open();
    for (const [op, from, to, bound, f] of accuracy) {
      const worst = await worstUlp(rt, op, grid(from, to, 200_001), f);
      assert(worst <= bound, `${op} on [${from}, ${to}]: ${worst} ulp, expected at most ${bound}`);
    }
    for (const range of [5, 1, 0.01]) {
      const x = grid(-range, range, 20_001), truth = await erfOf(x);
      // The truth is rounded to f32 itself: half a unit more.
      const worst = await worstUlp(rt, "erf", x, (v) => truth.get(v)!);
      assert(worst <= 3.5, `erf within ±${range}: ${worst} ulp, expected at most 3`);
    }
  });

  Deno.test(`functions of special values are what IEEE arithmetic gives on ${variant.name}`, async () => {
    using rt = await variant.open();
    const x = Float32Array.of(-Infinity, -200, -0, 0, 200, Infinity, NaN);
    const expected: Partial<Record<UnaryKernel, number[]>> = {
      exp: [0, 0, 1, 1, Infinity, Infinity, NaN],
      tanh: [-1, -1, -0, 0, 1, 1, NaN],
      erf: [-1, -1, -0, 0, 1, 1, NaN],
      sigmoid: [0, 0, 0.5, 0.5, 1, 1, NaN],
      relu: [0, 0, -0, 0, 200, Infinity, NaN],
    };
    for (const [op, values] of Object.entries(expected)) {
      assertEquals([...await apply(rt, op as UnaryKernel, x)], values, op);
    }
    // Where results would be subnormal, exp is 0.
    assertEquals([...await apply(rt, "exp", Float32Array.of(-86.99, -100))], [0, 0]);
  });
}
