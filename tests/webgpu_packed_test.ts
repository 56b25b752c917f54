/** Caches in f16 and q8_0 on WebGPU: any shapes, pieces that end inside panels, rings, numbers that are none, models. */
import fc from "fast-check";
import { createModel, type Model } from "../model/decoder.ts";
import type { ForwardOptions } from "../model/forward.ts";
import type { AttentionOptions, KeyValueCache } from "../runtime/kernels.ts";
import { type CacheOptions, newKeyValueCache } from "../runtime/key_value_cache.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { bytesOf, size, type Tensor } from "../runtime/tensor.ts";
import { assert, assertEquals } from "./assert.ts";
import { assertClose, uniform, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

/** Sequences, heads of keys, heads that share one, channels. */
type Shape = readonly [batch: number, kvHeads: number, group: number, headDim: number];

const [reference] = variants, packed = ["f16", "q8_0"] as const;
const upTo = (max: number) => fc.integer({ min: 1, max });
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

/** Calls `f` with a cache that holds NaN. */
async function withCache<T>(
  rt: Runtime,
  [batch, kvHeads, , headDim]: Shape,
  length: number,
  options: CacheOptions,
  f: (cache: KeyValueCache) => Promise<T>,
): Promise<T> {
  const arena = rt.arena();
  try {
    const buffer: Parameters<typeof newKeyValueCache>[0] = (shape, _, dtype) => rt.place(arena, shape, "rows", dtype);
    const cache = newKeyValueCache(buffer, batch, kvHeads, headDim, length, options);
    for (const t of wordsOf(cache)) rt.kernels.fill(t, NaN);
    return await f(cache);
  } finally {
    arena.close();
  }
}

/** The tensors of a cache, their bytes as f32. */
function wordsOf({ keys, values, keyScales, valueScales }: KeyValueCache): Tensor[] {
  return [keys, values, ...(keyScales ? [keyScales] : []), ...(valueScales ? [valueScales] : [])].map(asWords);
}

/** The bytes of a tensor as if they were f32. */
function asWords(t: Tensor): Tensor {
  return { ...t, dtype: "f32", shape: [bytesOf(t) / 4] };
}

/** Of attention, but for where it starts. */
type Options = Omit<AttentionOptions, "start" | "bias" | "sinks"> & { bias?: Float32Array; sinks?: Float32Array };

/** What attention gives of `pieces` of a sequence, one after another, `[batch, time, heads, headDim]`: a piece an array. */
async function inPieces(
  rt: Runtime,
  cache: KeyValueCache,
  [batch, kvHeads, group, headDim]: Shape,
  pieces: readonly number[],
  { bias, sinks, ...options }: Options,
): Promise<Float32Array<ArrayBuffer>[]> {
  const total = sum(pieces), heads = kvHeads * group, outs: Float32Array<ArrayBuffer>[] = [];
  /** Positions `start …` of numbers that do not depend on the pieces. */
  const part = (own: number, seed: number, start: number, time: number) => {
    const row = own * headDim, all = uniform(batch * total * row, seed);
    const of = (b: number) => [...all.subarray((b * total + start) * row, (b * total + start + time) * row)];
    return rt.tensor([batch, time, own, headDim], Array.from({ length: batch }, (_, b) => of(b)).flat());
  };
  let start = 0;
  for (const time of pieces) {
    outs.push(
      await rt.scope(() => {
        const [q, k, v] = [
          part(heads, 3, start, time),
          part(kvHeads, 1, start, time),
          part(kvHeads, 2, start, time),
        ];
        return rt.read(rt.ops.attention(q, k, v, {
          ...options,
          start,
          ...(bias && { bias: rt.tensor([heads, total], bias) }),
          ...(sinks && { sinks: rt.tensor([heads], sinks) }),
        }, cache));
      }),
    );
    start += time;
  }
  return outs;
}

Deno.test({
  name:
    "attention over packed caches of any shape is the reference's on WebGPU, whatever lies beyond the last position",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    const shapes = fc.record({
      type: fc.constantFrom(...packed),
      batch: upTo(2),
      kvHeads: upTo(2),
      group: upTo(4),
      headDim: fc.constantFrom(1, 6, 24, 72),
      pieces: fc.array(fc.oneof(upTo(8), upTo(8), upTo(80), upTo(300)), { minLength: 1, maxLength: 5 }),
      window: fc.oneof(fc.constant(0), upTo(300)),
      biased: fc.boolean(),
      softcap: fc.constantFrom(0, 1),
      sunk: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        shapes,
        async ({ type, batch, kvHeads, group, headDim, pieces, window, biased, softcap, sunk }) => {
          const total = sum(pieces), heads = kvHeads * group;
          const shape = [batch, kvHeads, group, headDim] as const;
          const [actual, expected] = await Promise.all(
            [rt, oracle].map((r) =>
              withCache(r, shape, total + 70, { type }, (cache) =>
                inPieces(r, cache, shape, pieces, {
                  scale: headDim ** -0.5,
                  window,
                  ...(biased && { bias: uniform(heads * total, 6) }),
                  ...(softcap && { softcap }),
                  ...(sunk && { sinks: uniform(heads, 7) }),
                }))
            ),
          );
          actual.forEach((out, i) => assertClose(out, expected[i], 5e-6, `piece ${i}`));
        },
      ),
      { seed: 3, numRuns: 20 },
    );
  },
});

