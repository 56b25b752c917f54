import { Arena } from "../runtime/arena.ts";
import { wasmBackend } from "../runtime/backend.ts";
import { formatBytes, LinearMemory } from "../runtime/memory.ts";
import { createRuntime, Runtime } from "../runtime/runtime.ts";
import { createModel } from "../model/decoder.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { uniform } from "./support.ts";

const MiB = 2 ** 20, PAGE = 65536;

Deno.test("LinearMemory gives released regions out again, joined with their neighbours", () => {
  const memory = new LinearMemory(), regions = [1, 2, 3, 4].map((n) => memory.reserve(n * PAGE));
  assertEquals(regions.map((r) => r.end - r.start), [1, 2, 3, 4].map((n) => n * PAGE));
  assert(regions[0].start >= PAGE, "the first page is not given out");
  const size = memory.memory.buffer.byteLength;
  for (const i of [1, 3, 2]) memory.release(regions[i]);
  assertEquals(memory.reserve(9 * PAGE), { start: regions[1].start, end: regions[3].end });
  assertEquals(memory.memory.buffer.byteLength, size);
  assertEquals(memory.used, 10 * PAGE);
});

Deno.test("LinearMemory says how much is wanted, used and left when it is full", () => {
  const memory = new LinearMemory(16 * MiB);
  memory.reserve(10 * MiB);
  const error = assertThrows(() => memory.reserve(8 * MiB), RangeError);
  assertEquals(error.message, "Cannot reserve 8.0 MiB: 10.0 MiB of 16.0 MiB are in use, expected at most 5.9 MiB more");
  memory.reserve(5 * MiB); // and is still usable
});

Deno.test("an arena is a stack: what is rewound is given out again, on cache lines", () => {
  const memory = new LinearMemory(), arena = new Arena(memory), first = arena.alloc(10), mark = arena.mark();
  const second = arena.alloc(1);
  assertEquals([first % 64, second], [0, first + 64]);
  arena.alloc(3 * MiB);
  arena.alloc(5 * MiB);
  const used = memory.used;
  arena.rewind(mark);
  assertEquals(arena.alloc(7), second);
  arena.alloc(4 * MiB);
  assertEquals(memory.used, used);
  arena.close();
  assertEquals(memory.used, 0);
});

Deno.test("formatBytes() is short and readable", () => {
  assertEquals([0, 1023, 1024, 1536, 200 * 1024, 5.2 * 2 ** 30].map(formatBytes), [
    "0 bytes",
    "1023 bytes",
    "1.0 KiB",
    "1.5 KiB",
    "200 KiB",
    "5.2 GiB",
  ]);
});

Deno.test("write() and read() are inverse in rows and in panels", async () => {
  using rt = await createRuntime({ threads: 1 });
  for (const [n, k] of [[1, 1], [8, 5], [13, 7], [20, 64]]) {
    for (const layout of ["rows", "panels"] as const) {
      const t = rt.temp([n, k], "f32", layout), values = uniform(n * k, n);
      rt.write(t, values);
      assertEquals(await rt.read(t), values);
    }
  }
  assertThrows(() => rt.write(rt.temp([2, 3]), [1]), TypeError, "Cannot write 1 values to f32 [2, 3], expected 6");
});

Deno.test("load() fills tensors of every layout from f32, f16 and bf16, piece by piece, transposed or not", async () => {
  using rt = await createRuntime({ threads: 2 });
  const [n, k] = [700, 900], values = Float32Array.from({ length: n * k }, (_, i) => i % 251 - 125); // exact in 8 bits
  const flipped = Float32Array.from(values, (_, i) => values[i % n * k + Math.floor(i / n)]);
  const encode = {
    f32: (v: Float32Array) => new Uint8Array(v.slice().buffer),
    f16: (v: Float32Array) => new Uint8Array(Float16Array.from(v).buffer),
    bf16: (v: Float32Array) =>
      new Uint8Array(Uint16Array.from(new Uint32Array(v.slice().buffer), (b) => b >>> 16).buffer),
  };
  for (const dtype of ["f32", "f16", "bf16"] as const) {
    for (const [layout, transposed] of [["rows", false], ["panels", false], ["panels", true]] as const) {
      const file = encode[dtype](transposed ? flipped : values), t = rt.temp([n, k], "f32", layout);
      let largest = 0;
      const read = (offset: number, into: Uint8Array) => {
        largest = Math.max(largest, into.length);
        into.set(file.subarray(offset, offset + into.length));
      };
      const before = rt.backend.memory.used;
      await rt.load(t, read, { dtype, transposed });
      assertEquals(rt.backend.memory.used, before, "staging is given back");
      assertEquals(await rt.read(t), values, `${dtype} ${layout} ${transposed}`);
      // Straight into place, or through a small piece of linear memory: never the whole file a second time.
      assert(largest <= 2 ** 20 || (layout === "rows" && dtype === "f32"), `read ${largest} bytes at once`);
    }
  }
  await assertRejects(
    () => rt.load(rt.temp([2, 3]), () => {}, { dtype: "f32", transposed: true }),
    TypeError,
    "in panels",
  );
});

