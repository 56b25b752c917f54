/** What only WebGPU has: tiles by size, parts of sums, weights that exceed a binding, weights in 16 bits. */
import { flat } from "../runtime/optimizer_kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Layout, size, type Tensor } from "../runtime/tensor.ts";
import type { WebgpuOptions } from "../runtime/webgpu/backend.ts";
import { chooseTile } from "../runtime/webgpu/tiling.ts";
import { assert, assertEquals } from "./assert.ts";
import { assertClose, assertSameBits, uniform, uniformTensor, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const [reference] = variants;
const layouts: readonly Layout[] = ["panels", "rows"];

/** Runs `f` on WebGPU and on the reference, and expects the same numbers. */
type Alike = (what: string, tolerance: number, f: (rt: Runtime) => Tensor) => Promise<void>;

function test(name: string, fn: (alike: Alike) => Promise<void>, options?: WebgpuOptions): void {
  Deno.test({
    name,
    ignore: !hasWebgpu,
    async fn() {
      using rt = await webgpuRuntime(options), oracle = await reference.open();
      await fn(async (what, tolerance, f) => {
        const [actual, expected] = await Promise.all([rt, oracle].map((r) => r.scope(() => r.read(f(r)))));
        assertClose(actual, expected, tolerance, what);
      });
    },
  });
}

/** A weight of numbers in [−2, 2). */
function weight(rt: Runtime, n: number, k: number, layout: Layout = "panels"): Tensor {
  const t = rt.temp([n, k], "f32", layout);
  rt.write(t, uniform(n * k, 7));
  return t;
}

/** A gradient to add to, or memory that holds NaN and is called empty. */
function sum(rt: Runtime, shape: readonly number[], layout: Layout, empty: boolean): Tensor & { empty: boolean } {
  const t = rt.temp(shape, "f32", layout);
  rt.write(t, empty ? new Float32Array(size(shape)).fill(NaN) : uniform(size(shape), 9));
  return { ...t, empty };
}

function matmul(rt: Runtime, [m, k, n]: readonly number[], bias = true): Tensor {
  return rt.ops.matmul(uniformTensor(rt, [m, k], 1), weight(rt, n, k), bias ? uniformTensor(rt, [n], 2) : undefined);
}

function gradX(rt: Runtime, [m, k, n]: readonly number[], layout: Layout, empty: boolean): Tensor {
  const dx = sum(rt, [m, k], "rows", empty);
  rt.kernels.matmulGradX(dx, uniformTensor(rt, [m, n], 1), weight(rt, n, k, layout));
  return dx;
}

function gradW(rt: Runtime, [m, k, n]: readonly number[], layout: Layout, empty: boolean): Tensor {
  const dw = sum(rt, [n, k], layout, empty);
  rt.kernels.matmulGradW(dw, uniformTensor(rt, [m, n], 1), uniformTensor(rt, [m, k], 2));
  return dw;
}

function gatherGrad(rt: Runtime, rows: number, vocabulary: number, dim: number, layout: Layout): Tensor {
  const dtable = sum(rt, [vocabulary, dim], layout, false), ids = rt.temp([rows], "i32");
  // Some of them many times, some of them next to each other.
  const id = (i: number) => i * i * 7919 % (i % 3 ? vocabulary : 5);
  rt.backend.write(ids, Array.from({ length: rows }, (_, i) => id(i % 7 === 1 ? i - 1 : i)));
  rt.kernels.gatherGrad(dtable, uniformTensor(rt, [rows, dim], 1), ids);
  return dtable;
}

test("products are the reference's in tiles of every size", async (alike) => {
  const sizes = [[1270, 9, 1275, "large"], [650, 20, 637, "medium"], [130, 70, 150, "small"], [
    9,
    5,
    3,
    "small",
  ]] as const;
  for (const [m, k, n, tile] of sizes) {
    assertEquals(chooseTile(m, n, k).name, tile);
    await alike(`${m}×${k}×${n}`, 1e-5, (rt) => matmul(rt, [m, k, n]));
    for (const layout of layouts) {
      const empty = layout === "panels", what = `${m}×${k}×${n}, ${layout}`;
      // The sizes are those of the result, whichever it is.
      await alike(`dx of ${what}`, 1e-5, (rt) => gradX(rt, [m, n, k], layout, empty));
      await alike(`dw of ${what}`, 1e-5, (rt) => gradW(rt, [k, n, m], layout, empty));
    }
  }
});

test("a few rows are the reference's, with many panels and few, short and long", async (alike) => {
  for (let m = 1; m <= 9; m++) {
    await alike(`${m}×37×8200`, 1e-5, (rt) => matmul(rt, [m, 37, 8200], m % 2 === 0));
    await alike(`${m}×1030×20`, 1e-4, (rt) => matmul(rt, [m, 1030, 20], m % 2 === 1));
  }
});

test("a row has the same bits alone and beside others, up to eight", async () => {
  using rt = await webgpuRuntime();
  const x = uniformTensor(rt, [8, 300], 1), w = weight(rt, 50, 300);
  const all = await rt.read(rt.ops.matmul(x, w));
  for (const rows of [1, 3, 5]) {
    const some = await rt.read(rt.ops.matmul({ ...x, shape: [rows, 300] }, w));
    assertSameBits(some, all.slice(0, rows * 50), `${rows} rows`);
  }
});

test("gradients of small weights with many rows are summed in parts, the same way each time", async (alike) => {
  for (const [m, k, n, tile] of [[6500, 100, 120, "medium"], [777, 20, 24, "small"]] as const) {
    for (const layout of layouts) {
      const { name, parts } = layout === "panels" ? chooseTile(k, n, m, 32) : chooseTile(n, k, m, 32);
      assert(name === tile && parts > 1, `${name} in ${parts} parts`);
      await alike(`${m} rows, ${layout}`, 1e-4, (rt) => gradW(rt, [m, k, n], layout, layout === "rows"));
    }
  }
  using rt = await webgpuRuntime();
  const [first, second] = [1, 2].map(() => rt.read(gradW(rt, [777, 20, 24], "panels", true)));
  assertSameBits(await first, await second, "twice");
});

test("what exceeds a binding is cut", async (alike) => {
  for (const [m, k, n] of [[4, 12, 900], [9, 12, 900], [300, 7, 40]]) {
    await alike(`${m}×${k}×${n}`, 1e-5, (rt) => matmul(rt, [m, k, n]));
  }
  for (const layout of layouts) {
    for (const empty of [false, true]) {
      await alike(`dx, ${layout}`, 1e-5, (rt) => gradX(rt, [3, 12, 900], layout, empty));
      await alike(`dx of rows, ${layout}`, 1e-5, (rt) => gradX(rt, [300, 40, 40], layout, empty));
      await alike(`dw, ${layout}`, 1e-5, (rt) => gradW(rt, [3, 12, 900], layout, empty));
      await alike(`dw of rows, ${layout}`, 1e-4, (rt) => gradW(rt, [300, 40, 40], layout, empty));
    }
    await alike(`gatherGrad, ${layout}`, 1e-4, (rt) => gatherGrad(rt, 1300, 900, 12, layout));
    await alike(`gather, ${layout}`, 0, (rt) => {
      const ids = Array.from({ length: 1200 }, (_, i) => i * 7 % 900);
      return rt.ops.embed(weight(rt, 900, 12, layout), ids, [1200]);
    });
  }
  // Panels 1, 2, … come in a second piece, from the middle of what can be bound.
  for (const first of [8, 72, 600]) {
    await alike(`pack from ${first}`, 0, (rt) => {
      const panels = rt.temp([900, 12], "f32", "panels");
      rt.kernels.pack(panels, uniformTensor(rt, [first, 12], 1), 0);
      rt.kernels.pack(panels, uniformTensor(rt, [900 - first, 12], 2), first);
      return panels;
    });
  }
  await alike("packTransposed", 0, (rt) => {
    const panels = rt.temp([900, 12], "f32", "panels");
    rt.kernels.packTransposed(panels, uniformTensor(rt, [3, 900], 1), 0);
    rt.kernels.packTransposed(panels, uniformTensor(rt, [9, 900], 2), 3);
    return panels;
  });
  await alike("argmax", 0, (rt) => rt.ops.argmax(uniformTensor(rt, [300, 40], 1)));
}, { maximumBinding: 32768 });

test("rows of gradients are added up for ids that repeat, in order", async (alike) => {
  for (const layout of layouts) {
    await alike(`1 row, ${layout}`, 0, (rt) => gatherGrad(rt, 1, 3, 9, layout));
    await alike(`2500 rows, ${layout}`, 1e-5, (rt) => gatherGrad(rt, 2500, 700, 270, layout));
  }
});

/** The half nearest to `x`, ties to even. */
function nearestHalf(x: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x)))), unit = 2 ** (exponent - 10);
  const down = Math.floor(x / unit), rest = x / unit - down;
  const rounded = (down + (rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? 1 : 0)) * unit;
  return Math.abs(rounded) > 65504 ? Math.sign(x) * Infinity : rounded;
}

