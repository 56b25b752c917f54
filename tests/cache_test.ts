/** Caches that are trimmed, forked, saved, and lent to one generation after another: they never change a result. */
import type { ModelCache } from "../model/cache.ts";
import { loadCache, saveCache } from "../model/cache_file.ts";
import type { ModelConfig } from "../model/config.ts";
import { createModel, type Model } from "../model/decoder.ts";
import type { ForwardOptions } from "../model/forward.ts";
import { generate, generateBatch, type GenerateOptions } from "../model/generator.ts";
import type { Plugin } from "../model/plugin.ts";
import { memorySink } from "../model/sink.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import type { Attention } from "../components/component.ts";
import { createRuntime } from "../runtime/runtime.ts";
import type { CacheType } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "./assert.ts";
import { assertSameBits, variants } from "./support.ts";

const config = { vocab: 50, context: 80, dim: 16, depth: 2, heads: 4 } as const;
const kinds: Partial<ModelConfig>[] = [
  { attention: "multiHead", position: "rope" },
  { attention: { type: "groupedQuery", kvHeads: 2, window: 5 }, position: "alibi" },
  { attention: ["multiQuery", { type: "multiHead", window: 3 }], position: "learned", block: "parallel" },
];
const cacheTypes = ["f32", "f16", "q8_0"] as const;
const tokens = Array.from({ length: 70 }, (_, i) => i * i % 47);

const run = (model: Model, ids: readonly number[], options: ForwardOptions = {}) =>
  model.runtime.scope(() => model.runtime.read(model.forward(ids, options)));

Deno.test("a cache knows which tokens it holds, however they came", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config);
  using cache = model.newCache(2, 10);
  await run(model, [1, 2, 3, 11, 12, 13], { batch: 2, cache });
  await run(model, [4, 14], { batch: 2, cache, start: 3 });
  assertEquals([cache.ids, cache.held], [[[1, 2, 3, 4], [11, 12, 13, 14]], 4]);
  await run(model, [9, 19], { batch: 2, cache, start: 1 });
  assertEquals(cache.ids, [[1, 9], [11, 19]]);
  assertEquals(cache.keep([[1, 2, 3], [11, 2, 3]]), 1); // as far as every sequence agrees
  assertEquals(cache.ids, [[1], [11]]);
});

Deno.test("forward() refuses a position that the cache does not reach", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config);
  using cache = model.newCache();
  const refused = (start: number) =>
    assertThrows(() => runtime.scope(() => model.forward([1], { start, cache })), RangeError);
  assertEquals(refused(1).message, "Cannot run from position 1: the cache holds 0, expected at least 1");
  await run(model, [1, 2, 3], { cache });
  refused(4);
  cache.trim(2);
  refused(3);
  assertEquals(
    assertThrows(() => cache.trim(3), RangeError).message,
    "Cannot trim a cache to 3 positions: it holds 2, expected at most those",
  );
});

Deno.test("forward() that fails halfway leaves no position that it may have overwritten", async () => {
  using runtime = await createRuntime({ threads: 1 });
  let fails = false;
  const failing: Plugin = {
    name: "failing",
    layer(slot, path, layer) {
      if (path !== "blocks.1.attention" || slot !== "attention") return layer;
      const attention = layer as Attention;
      return {
        ...attention,
        forward(...args: Parameters<Attention["forward"]>) {
          if (fails) throw new Error("stop");
          return attention.forward(...args);
        },
      } as typeof layer;
    },
  };
  using model = createModel(runtime, config, { plugins: [failing] });
  using cache = model.newCache();
  const whole = await run(model, tokens.slice(0, 9));
  await run(model, tokens.slice(0, 6), { cache });
  fails = true;
  assertThrows(() => runtime.scope(() => model.forward([40, 41], { start: 3, cache })), Error, "stop");
  fails = false;
  assertEquals(cache.held, 3);
  const rest = await run(model, tokens.slice(3, 9), { start: cache.held, cache });
  assertSameBits(rest, whole.slice(3 * config.vocab), "after a failure");
});

