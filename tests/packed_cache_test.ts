/** Caches in f16 and q8_0: what they store, the laws with them, and how far a model is from itself with one in f32. */
import type { ModelConfig } from "../model/config.ts";
import { createModel, type Model } from "../model/decoder.ts";
import { loadModel } from "../model/checkpoint.ts";
import type { ModelCache } from "../model/cache.ts";
import { generateText } from "../model/text.ts";
import { embedded, embeddedSource } from "../plugins/embedded/mod.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";
import type { CacheType } from "../runtime/tensor.ts";
import { assert, assertEquals } from "./assert.ts";
import { eagerRuntime } from "./kit.ts";
import { assertSameBits, fixtures, hasFixture, uniform, wasmVariants } from "./support.ts";

const packed = ["f16", "q8_0"] as const;

// ---- what is stored -------------------------------------------------------------------------------------------------

/**
 * Keys and values `[time, headDim]` as a cache gives them back: with a window of 1 a value is the output itself, and the
 * logarithm of the sum of exponentials is the score of a query that is 1 at one channel.
 */
async function readBack(rt: Runtime, type: CacheType, time: number, headDim: number, k: Float32Array, v: Float32Array) {
  const mark = rt.backend.scratch.mark(), shape = [1, time, headDim, headDim];
  const cache = newKeyValueCache((s, _, dtype) => rt.temp(s, dtype), 1, 1, headDim, time, { type });
  const rows = (values: Float32Array) => rt.tensor([1, time, 1, headDim], values);
  rt.kernels.append(cache, rows(k), rows(v), 0);
  // One head for each channel: row `t` of `q` is the unit matrix.
  const unit = (n: number) => +(n % headDim === Math.floor(n / headDim) % headDim);
  const q = rt.tensor(shape, Float32Array.from({ length: time * headDim ** 2 }, (_, n) => unit(n)));
  const out = rt.temp(shape), lse = rt.temp([1, headDim, time]);
  rt.kernels.attention(out, q, cache, 1, { start: 0, scale: 1, window: 1, lse });
  const [values, scores] = [await rt.read(out), await rt.read(lse)];
  rt.backend.scratch.rewind(mark);
  const at = (t: number, i: number) => [scores[i * time + t], values[t * headDim ** 2 + i]];
  const both = Array.from({ length: time * headDim }, (_, n) => at(Math.floor(n / headDim), n % headDim));
  return { keys: both.map(([key]) => key), values: both.map(([, value]) => value) };
}

// The reference keeps no logarithms of sums; that it stores the same bits, the cases of `append` say.
for (const { name, open } of wasmVariants) {
  Deno.test(`f16 is within 2⁻¹¹ of a key or a value, q8_0 within half of a 127th of the largest of 32, ${name}`, async () => {
    using rt = await open();
    const time = 70, headDim = 40, [k, v] = [1, 2].map((seed) => uniform(time * headDim, seed));
    for (const type of packed) {
      const { keys, values } = await readBack(rt, type, time, headDim, k, v);
      for (const [held, given] of [[keys, k], [values, v]] as const) {
        let most = 0;
        for (let n = 0; n < given.length; n++) {
          const first = n - n % headDim % 32,
            group = given.subarray(first, Math.min(first + 32, n - n % headDim + headDim));
          const largest = Math.max(...group.map(Math.abs));
          const limit = type === "f16" ? Math.max(Math.abs(given[n]), 2 ** -14) * 2 ** -11 : largest / 254;
          most = Math.max(most, Math.abs(held[n] - given[n]) / limit);
        }
        // Of f32 itself a little: the scale and the product are rounded.
        assert(most <= (type === "f16" ? 1 : 1 + 2 ** -15) && most > 0.9, `${type}: ${most} of the limit`);
      }
    }
  });

  Deno.test(`what f16 cannot hold becomes its largest number, and NaN stays NaN, ${name}`, async () => {
    using rt = await open();
    const row = Float32Array.of(
      NaN,
      Infinity,
      -Infinity,
      65503,
      65519,
      65520,
      -1e30,
      1e-8,
      2 ** -24 * 1.5,
      -(2 ** -14),
    );
    const kept = [NaN, 65504, -65504, 65504, 65504, 65504, -65504, 0, 2 ** -23, -(2 ** -14)];
    const halves = await readBack(rt, "f16", 1, row.length, row.map((x) => Number.isNaN(x) ? 1 : x), row);
    assertEquals(halves, { keys: [1, ...kept.slice(1)], values: kept });
    const wide = uniform(64, 3).map((x, i) => i === 5 ? NaN : x);
    const { values } = await readBack(rt, "q8_0", 1, 64, uniform(64, 4), wide);
    assertEquals(values.map(Number.isNaN), Array.from({ length: 64 }, (_, i) => i < 32)); // all that share its scale
  });
}

// ---- laws -----------------------------------------------------------------------------------------------------------

const config = { vocab: 30, context: 150, dim: 24, depth: 2, heads: 4 } as const;
const kinds: Partial<ModelConfig>[] = [
  { attention: "multiHead", position: "rope" },
  { attention: { type: "groupedQuery", kvHeads: 2, window: 70 }, position: "alibi", scores: "sinks" },
  { attention: { type: "multiQuery", headDim: 40 }, position: "learned", scores: { type: "softcap", cap: 0.5 } },
  { attention: ["multiQuery", { type: "multiHead", window: 3, headDim: 33 }], position: "none", block: "parallel" },
];

