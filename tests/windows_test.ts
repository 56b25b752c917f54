/** Layers with windows keep little else, and nobody can tell: the same bits as with caches of everything. */
import { loadCache, saveCache } from "../model/cache_file.ts";
import type { ModelConfig } from "../model/config.ts";
import { createModel, type Model } from "../model/decoder.ts";
import type { ForwardOptions } from "../model/forward.ts";
import { generate } from "../model/generator.ts";
import { memorySink } from "../model/sink.ts";
import { memorySource } from "../model/source.ts";
import { probe } from "../plugins/probe.ts";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";
import { bytesOf } from "../runtime/tensor.ts";
import { assertEquals, assertThrows } from "./assert.ts";
import { assertClose, assertSameBits, uniformTensor, variants } from "./support.ts";
import { gpuVariants } from "./webgpu.ts";

const config = { vocab: 50, context: 1000, dim: 16, depth: 2, heads: 4 } as const;
/** Slots of a cache with a window of 20: 256 beside it, in whole blocks of 64 keys. */
const SLOTS = 320, SPARE = SLOTS - 19;
const kinds: Readonly<Record<string, Partial<ModelConfig>>> = {
  "in every layer": { attention: { type: "groupedQuery", kvHeads: 2, window: 20 } },
  "in one of two": { attention: ["multiQuery", { type: "multiHead", window: 20 }], scores: "sinks" },
  "with ALiBi": { attention: { type: "multiHead", window: 20 }, position: "alibi" },
  "whose rotation depends on the length of the run": {
    attention: { type: "multiHead", window: 20 },
    position: { type: "rope", scaling: { type: "dynamic", factor: 2, originalContext: 300 } },
  },
};
const tokens = Array.from({ length: 800 }, (_, i) => (i * i + 3 * i) % 47);

/** Logits of `[batch, time, vocab]`. */
const run = (model: Model, ids: readonly number[], options: ForwardOptions = {}) =>
  model.runtime.scope(() => model.runtime.read(model.forward(ids, options)));

/** The logits of sequence `b` from position `first` on. */
const rows = (logits: Float32Array<ArrayBuffer>, time: number, b: number, first: number, until = time) =>
  logits.slice((b * time + first) * config.vocab, (b * time + until) * config.vocab);

for (const [name, kind] of Object.entries(kinds)) {
  for (const { name: backend, open } of [...variants, ...gpuVariants]) {
    Deno.test(`windows ${name}: caches that keep little else give the same logits, ${backend}`, async () => {
      using runtime = await open();
      const exact = backend !== "WebGPU", same = exact ? assertSameBits : close;
      using model = createModel(runtime, { ...config, ...kind });
      const time = exact && backend !== "reference" ? 800 : 400;
      const both = [tokens.slice(0, time), tokens.slice(-time).reverse()];
      const expected = await run(model, both.flat(), { batch: 2 });
      using cache = model.newCache(2, time);
      same(await run(model, both.flat(), { batch: 2, cache }), expected, "at once, in pieces inside");
      for (
        const [pieces, what] of [[[37], "37 at a time"], [[SPARE, 1, 1, 5], "as many as there is room for"]] as const
      ) {
        cache.trim(0);
        for (let at = 0, i = 0; at < time; i++) {
          const count = Math.min(pieces[i % pieces.length], time - at);
          const ids = both.flatMap((row) => row.slice(at, at + count));
          const logits = await run(model, ids, { batch: 2, start: at, cache });
          for (const b of [0, 1]) {
            same(rows(logits, count, b, 0), rows(expected, time, b, at, at + count), `${what}, from ${at}`);
          }
          at += count;
        }
      }
    });
  }
}

for (const { name: backend, open } of [...variants, ...gpuVariants]) {
  Deno.test(`windows in 16 and 8 bits: the same bits however positions come, close to f32, ${backend}`, async () => {
    using runtime = await open();
    const time = backend === "reference" ? 400 : 700, ids = tokens.slice(0, time);
    for (const [cacheType, limit] of [["f16", 2e-3], ["q8_0", 0.06]] as const) {
      using model = createModel(runtime, { ...config, ...kinds["in every layer"] }, { cacheType });
      using cache = model.newCache();
      const same = backend === "WebGPU" ? close : assertSameBits;
      const expected = await run(model, ids), whole = await run(model, ids, { cache });
      assertClose(whole, expected, limit, cacheType);
      cache.trim(0);
      for (let at = 0; at < time; at += 33) {
        const count = Math.min(33, time - at);
        const logits = await run(model, ids.slice(at, at + count), { start: at, cache });
        same(logits, rows(whole, time, 0, at, at + count), `${cacheType}, from ${at}`);
      }
    }
  });
}

Deno.test("a cache of a window takes memory for it and for what is run at once, whatever the context", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const bytesFor = (window: number | null, length: number) => {
    using model = createModel(runtime, {
      ...config,
      heads: 2,
      context: 5000,
      attention: { type: "multiHead", window },
    });
    const taken = (length?: number) => model.newCache(1, length).tensors.reduce((sum, t) => sum + bytesOf(t), 0);
    assertEquals(model.describe().cacheBytes, taken());
    return taken(length);
  };
  const slots = (bytes: number) => bytes / (2 * config.depth * config.dim * 4);
  assertEquals([20, 64, 65, 66, 1000, 5000].map((w) => slots(bytesFor(w, 5000))), [320, 320, 320, 384, 1280, 5028]);
  assertEquals([slots(bytesFor(20, 320)), slots(bytesFor(null, 5000))], [320, 5028]); // values lie in blocks of 64
});