for (const [variant, cacheType] of variants.flatMap((v) => cacheTypes.map((type) => [v, type] as const))) {
  Deno.test(`forked, trimmed and loaded caches in ${cacheType} give the same bits, ${variant.name}`, async () => {
    using runtime = await variant.open();
    await run(createModel(runtime, config), tokens); // scratch memory stays
    const before = runtime.backend.memory.used;
    for (const kind of kinds) {
      using model = createModel(runtime, { ...config, ...kind }, { seed: 5, cacheType });
      /** Without what was kept: of another type than f32, a cache is part of the formula. */
      const fresh = async (ids: readonly number[]) => {
        using other = model.newCache();
        return await run(model, ids, { cache: other });
      };
      const whole = await fresh(tokens),
        rows = (from: number, to: number) => whole.slice(from * config.vocab, to * config.vocab);
      using cache = model.newCache();
      await run(model, tokens.slice(0, 66), { cache });

      const sink = memorySink();
      await saveCache(sink, model, cache);
      sink.commit();
      using loaded = await loadCache(memorySource(sink.contents), model), forked = cache.fork();
      assertEquals([forked.ids, loaded.ids, forked.length, loaded.length], [cache.ids, cache.ids, 80, 80]);
      // What happens to one does not reach the others.
      cache.trim(2);
      await run(model, [49, 48, 47], { start: 2, cache });
      for (const [what, one] of [["forked", forked], ["loaded", loaded]] as const) {
        assertSameBits(await run(model, tokens.slice(66), { start: 66, cache: one }), rows(66, 70), what);
        one.trim(33);
        assertSameBits(
          await run(model, tokens.slice(33, 60), { start: 33, cache: one }),
          rows(33, 60),
          `${what}, trimmed`,
        );
      }
      using again = cache.fork(); // of one whose content is not the beginning of the text
      assertEquals(again.ids, [[...tokens.slice(0, 2), 49, 48, 47]]);
      assertSameBits(
        await run(model, [7], { start: 5, cache: again }),
        (await fresh([...again.ids[0], 7].slice(0, 6))).slice(5 * config.vocab),
        "forked after other tokens",
      );
    }
    assertEquals(runtime.backend.memory.used, before);
  });
}

// ---- files ----------------------------------------------------------------------------------------------------------

async function savedCache(model: Model, cache: ModelCache): Promise<Record<string, Uint8Array>> {
  const sink = memorySink();
  await saveCache(sink, model, cache);
  sink.commit();
  return sink.contents;
}

Deno.test("a cache is refused by another model, which is told what differs", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config, { seed: 1 });
  using cache = model.newCache(1, 20);
  await run(model, [1, 2, 3], { cache });
  const source = memorySource(await savedCache(model, cache)), before = runtime.backend.memory.used;
  const refused = async (changed: Partial<ModelConfig>, seed = 1) => {
    using other = createModel(runtime, { ...config, ...changed }, { seed });
    return (await assertRejects(() => loadCache(source, other), CheckpointError)).message;
  };
  assertEquals(
    await refused({ context: 90 }),
    "Cannot load memory: it belongs to a model whose context is 80, expected 90 as in this one",
  );
  assertStringIncludes(await refused({ norm: "layerNorm" }), "it belongs to a model whose norm is");
  const weights = /same config and other weights \([0-9a-f]{12}\), expected those of this model \([0-9a-f]{12}\)$/;
  assert(weights.test(await refused({}, 2)), await refused({}, 2));
  const embedding = model.params.get("embedding.weight")!.tensor, values = await runtime.read(embedding);
  runtime.write(embedding, values.map((v, i) => i === 5 ? v + 1e-6 : v)); // one weight, by a hair
  assert(weights.test((await assertRejects(() => loadCache(source, model), CheckpointError)).message));
  runtime.write(embedding, values);
  (await loadCache(source, model)).close();
  assertEquals(runtime.backend.memory.used, before);
});

Deno.test("a cache is refused by a model that keeps keys and values otherwise", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const open = (cacheType: CacheType) => createModel(runtime, config, { seed: 1, cacheType });
  for (const held of cacheTypes) {
    using model = open(held), cache = model.newCache(1, 20);
    await run(model, [1, 2, 3], { cache });
    const files = await savedCache(model, cache), about = JSON.parse(new TextDecoder().decode(files["cache.json"]));
    assertEquals(about.cacheType, held);
    for (const wanted of cacheTypes.filter((type) => type !== held)) {
      using other = open(wanted);
      const before = runtime.backend.memory.used;
      assertEquals(
        (await assertRejects(() => loadCache(memorySource(files), other), CheckpointError)).message,
        `Cannot load memory: it keeps keys and values in ${held}, expected ${wanted} as this model`,
      );
      assertEquals(runtime.backend.memory.used, before);
      // The tensors of another type are not taken either, whatever cache.json says.
      const lying = {
        ...files,
        "cache.json": new TextEncoder().encode(JSON.stringify({ ...about, cacheType: wanted })),
      };
      assertStringIncludes(
        (await assertRejects(() => loadCache(memorySource(lying), other), CheckpointError)).message,
        "Cannot read cache.safetensors: its ",
      );
    }
  }
});