Deno.test({
  name: "packed caches of a window, gone round several times, give what a cache of everything gives on WebGPU",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    for (
      const [shape, window, pieces] of [
        [[1, 1, 1, 6], 1, [3, 256, 1, 255, 256, 9]], // all slots at once, from the middle of a panel
        [[2, 2, 2, 24], 20, [37, 301, 1, 1, 5, 150, 301, 2, 77]],
        [[1, 2, 1, 72], 70, [251, 1, 13, 251, 120, 3, 1, 8, 64, 250]],
      ] as const
    ) {
      const total = sum(pieces);
      for (const type of packed) {
        const run = (r: Runtime, own: { window?: number }, parts: readonly number[]) =>
          withCache(r, shape, total, { type, ...own }, (cache) => {
            assert(!own.window || cache.capacity < total / 2, `${cache.capacity} slots`);
            return inPieces(r, cache, shape, parts, { scale: 0.4, window });
          });
        const [actual, [expected]] = [await run(rt, { window }, pieces), await run(oracle, {}, [total])];
        const row = shape[1] * shape[2] * shape[3];
        let start = 0;
        for (const [i, time] of pieces.entries()) {
          const rows = Array.from({ length: shape[0] }, (_, b) => [
            ...expected.subarray((b * total + start) * row, (b * total + start + time) * row),
          ]);
          assertClose(actual[i], rows.flat(), 5e-6, `${type}, window ${window}, ${time} from ${start}`);
          start += time;
        }
      }
    }
  },
});

Deno.test({
  name: "packed caches keep the reference's bits of any number, of those that are none, too, and what was beside them",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime(), oracle = await reference.open();
    const shape = [2, 5, 2, 40], [batch, , kvHeads, headDim] = shape;
    const spread = uniform(size(shape), 1).map((x, i) => Math.fround(x * 2 ** (Math.floor(i / 7) * 37 % 60 - 30)));
    const special = [NaN, Infinity, -Infinity, 65520, -65519, 1e9, 2 ** -14, 2 ** -25, 3 * 2 ** -26, -0, 3.4e38];
    const odd = uniform(size(shape), 2).map((x, i) => i % 13 ? x : special[i / 13 % special.length]);
    // Multiples of the scale plus a half: ties.
    const ties = Float32Array.from({ length: size(shape) }, (_, i) => i % headDim % 32 ? (i * 7 % 253 - 126) / 2 : 127);
    for (const type of packed) {
      for (const [name, values] of Object.entries({ spread, odd, ties })) {
        const [actual, expected] = await Promise.all(
          [rt, oracle].map((r) =>
            withCache(r, [batch, kvHeads, 1, headDim], 20, { type }, async (cache) => {
              for (const t of wordsOf(cache)) r.kernels.fill(t, 0.3);
              r.scope(() => {
                const x = r.tensor(shape, values), y = r.tensor(shape, values.toReversed());
                for (const start of [2, 13, 7, 9]) r.kernels.append(cache, x, y, start);
              });
              const read = await Promise.all(wordsOf(cache).map((t) => r.read(t)));
              return read.map(({ buffer }, i) =>
                i > 1 ? read[i] : new (type === "f16" ? Float16Array : Int8Array)(buffer)
              );
            })
          ),
        );
        for (const [i, numbers] of expected.entries()) {
          const wrong = numbers.findIndex((x, at) => !Object.is(actual[i][at], x));
          assert(
            wrong < 0,
            `${type}, ${name}, tensor ${i}: ${actual[i][wrong]} at ${wrong}, expected ${numbers[wrong]}`,
          );
        }
      }
    }
  },
});