for (const simd of ["baseline", "relaxed"] as const) {
  Deno.test(`a prompt at once, in pieces, token by token, in a batch and on two threads: the same bits, ${simd}`, async () => {
    using one = await eagerRuntime(simd, 1), two = await eagerRuntime(simd, 2);
    const tokens = Array.from({ length: 140 }, (_, i) => i * i % 29), others = tokens.map((id) => 29 - id);
    const run = (model: Model, ids: readonly number[], cache: ModelCache, batch = 1, start = 0) =>
      model.runtime.scope(() => model.runtime.read(model.forward(ids, { batch, cache, start })));
    for (const cacheType of packed) {
      for (const kind of kinds) {
        const [model, second] = [one, two].map((rt) => createModel(rt, { ...config, ...kind }, { seed: 2, cacheType }));
        const what = `${cacheType} ${JSON.stringify(kind)}`, { vocab } = config;
        const whole = await run(model, tokens, model.newCache());
        assert(whole.every(Number.isFinite));
        assertSameBits(await run(second, tokens, second.newCache()), whole, `${what} on two threads`);
        for (const sizes of [[37, 1, 64, 3, 35], Array(140).fill(1), [5, 135]]) {
          using cache = second.newCache();
          for (let start = 0, n = 0; n < sizes.length; start += sizes[n++]) {
            const logits = await run(second, tokens.slice(start, start + sizes[n]), cache, 1, start);
            assertSameBits(
              logits,
              whole.slice(start * vocab, (start + sizes[n]) * vocab),
              `${what} in ${sizes.slice(0, 5)}`,
            );
          }
        }
        const pair = await run(model, [...tokens, ...others], model.newCache(2), 2);
        assertSameBits(pair.slice(0, whole.length), whole, `${what} in a batch`);
        assertSameBits(pair.slice(whole.length), await run(model, others, model.newCache()), `${what}, the other`);
        const exact = createModel(one, { ...config, ...kind }, { seed: 2 });
        const plain = await run(exact, tokens, exact.newCache());
        assert(plain.some((x, i) => x !== whole[i]), `${what}: nothing was rounded`);
        for (const m of [model, second, exact]) m.close();
      }
    }
  });
}

// ---- distance -------------------------------------------------------------------------------------------------------

/** `ln Σ eˣ`. */
function logSum(row: Float32Array): number {
  const top = row.reduce((a, b) => Math.max(a, b));
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

/** How far logits `b` of `ids` are from `a`. */
function distance(a: Float32Array<ArrayBuffer>, b: Float32Array<ArrayBuffer>, ids: readonly number[]) {
  const rms = (x: Float32Array) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
  const vocab = a.length / ids.length, difference = a.map((x, i) => x - b[i]);
  let kl = 0, loss = 0, otherLoss = 0;
  for (let t = 0; t < ids.length; t++) {
    const [p, q] = [a, b].map((x) => x.subarray(t * vocab, (t + 1) * vocab)), [m, n] = [logSum(p), logSum(q)];
    kl += p.reduce((sum, x, i) => sum + Math.exp(x - m) * (x - m - q[i] + n), 0) / ids.length;
    if (t + 1 === ids.length) break;
    loss += (m - p[ids[t + 1]]) / (ids.length - 1);
    otherLoss += (n - q[ids[t + 1]]) / (ids.length - 1);
  }
  return {
    worst: difference.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    relative: rms(difference) / rms(a),
    kl,
    perplexity: [Math.exp(loss), Math.exp(otherLoss)] as const,
  };
}

/**
 * The error of a number that is stored, of its root mean square: of f16 at most 2⁻¹¹, spread evenly; of q8_0 half of a 127th
 * of the largest of a group, which is about twice the root mean square of the group.
 */
const stored = { f16: 2 ** -11 / Math.sqrt(3), q8_0: 2 / 254 / Math.sqrt(3) } as const;

const models = [
  { name: "the embedded model", open: embeddedSource, plugins: [embedded], there: true },
  {
    name: "stories260K",
    open: () => new URL("real/stories260K/stories260K.gguf", fixtures).pathname,
    plugins: [gguf],
    there: hasFixture("real/stories260K/stories260K.gguf"),
  },
];

for (const { name, open, plugins, there } of models) {
  Deno.test({
    name: `${name} with caches in f16 and q8_0: errors of keys and values add up to no more than independent ones`,
    ignore: !there,
    async fn() {
      using runtime = await createRuntime({ threads: 1, simd: "baseline" });
      let ids: readonly number[] = [], exact = new Float32Array();
      for (const cacheType of ["f32", ...packed] as const) {
        const { model, checkpoint } = await loadModel(runtime, open(), { plugins, cacheType });
        if (cacheType === "f32") {
          const tokenizer = (await checkpoint.tokenizer())!, prompt = "Once upon a time";
          let text = prompt;
          for await (const piece of generateText(model, tokenizer, prompt, { samplers: [], seed: 3, maxTokens: 400 })) {
            text += piece.text;
          }
          ids = tokenizer.encode(text).slice(0, model.config.context);
        }
        using cache = model.newCache();
        const logits = await runtime.scope(() => runtime.read(model.forward(ids, { cache })));
        if (cacheType === "f32") exact = logits;
        else {
          const { worst, relative, kl, perplexity: [before, after] } = distance(exact, logits, ids);
          // Each layer adds the errors of keys and those of values to what goes through it.
          const limit = Math.sqrt(2 * model.config.depth) * stored[cacheType];
          console.log(
            `${name}, ${ids.length} positions, ${cacheType}: largest difference of a logit ${
              worst.toExponential(2)
            }, ` +
              `root mean square ${relative.toExponential(2)} of the logits' (limit ${limit.toExponential(2)}), ` +
              `KL ${kl.toExponential(2)}, perplexity ${after.toFixed(5)}, in f32 ${before.toFixed(5)}`,
          );
          assert(relative <= limit && relative > limit / 20, `${relative} of the logits, expected at most ${limit}`);
        }
        model.close();
      }
    },
  });
}
