/** What only WebGPU has in positions and attention: keys shared among workgroups, angles in whole numbers; any shapes. */
import fc from "fast-check";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import type { AttentionOptions } from "../runtime/kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Tape } from "../runtime/tape.ts";
import { size, type Tensor } from "../runtime/tensor.ts";
import { keyParts } from "../runtime/webgpu/attention_kernels.ts";
import { fractionOfTurn } from "../runtime/webgpu/fractions.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { assertClose, uniform, uniformTensor, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const [reference] = variants;
const upTo = (max: number) => fc.integer({ min: 1, max });
/** A few, since each is compiled; below, at and above a panel, and more than 64, which are two vectors of a lane. */
const headDims = fc.constantFrom(1, 6, 24, 72);
/** Far below scores, among them, and so far above that tanh is of small numbers. */
const softcaps = fc.constantFrom(0, 0.05, 1, 30);

/** Attention over a cache that holds NaN wherever nothing was appended. */
function overCache(
  rt: Runtime,
  [batch, time, kvHeads, group, headDim]: readonly [number, number, number, number, number],
  options: AttentionOptions,
): Tensor {
  const { start } = options, cache = newKeyValueCache((s) => rt.temp(s), batch, kvHeads, headDim, start + time + 70);
  for (const t of [cache.keys, cache.values]) rt.kernels.fill(t, NaN);
  const past = (seed: number) => uniformTensor(rt, [batch, start, kvHeads, headDim], seed);
  if (start) rt.kernels.append(cache, past(4), past(5), 0);
  const [k, v] = [1, 2].map((seed) => uniformTensor(rt, [batch, time, kvHeads, headDim], seed));
  const q = uniformTensor(rt, [batch, time, kvHeads * group, headDim], 3);
  return rt.ops.attention(q, k, v, options, cache);
}

/** Both runtimes' numbers. */
function onBoth(
  runtimes: readonly Runtime[],
  f: (rt: Runtime) => Promise<Float32Array<ArrayBuffer>>,
): Promise<Float32Array<ArrayBuffer>[]> {
  return Promise.all(runtimes.map((rt) => rt.scope(() => f(rt))));
}

Deno.test({
  name: "attention of any shape is the reference's on WebGPU, whatever lies beyond the last position",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    const shapes = fc.record({
      batch: upTo(2),
      time: fc.oneof(upTo(8), upTo(80)),
      kvHeads: upTo(3),
      group: upTo(4),
      headDim: headDims,
      start: fc.nat(400),
      window: fc.oneof(fc.constant(0), upTo(400)),
      biased: fc.boolean(),
      softcap: softcaps,
      sunk: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        shapes,
        async ({ batch, time, kvHeads, group, headDim, start, window, biased, softcap, sunk }) => {
          const [actual, expected] = await onBoth([rt, oracle], (r) => {
            const sinks = sunk ? r.ops.scale(uniformTensor(r, [kvHeads * group], 7), 5) : undefined;
            const bias = biased ? uniformTensor(r, [kvHeads * group, start + time + 1], 6) : undefined;
            const options = {
              start,
              scale: headDim ** -0.5,
              window,
              ...(bias && { bias }),
              ...(softcap && { softcap }),
              ...(sinks && { sinks }),
            };
            return r.read(overCache(r, [batch, time, kvHeads, group, headDim], options));
          });
          assertClose(actual, expected, 5e-6, "attention");
        },
      ),
      { seed: 1, numRuns: 40 },
    );
  },
});

Deno.test({
  name: "the gradients of attention of any shape are the reference's on WebGPU, whatever scratch memory holds",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    const shapes = fc.record({
      batch: upTo(3),
      time: upTo(100),
      kvHeads: upTo(2),
      group: upTo(3),
      headDim: headDims,
      window: fc.oneof(fc.constant(0), upTo(100)),
      biased: fc.boolean(),
      sunk: fc.boolean(),
      softcap: softcaps,
      rate: fc.constantFrom(0, 0.4),
      wanted: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
    });
    await fc.assert(
      fc.asyncProperty(
        shapes,
        async ({ batch, time, kvHeads, group, headDim, window, biased, sunk, softcap, rate, wanted }) => {
          const heads = kvHeads * group, keys = [batch, time, kvHeads, headDim];
          rt.scope(() => rt.kernels.fill(rt.temp([2 ** 20]), NaN));
          const [actual, expected] = await onBoth([rt, oracle], async (r) => {
            const inputs = [[batch, time, heads, headDim], keys, keys, [heads, time + 2], [heads]].map((shape, i) =>
              uniformTensor(r, shape, i)
            );
            const [q, k, v, bias, sinks] = inputs, tape = new Tape(r);
            const given = inputs.filter((t) => (t !== bias || biased) && (t !== sinks || sunk));
            const tracked = given.filter((t) => wanted[inputs.indexOf(t)] || t === v);
            for (const t of tracked) tape.track(t);
            const options = {
              start: 0,
              scale: headDim ** -0.5,
              window,
              ...(biased && { bias }),
              ...(sunk && { sinks }),
              ...(softcap && { softcap }),
              ...(rate && { dropout: { rate, seed: -5 } }),
            };
            const out = r.record(tape, () => r.ops.attention(q, k, v, options));
            tape.backward(out, r.tensor(out.shape, uniform(size(out.shape), 77)));
            const read = await Promise.all([out, ...tracked.map((t) => tape.gradient(t)!)].map((t) => r.read(t)));
            return Float32Array.from(read.flatMap((values) => [...values]));
          });
          assertClose(actual, expected, 3e-5, "gradients of attention");
        },
      ),
      { seed: 2, numRuns: 20 },
    );
  },
});