Deno.test("what a cache of each type saves is what its format says", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const wide = { ...config, dim: 128, heads: 2, context: 64 } as const; // heads of 64: two groups
  const sizes = await Promise.all(cacheTypes.map(async (cacheType) => {
    using model = createModel(runtime, wide, { cacheType }), cache = model.newCache();
    await run(model, [1, 2, 3], { cache });
    const file = (await savedCache(model, cache))["cache.safetensors"];
    const header = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
    const json = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + header)));
    delete json.__metadata__;
    assertEquals(model.describe().cacheBytes, file.length - 8 - header);
    const types = Object.values<{ dtype: string }>(json).map(({ dtype }) => dtype);
    return [[...new Set(types)].sort().join(" "), file.length - 8 - header];
  }));
  const values = 2 * 2 * 64 * 128; // layers, keys and values, positions, channels
  assertEquals(sizes, [["F32", 4 * values], ["F16", 2 * values], ["F32 I8", values + 4 * values / 32]]);
});

Deno.test("a damaged file of a cache is refused by what is wrong with it, and leaves no memory taken", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config);
  using cache = model.newCache(1, 20);
  await run(model, [1, 2, 3], { cache });
  const files = await savedCache(model, cache), before = runtime.backend.memory.used;
  const about = JSON.parse(new TextDecoder().decode(files["cache.json"]));
  const json = (change: object) => new TextEncoder().encode(JSON.stringify({ ...about, ...change }));
  const cases: [files: Record<string, Uint8Array>, message: string][] = [
    [{ "cache.json": files["cache.json"] }, "Cannot load memory: it has no cache.safetensors"],
    [{ ...files, "cache.json": json({ version: 1 }) }, "Cannot read cache.json: version is 1, expected 2"],
    [{ ...files, "cache.json": json({ weights: 5 }) }, "weights is 5, expected the hash of the weights of a model"],
    [{ ...files, "cache.json": json({ config: null }) }, "config is null, expected the config of a model"],
    [{ ...files, "cache.json": json({ length: 81 }) }, "length is 81, expected a whole number from 1 to 80"],
    [{ ...files, "cache.json": json({ cacheType: "f8" }) }, 'cacheType is "f8", expected f32 or f16 or q8_0'],
    [{ ...files, "cache.json": json({ batch: 0 }) }, "batch is 0, expected a whole number from 1"],
    [
      { ...files, "cache.json": json({ ids: [[1, 50]] }) },
      "ids is [[1,50]], expected 1 lists of equal length, at most",
    ],
    [{ ...files, "cache.json": json({ ids: [[1], [2]] }) }, "ids is [[1],[2]], expected 1 lists"],
    [{ ...files, "cache.json": json({ reach: 2 }) }, "reach is 2, expected a whole number from 3 to 20"],
    [
      { ...files, "cache.json": json({ length: 70 }) },
      "Cannot read cache.safetensors: its 4 tensors are F32 [1, 4, 3, 4, 8]",
    ],
    [{ ...files, "cache.safetensors": files["cache.safetensors"].slice(0, -4) }, "Cannot read cache.safetensors: "],
  ];
  for (const [damaged, message] of cases) {
    const error = await assertRejects(() => loadCache(memorySource(damaged), model), CheckpointError);
    assertStringIncludes(error.message, message);
    assertEquals(runtime.backend.memory.used, before, message);
  }
});

// ---- generation -----------------------------------------------------------------------------------------------------

/** Counts the positions that the first block computes. */
function counter(): Plugin & { count: number } {
  const plugin = {
    name: "counter",
    count: 0,
    layer: (<L>(_slot: string, path: string, layer: L) => {
      if (path !== "blocks.0.attention") return layer;
      const attention = layer as Attention;
      return {
        ...attention,
        forward(...[x, ...rest]: Parameters<Attention["forward"]>) {
          plugin.count += x.shape[1];
          return attention.forward(x, ...rest);
        },
      } as L;
    }) as NonNullable<Plugin["layer"]>,
  };
  return plugin;
}