Deno.test("ops refuse shapes that do not fit, and say what they got and expected", async () => {
  using rt = await createRuntime({ threads: 1 });
  const t = (...shape: number[]) => rt.temp(shape);
  const messages: [() => unknown, string][] = [
    [
      () => rt.ops.matmul(t(2, 3), t(4, 5)),
      "Cannot matmul f32 [2, 3] and f32 [4, 5], expected w [n, k] with the last axis of x",
    ],
    [() => rt.ops.matmul(t(2, 3), t(4, 3), t(5)), "Cannot matmul f32 [4, 3] and f32 [5], expected a bias [n]"],
    [() => rt.ops.add(t(2, 3), t(2)), "Cannot add f32 [2, 3] and f32 [2], expected the last axes of the first"],
    [
      () => rt.ops.swiglu(t(2, 3), t(3, 2)),
      "Cannot swiglu f32 [2, 3] and f32 [3, 2], expected two tensors of one shape",
    ],
    [
      () => rt.ops.rmsNorm(t(2, 3), t(2), 0),
      "Cannot rmsNorm f32 [2, 3] and f32 [2], expected a vector of the last axis",
    ],
    [() => rt.ops.relu(rt.temp([8, 4], "f32", "panels")), "Cannot relu f32 [8, 4] in panels, expected f32 in rows"],
    [
      () => rt.ops.attention(t(1, 2, 4, 8), t(1, 2, 4, 6), t(1, 2, 4, 8), { start: 0, scale: 1, window: 0 }),
      "Cannot attention f32 [1, 2, 4, 8] and f32 [1, 2, 4, 6] and f32 [1, 2, 4, 8], expected " +
      "q [batch, time, heads, headDim], k and v [batch, time, kvHeads, headDim]",
    ],
  ];
  for (const [run, message] of messages) assertEquals(assertThrows(run, TypeError).message, message);
  assertThrows(
    () => rt.ops.embed(t(4, 2), [0, 4], [2]),
    RangeError,
    "Cannot embed index 1: current value is 4, expected a whole number below 4",
  );
  assertThrows(
    () => rt.ops.embed(t(4, 2), t(2), [2]),
    TypeError,
    "Cannot embed f32 [2], expected i32 in rows",
  );
});

Deno.test("a closed runtime refuses work, and closing twice is harmless", async () => {
  const rt = await createRuntime({ threads: 2 });
  rt.close();
  rt.close();
  assertThrows(() => rt.temp([1]), Error, "Cannot use the runtime: it is closed, expected an open one");
});

Deno.test("createRuntime() refuses options that it cannot honour", async () => {
  await assertRejects(
    () => createRuntime({ threads: 0 }),
    RangeError,
    "Cannot use 0 threads, expected a whole number from 1 to 1024",
  );
  await assertRejects(() => createRuntime({ threads: 1.5 }), RangeError, "Cannot use 1.5 threads");
  await assertRejects(
    () => createRuntime({ simd: "avx" as never }),
    TypeError,
    'Cannot use simd "avx", expected "baseline" or "relaxed"',
  );
  await assertRejects(() => createRuntime({ backend: "cuda" as never }), TypeError, 'Cannot use backend "cuda"');
});

Deno.test("a model that does not fit says what it needs, and takes nothing", async () => {
  using rt = await createRuntime({ threads: 1 });
  // The shape of a 7B Llama.
  const error = assertThrows(
    () =>
      createModel(rt, {
        vocab: 32000,
        context: 4096,
        dim: 4096,
        depth: 32,
        heads: 32,
        feedForward: { type: "swiglu", hidden: 11008 },
        tied: false,
      }),
    RangeError,
  );
  assertEquals(
    error.message,
    "Cannot build the model: it needs 25.1 GiB (weights 25.1 GiB, buffers of the context 2.0 MiB), expected at most " +
      "the 4.0 GiB that are left of a 32-bit memory; it would fit with weights in q4_0 (3.9 GiB)",
  );
  assertEquals(rt.backend.memory.used, 0);
  createModel(rt, { vocab: 10, context: 8, dim: 8, depth: 1, heads: 1 }).close(); // and is still usable
});