/** Numbers that rounding may get wrong: ties, the largest and the smallest halves, what is beyond them, and any others. */
const delicate = [
  ...[0, 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, 2047.5, 2049, 2051, 65504, 65519, 65520, 1e6],
  ...[
    2 ** -14,
    2 ** -14 - 2 ** -26,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -25,
    5 * 2 ** -25,
    2 ** -26,
    1.0001 * 2 ** -25,
    1e-30,
  ],
  ...uniform(35, 4),
].map(Math.fround).flatMap((x) => [x, -x]);

test("weights in f16 are rounded to the nearest, and read back", async () => {
  using rt = await webgpuRuntime();
  const n = 14, k = delicate.length / n, w = rt.temp([n, k], "f16", "panels");
  assertEquals(k, Math.floor(k));
  rt.write(w, delicate);
  const expected = Float32Array.from(delicate, nearestHalf);
  assertClose(await rt.read(w), expected, 0, "rounded");
  const across = rt.temp([k, n], "f16", "panels");
  rt.kernels.packTransposed(across, rt.tensor([n, k], delicate), 0);
  const turned = expected.map((_, i) => expected[i % n * k + Math.floor(i / n)]);
  assertClose(await rt.read(across), turned, 0, "rounded and transposed");
});

test("weights in f16 are loaded and read in pieces", async () => {
  using rt = await webgpuRuntime();
  const n = 1100, k = 300, values = uniform(n * k, 3), bytes = new Uint8Array(values.buffer);
  const t = rt.place(rt.arena(), [n, k], "panels", "f16");
  await rt.load(t, (offset, into) => into.set(bytes.subarray(offset, offset + into.length)), { dtype: "f32" });
  const pieces: number[] = [];
  for await (const piece of rt.pieces(t)) for (const v of piece) pieces.push(v);
  assertClose(pieces, values.map(nearestHalf), 0, "pieces");
});