async function collect(model: Model, prompt: readonly number[], options: GenerateOptions): Promise<number[]> {
  const ids: number[] = [];
  for await (const { id } of generate(model, prompt, options)) ids.push(id);
  return ids;
}

Deno.test("generate() with a cache computes what the last prompt did not begin with, and gives the same tokens", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const counted = counter();
  using model = createModel(runtime, config, { plugins: [counted], seed: 4 });
  using cache = model.newCache();
  const options = { maxTokens: 5, seed: 9, prefill: 4 };
  const turn = async (prompt: readonly number[], computed: number) => {
    const fresh = await collect(model, prompt, options);
    counted.count = 0;
    const progress: number[] = [];
    const again = await collect(model, prompt, { ...options, cache, onPrefill: (done) => progress.push(done) });
    assertEquals(again, fresh);
    assertEquals([counted.count, progress[0]], [computed, Math.min(prompt.length, progress[0])]);
    assertEquals(cache.ids[0], [...prompt, ...again.slice(0, -1)]);
    return again;
  };
  const first = [1, 2, 3, 4, 5, 6], answer = await turn(first, 6 + 4);
  // The next turn: the answer is known but for its last token, which was drawn and not run.
  const second = [...first, ...answer, 7, 8];
  await turn(second, 1 + 2 + 4);
  // The same again: its last position is needed for the logits.
  await turn(second, 1 + 4);
  // One that leaves the path in the middle, and a beginning of what is known.
  await turn([...first.slice(0, 4), 30, 31], 2 + 4);
  await turn(first.slice(0, 3), 1 + 4);
  // Something else.
  await turn([20, 21], 2 + 4);
});

Deno.test("generateBatch() with a cache keeps what all prompts share with it", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config, { seed: 4 });
  using cache = model.newCache(2);
  const steps = async (prompts: number[][], own?: ModelCache) => {
    const rows: number[][] = prompts.map(() => []);
    for await (const step of generateBatch(model, prompts, { maxTokens: 4, seed: 2, ...(own && { cache: own }) })) {
      step.forEach((token, i) => rows[i].push(token!.id));
    }
    return rows;
  };
  for (const prompts of [[[1, 2, 3], [4, 5, 6]], [[1, 2, 9, 9], [4, 8, 6, 6]]]) {
    assertEquals(await steps(prompts, cache), await steps(prompts));
  }
  await assertRejects(() => collect(model, [1], { cache }), RangeError, "Cannot keep 1 prompts in a cache of 2");
});

Deno.test("generate() with a cache: its length is the context, it stays open, nobody else runs on it meanwhile", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config);
  const before = runtime.backend.memory.used, cache = model.newCache(1, 12), taken = runtime.backend.memory.used;
  const all = generate(model, [1, 2], { cache });
  await all.next();
  await assertRejects(() => collect(model, [1, 2], { cache }), RangeError, "Cannot generate: the cache is in use");
  let made = 1;
  for (;;) {
    const { done, value } = await all.next();
    if (done) assertEquals([value, made], ["context", 10]);
    if (done) break;
    made++;
  }
  await assertRejects(
    () => collect(model, Array(12).fill(1), { cache }),
    RangeError,
    "Cannot generate after 12 tokens: the context is 12, expected 1 … 11",
  );
  for await (const _ of generate(model, [1, 2], { cache })) break; // leaving the loop gives it back
  assertEquals((await collect(model, [1, 2], { cache, maxTokens: 1 })).length, 1);
  assertEquals(runtime.backend.memory.used, taken);
  cache.close();
  assertEquals(runtime.backend.memory.used, before);
});

Deno.test("generate() that is stopped leaves a cache that the next one can trust", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, config, { seed: 8 });
  using cache = model.newCache();
  const abort = new AbortController(), prompt = tokens.slice(0, 20), made: number[] = [];
  await assertRejects(
    async () => {
      for await (const { id } of generate(model, prompt, { cache, signal: abort.signal, seed: 3 })) {
        if (made.push(id) === 4) abort.abort(new Error("enough"));
      }
    },
    Error,
    "enough",
  );
  assert(cache.held >= 23, `${cache.held}`);
  const next = [...prompt, ...made, 33];
  assertEquals(
    await collect(model, next, { cache, maxTokens: 6, seed: 3 }),
    await collect(model, next, { maxTokens: 6, seed: 3 }),
  );
});