Deno.test("closing models gives their memory to new ones: 200 of them, and 200 runtimes", async () => {
  using rt = await createRuntime({ threads: 1 });
  const config = { vocab: 2000, context: 64, dim: 128, depth: 4, heads: 4 };
  const size = () => (rt.backend.memory as LinearMemory).memory.buffer.byteLength;
  let first = 0;
  for (let i = 0; i < 200; i++) {
    using model = createModel(rt, config, { initialize: false });
    using cache = model.newCache();
    rt.scope(() => model.forward([1, 2, 3], { cache }));
    first ||= size();
    assertEquals(size(), first);
  }
  for (let i = 0; i < 200; i++) {
    using runtime = await createRuntime({ threads: 1 });
    using model = createModel(runtime, config, { initialize: false });
    runtime.scope(() => model.forward([1, 2, 3]));
  }
});

Deno.test("1,000 generated tokens grow neither linear memory nor the heap that holds it", async () => {
  using rt = await createRuntime({ threads: 2 });
  using model = createModel(rt, { vocab: 300, context: 1100, dim: 32, depth: 2, heads: 4 });
  using cache = model.newCache();
  let used = 0;
  for (let t = 0; t < 1000; t++) {
    await rt.scope(() => rt.read(model.forward([t % 300], { start: t, cache, last: true })));
    if (t === 10) used = rt.backend.memory.used;
  }
  assertEquals(rt.backend.memory.used, used);
});

Deno.test("big products are shared among threads and have the same bytes on any number of them", async () => {
  const [m, k, n] = [33, 300, 500], x = uniform(m * k, 1), w = uniform(n * k, 2);
  const results = [];
  for (const threads of [1, 2, 3, 5]) {
    using rt = new Runtime(await wasmBackend({ threads }));
    for (let i = 0; i < 30; i++) {
      results.push(await rt.scope(() => rt.read(rt.ops.matmul(rt.tensor([m, k], x), rt.tensor([n, k], w)))));
    }
  }
  for (const result of results) assertEquals(result, results[0]);
});

/** Runs a script that uses the runtime in a process of its own, without any permission. */
async function runScript(code: string): Promise<{ code: number; out: string; seconds: number }> {
  const mod = new URL("../mod.ts", import.meta.url).href, started = performance.now();
  const script = `import { createRuntime, createModel } from ${JSON.stringify(mod)};\n${code}`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, script);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--quiet", file],
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout) + text.decode(stderr), seconds: (performance.now() - started) / 1000 };
  } finally {
    await Deno.remove(file);
  }
}

const share =
  `const x = rt.tensor([64, 512], new Float32Array(64 * 512).fill(1)), w = rt.tensor([512, 512], new Float32Array(512 * 512).fill(1));
for (let i = 0; i < 20; i++) console.assert((await rt.scope(() => rt.read(rt.ops.matmul(x, w))))[0] === 512);
console.log(rt.backend.threads);`;

Deno.test("threads start without any permission, and a closed runtime lets the process end at once", async () => {
  const { code, out } = await runScript(`using rt = await createRuntime({ threads: 3 });\n${share}`);
  assertEquals([code, out], [0, "3\n"]);
});

Deno.test("a process that forgets to close its runtime still ends, and so does one that throws", async () => {
  assertEquals((await runScript(`const rt = await createRuntime({ threads: 3 });\n${share}`)).code, 0);
  const { code, out } = await runScript(
    `const rt = await createRuntime({ threads: 2 });\n${share}\nthrow new Error("oops");`,
  );
  assertEquals(code, 1);
  assert(out.includes("oops"));
});

Deno.test("a runtime whose workers went to sleep for good works on, with the same results", async () => {
  using rt = new Runtime(await wasmBackend({ threads: 2 }));
  const x = uniform(64 * 512, 1), w = uniform(512 * 512, 2);
  const run = () => rt.scope(() => rt.read(rt.ops.matmul(rt.tensor([64, 512], x), rt.tensor([512, 512], w))));
  const before = await run();
  await new Promise((resolve) => setTimeout(resolve, 700)); // longer than a worker waits
  for (let i = 0; i < 5; i++) assertEquals(await run(), before);
});