const config = {
  vocab: 50,
  context: 90,
  dim: 80,
  depth: 2,
  heads: 2,
  attention: ["multiHead", { type: "multiQuery", window: 30 }],
  position: "rope",
} as const;
const tokens = Array.from({ length: 70 }, (_, i) => (i * i + 3 * i) % 47);
const run = (model: Model, ids: readonly number[], options: ForwardOptions = {}) =>
  model.runtime.scope(() => model.runtime.read(model.forward(ids, options)));

/**
 * Of the largest logit, beside rounding: a key or a value that another order of sums moves across the middle between two
 * numbers is kept as the other one.
 */
const tolerance = { f16: 2e-5, q8_0: 3e-4 } as const;

for (const cacheType of packed) {
  Deno.test({
    name: `a model with caches in ${cacheType} on WebGPU: at once, token by token, forked, it is the reference's`,
    ignore: !hasWebgpu,
    async fn() {
      using rt = await webgpuRuntime(), oracle = await reference.open();
      using model = createModel(rt, config, { cacheType, seed: 2 });
      using other = createModel(oracle, config, { cacheType, seed: 2 });
      const expected = await run(other, tokens, { cache: other.newCache() }), row = config.vocab;
      const exact = await run(other, tokens), largest = exact.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const away = (a: Float32Array, b: Float32Array) =>
        a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i])), 0) / largest;
      const close = (actual: Float32Array, wanted: Float32Array, what: string) => {
        const error = away(actual, wanted);
        assert(actual.length === wanted.length && error <= tolerance[cacheType], `${what}: ${error}`);
      };
      const packing = away(expected, exact); // what a cache in f32 would be off by
      assert(packing > 2 * tolerance[cacheType] && packing < 30 * tolerance[cacheType], `${packing}`);
      using whole = model.newCache(), single = model.newCache();
      assertEquals(whole.tensors[0].dtype, cacheType === "f16" ? "f16" : "i8");
      close(await run(model, tokens, { cache: whole }), expected, "at once");
      for (let start = 0; start < 40; start++) {
        const logits = await run(model, [tokens[start]], { start, cache: single });
        close(logits, expected.slice(start * row, (start + 1) * row), `token ${start}`);
      }
      using forked = single.fork();
      await run(model, tokens.slice(0, 9).reverse(), { start: 40, cache: single }); // is not seen by the fork
      close(await run(model, tokens.slice(40), { start: 40, cache: forked }), expected.slice(40 * row), "a fork");
      // As a file of a cache does: its words, piece by piece.
      using carried = model.newCache();
      for (const [i, tensor] of forked.tensors.entries()) {
        const words = new Uint8Array(bytesOf(tensor));
        let at = 0;
        for await (const { buffer } of rt.pieces(asWords(tensor))) {
          words.set(new Uint8Array(buffer), at);
          at += buffer.byteLength;
        }
        const read = (offset: number, into: Uint8Array) => into.set(words.subarray(offset, offset + into.length));
        await rt.load(asWords(carried.tensors[i]), read, { dtype: "f32" });
      }
      carried.hold(tokens.slice(0, 50), 0);
      close(
        await run(model, tokens.slice(50), { start: 50, cache: carried }),
        expected.slice(50 * row),
        "carried over",
      );
      // A trimmed cache is written again from the middle of a panel.
      whole.trim(11);
      close(await run(model, tokens.slice(11), { start: 11, cache: whole }), expected.slice(11 * row), "trimmed");
    },
  });
}