test("products with weights in f16 are the reference's with rounded ones", async () => {
  for (const limited of [false, true]) {
    using rt = await webgpuRuntime(limited ? { maximumBinding: 32768 } : {}), oracle = await reference.open();
    const sizes = [[1, 37, 50], [8, 300, 9], [40, 11, 300], [70, 37, 90], [2, 12, 1500]];
    for (const [m, k, n] of limited ? sizes.slice(-1) : sizes) {
      const values = uniform(n * k, 5), x = uniform(m * k, 1), g = uniform(m * n, 2);
      const ids = Array.from({ length: 9 }, (_, i) => i * 5 % n);
      const [actual, expected] = await Promise.all([rt, oracle].map(async (r) => {
        const w = r.temp([n, k], r === rt ? "f16" : "f32", "panels"), dx = sum(r, [m, k], "rows", false);
        r.write(w, r === rt ? values : values.map(nearestHalf));
        r.kernels.matmulGradX(dx, r.tensor([m, n], g), w);
        const results = [r.ops.matmul(r.tensor([m, k], x), w), dx, r.ops.embed(w, ids, [9])];
        return await Promise.all(results.map((t) => r.read(t)));
      }));
      for (const [i, what] of ["product", "gradient", "rows"].entries()) {
        assertClose(actual[i], expected[i], i < 2 ? 2e-5 : 0, `${what} ${m}×${k}×${n}`);
      }
    }
  }
});

test("the filling of a gradient's last panel is zero, whatever scratch memory held", async (alike) => {
  for (const empty of [true, false]) {
    await alike(empty ? "written" : "added", 1e-4, (rt) => {
      const [m, k, n] = [3000, 40, 65];
      // Memory that the sums in parts will lie in.
      rt.scope(() => rt.kernels.fill(rt.temp([2 ** 20]), 3e30));
      return flat(gradW(rt, [m, k, n], "panels", empty));
    });
  }
});