Deno.test({
  name: "gradients of positions and attention are added to what was there, also where tensors are the same, on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    const shape = [2, 40, 3, 12];
    const [actual, expected] = await onBoth([rt, oracle], async (r) => {
      const x = uniformTensor(r, shape, 1), bias = uniformTensor(r, [3, 50], 2), tape = new Tape(r);
      const sinks = uniformTensor(r, [3], 4);
      const table = r.ops.sinusoid(
        r.temp([40, 8]),
        Array.from({ length: 40 }, (_, i) => i),
        [1, 0.3, 0.1, 0.02],
        "cosSin",
      );
      for (const t of [x, bias, sinks]) {
        const sums = r.temp(t.shape);
        r.kernels.fill(sums, 0.5);
        tape.track(t, { ...sums, empty: false });
      }
      const out = r.record(tape, () => r.ops.attention(x, x, x, { start: 0, scale: 0.3, window: 0, bias, sinks }));
      tape.backward(out, uniformTensor(r, shape, 3));
      const turned = r.temp(shape);
      r.kernels.fill(turned, 0.25);
      r.kernels.rotateGrad(turned, x, table, 0, "half");
      const read = await Promise.all([...[x, bias, sinks].map((t) => tape.gradient(t)!), turned].map((t) => r.read(t)));
      return Float32Array.from(read.flatMap((values) => [...values]));
    });
    assertClose(actual, expected, 3e-5, "gradients that are added");
  },
});

Deno.test("keys are shared so that a large GPU is full, in whole blocks", () => {
  assertEquals(keyParts(1, 1), { parts: 1, span: 128 });
  assertEquals(keyParts(256, 1), { parts: 1, span: 256 });
  assertEquals(keyParts(257, 1), { parts: 3, span: 128 });
  assertEquals(keyParts(100_000, 8), { parts: 61, span: 13 * 128 });
  assertEquals(keyParts(100_000, 512), { parts: 1, span: 100_096 });
});

Deno.test({
  name: "keys of many parts, most of them empty, and of several blocks to a part give the reference's numbers",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    // One workgroup for each block; parts that the window leaves empty; 160 workgroups, for whose parts two blocks remain.
    for (
      const [shape, start, window] of [
        [[1, 1, 1, 1, 8], 2000, 0],
        [[1, 4, 1, 4, 8], 1000, 300],
        [[20, 2, 8, 2, 4], 700, 0],
      ] as const
    ) {
      for (const sink of [undefined, -3, 8]) {
        const [actual, expected] = await onBoth([rt, oracle], (r) => {
          const heads = shape[2] * shape[3];
          const sinks = sink && r.tensor([heads], Array.from({ length: heads }, (_, h) => sink + h / heads));
          return r.read(overCache(r, shape, { start, scale: 0.7, window, ...(sinks && { sinks }) }));
        });
        assertClose(actual, expected, 5e-6, `attention of ${shape} from ${start}, sinks of ${sink}`);
      }
    }
  },
});

Deno.test({
  name: "attention over a cache that no binding holds says so",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime({ maximumBinding: 2 ** 16 });
    await assertRejects(
      async () => await rt.scope(() => rt.read(overCache(rt, [1, 1, 4, 1, 64], { start: 1000, scale: 1, window: 0 }))),
      RangeError,
      "Cannot bind f32",
    );
  },
});

Deno.test("fractions of a turn are those of all 53 bits of a frequency", () => {
  const turns = ([high, low]: [number, number]) => high / 2 ** 32 + low / 2 ** 64;
  assertEquals(fractionOfTurn(0), [0, 0]);
  // π in f64 is 1.2246467991473532e-16 below π: half a turn but 1.2246…e-16 / 2π · 2⁶⁴ = 359.5.
  const [high, low] = fractionOfTurn(Math.PI);
  assertEquals([high, 2 ** 32 - low], [2 ** 31 - 1, 360]);
  assertEquals(fractionOfTurn(-Math.PI), [2 ** 31, 360]);
  for (const f of [1, 0.31, 1e-4, 5e-324, 6.5, 100, 2 ** 40 + 1]) {
    const angle = 2 * Math.PI * turns(fractionOfTurn(f));
    assertClose([Math.sin(angle), Math.cos(angle)], [Math.sin(f), Math.cos(f)], 1e-15, `frequency ${f}`);
  }
});

Deno.test({
  name: "sinusoids are right at any position below 2³¹",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    // Products of these are exact in f64, where there is something to compare with.
    const frequencies = [1, 0.5, 7.25, 1 / 1024, 123 / 4096, 40.125];
    const positions = Array.from(uniform(300, 9), (x) => Math.floor(Math.abs(x) / 2 * 2 ** 31));
    const [actual, expected] = await onBoth([rt, oracle], (r) => {
      const out = r.temp([positions.length + 3, 2 * frequencies.length]);
      return r.read(r.ops.sinusoid(out, [0, 1, 2 ** 31 - 1, ...positions], frequencies, "cosSin"));
    });
    const worst = actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0);
    assert(worst <= 1.5e-7, `off by ${worst}`);
  },
});