Deno.test("what a window has forgotten does not come back: trim() says so, keep() begins anew", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, { ...config, ...kinds["in one of two"] });
  using cache = model.newCache();
  const at = (start: number, count: number) => run(model, tokens.slice(start, start + count), { start, cache });
  const expected = await run(model, tokens);
  const right = async (start: number, count: number) =>
    assertSameBits(await at(start, count), rows(expected, 800, 0, start, start + count), `from ${start}`);
  await right(0, SLOTS);
  cache.trim(5); // all of it is still there
  await right(5, 700);
  assertEquals([cache.held, cache.reach], [705, 705]);
  assertEquals(
    assertThrows(() => cache.trim(705 - SPARE - 1), RangeError).message,
    "Cannot trim a cache to 403 positions: it has held 705, and windows have forgotten what comes before, expected 0, or 404 at least",
  );
  assertEquals(cache.held, 705);
  cache.trim(705 - SPARE);
  await right(404, 10);
  assertEquals([cache.held, cache.reach], [414, 705]); // the slots of 414 … 704 have forgotten what was there before
  using other = cache.fork();
  for (const held of [cache, other]) assertThrows(() => held.trim(403), RangeError);
  const sink = memorySink();
  await saveCache(sink, model, cache);
  sink.commit();
  using again = await loadCache(memorySource(sink.contents), model);
  assertEquals([again.held, again.reach], [414, 705]);
  assertThrows(() => again.trim(403), RangeError);
  for (const held of [other, again]) {
    const logits = await run(model, tokens.slice(414, 500), { start: 414, cache: held });
    assertSameBits(logits, rows(expected, 800, 0, 414, 500), "a copy");
  }
  assertEquals(cache.keep([tokens.slice(0, 410)]), 410);
  assertEquals(cache.keep([tokens.slice(0, 300)]), 0);
  assertEquals([cache.held, cache.reach], [0, 0]);
  await right(0, 30);
});

Deno.test("generate() goes on past a window, with a long prompt, a lent cache and a plugin that looks at weights", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const seen = probe("blocks.1.attention.weights"), context = 700;
  using model = createModel(runtime, { ...config, context, ...kinds["in one of two"] }, { plugins: [seen] });
  using cache = model.newCache(1, 500);
  const prompt = tokens.slice(0, 450), ids: number[] = [];
  for await (const { id } of generate(model, prompt, { cache, maxTokens: 20, prefill: 600, samplers: ["greedy"] })) {
    ids.push(id);
  }
  const weights = await seen.get("blocks.1.attention.weights");
  const all = [...prompt, ...ids].slice(0, weights!.shape[3]);
  await run(model, all);
  const last = (values: Float32Array<ArrayBuffer>, head: number, time: number) =>
    values.slice(((head + 1) * time - 1) * all.length, (head + 1) * time * all.length);
  const whole = await seen.get("blocks.1.attention.weights");
  assertEquals([weights!.shape, whole!.shape], [[1, 4, 1, all.length], [1, 4, all.length, all.length]]);
  for (let head = 0; head < 4; head++) {
    assertSameBits(last(weights!.values, head, 1), last(whole!.values, head, all.length), `head ${head}`);
  }
  const again: number[] = [];
  for (let i = 0; i < 20; i++) {
    const logits = await run(model, [...prompt, ...again], { last: true });
    again.push(logits.indexOf(Math.max(...logits)));
  }
  assertEquals(ids, again);
});

Deno.test("attention refuses to see more than a cache keeps, or to run more at once than it has room for", async () => {
  using runtime: Runtime = await createRuntime({ threads: 1 });
  runtime.scope(() => {
    const cache = newKeyValueCache((s) => runtime.temp(s), 1, 2, 8, 1000, { window: 20 });
    const attend = (time: number, window: number, start = 0) => {
      const [q, k, v] = [1, 2, 3].map((seed) => uniformTensor(runtime, [1, time, 2, 8], seed));
      return runtime.ops.attention(q, k, v, { start, scale: 1, window }, cache);
    };
    assertEquals([cache.capacity, cache.spare], [SLOTS, SPARE]);
    attend(SPARE, 20);
    attend(1, 7, SPARE);
    const refused = (message: string, ...args: Parameters<typeof attend>) =>
      assertEquals(assertThrows(() => attend(...args), Error).message, message);
    refused("Cannot see 21 positions with a cache that keeps a window of 20, expected at most that", 1, 21);
    refused("Cannot see all positions with a cache that keeps a window of 20, expected at most that", 1, 0);
    refused("Cannot run 302 positions at once with a cache of a window, expected at most 301", 302, 20);
    refused("Cannot write positions 999 … 1000 of a cache for 1000", 2, 20, 999);
  });
});

/** Within what WebGPU's tiles differ by. */
function close(actual: ArrayLike<number>, expected: ArrayLike<number>, label: string): void {
  assertClose(actual, expected, 1e-5, label);
}
