/** Experts, each computed for the tokens that chose it: the bits of all experts computed for all tokens. */
import { createGradients } from "../model/gradients.ts";
import { createModel, describeModel, type Model } from "../model/decoder.ts";
import type { ModelConfig } from "../model/config.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { assertClose, assertSameBits, uniform, uniformTensor, type Variant, variants } from "./support.ts";

/** A runtime that cannot look at values, as if its memory were far away. */
async function blind(variant: Variant, ...options: Parameters<Variant["open"]>): Promise<Runtime> {
  const { peek, ...backend } = (await variant.open(...options)).backend;
  assert(peek);
  return new Runtime(backend);
}

const sizes = { vocab: 31, context: 24, dim: 24, depth: 2, heads: 2 } as const;
const feedForwards = [
  { type: "experts", experts: 8, active: 2 },
  { type: "experts", experts: 5, active: 1, hidden: 7, kind: "gegluTanh" },
  { type: "experts", experts: 3, active: 3, hidden: 40, kind: "reglu" },
] as const;
const ids = Array.from({ length: 24 }, (_, i) => i * i % 31);

Deno.test("an expert gets the rows that chose it, in order, or all of them where values cannot be looked at", async () => {
  // Of 3 rows and 4 experts: one for row 1 alone, one for nobody, one for all, one for rows 0 and 2.
  const values = [0, 0, 0.25, 0.75, 0.5, 0, 0.5, 0, 0, 0, 0.125, 1];
  const run = async (rt: Runtime) => {
    const x = uniformTensor(rt, [3, 1, 5], 1), seen: [number, Promise<Float32Array<ArrayBuffer>>][] = [];
    const y = rt.ops.route(x, rt.tensor([3, 1, 4], values), (rows, e) => {
      assertEquals(rows.shape, [rows.shape[0], 5]);
      seen.push([e, rt.read(rows)]);
      return rt.ops.scale(rows, e + 1);
    });
    assertEquals(y.shape, x.shape);
    return {
      y: await rt.read(y),
      x: await rt.read(x),
      seen: await Promise.all(seen.map(async ([e, r]) => [e, await r])),
    };
  };
  for (const variant of variants) {
    using sees = await variant.open(), far = await blind(variant);
    const { x, y, seen } = await run(sees), all = await run(far), row = (r: number) => [...x.slice(r * 5, r * 5 + 5)];
    const given = [[0, [1]], [2, [0, 1, 2]], [3, [0, 2]]] as const;
    assertEquals(seen, given.map(([e, rows]) => [e, Float32Array.from(rows.flatMap(row))]), variant.name);
    assertEquals(all.seen, [0, 1, 2, 3].map((e) => [e, x]), variant.name);
    // Shares, factors and sums are exact here but for the last digits of x.
    const factors = [0, 1, 2].map((r) => values.slice(4 * r, 4 * r + 4).reduce((sum, p, e) => sum + p * (e + 1), 0));
    assertClose(y, Float32Array.from(x, (v, i) => v * factors[Math.floor(i / 5)]), 1e-6, variant.name);
    assertSameBits(all.y, y, variant.name);
  }
});

for (const variant of variants) {
  for (
    const [weights, activations] of [["f32"], ["q8_0", "q8"], ["q8_0", "f32"], ["q4_0", "q8"], ["q4_0", "f32"]] as const
  ) {
    if (variant.name === "reference" && activations === "f32") continue; // it is opened with one kind of them
    const how = activations ? `${weights} by ${activations}` : weights;
    Deno.test(`chosen experts give the bits of all experts, whatever tokens come together, ${how} on ${variant.name}`, async () => {
      using sees = await variant.open(activations), far = await blind(variant, activations);
      for (const feedForward of feedForwards) {
        const config: ModelConfig = { ...sizes, feedForward };
        using model = createModel(sees, config, { seed: 3, weights }),
          other = createModel(far, config, { seed: 3, weights });
        const logits = (m: Model, tokens: readonly number[], options = {}) =>
          m.runtime.scope(() => m.runtime.read(m.forward(tokens, options)));
        const expected = await logits(other, ids), what = JSON.stringify(feedForward);
        assertSameBits(await logits(model, ids), expected, what);
        const both = [...ids, ...ids.toReversed()];
        assertSameBits(
          await logits(model, both, { batch: 2 }),
          await logits(other, both, { batch: 2 }),
          `${what}, two`,
        );
        using cache = model.newCache();
        for (const [start, end] of [[0, 1], [1, 2], [2, 9], [9, 24]]) {
          const some = await logits(model, ids.slice(start, end), { start, cache });
          assertSameBits(some, expected.slice(start * 31, end * 31), `${what} from ${start}`);
        }
      }
    });
  }

  Deno.test(`gradients of chosen experts are those of all, and so are those of blocks run again, on ${variant.name}`, async () => {
    using sees = await variant.open(), far = await blind(variant);
    const example = { inputs: ids.slice(0, -1), targets: ids.slice(1) };
    for (const feedForward of feedForwards) {
      using model = createModel(sees, { ...sizes, feedForward }, { seed: 5 });
      using other = createModel(far, { ...sizes, feedForward }, { seed: 5 });
      const gradientsOf = async (m: Model, recompute = false) => {
        using gradients = createGradients(m);
        const loss = await gradients.add(example, { recompute });
        return { loss, values: await Promise.all(gradients.params.map((p) => m.runtime.read(p.gradient))) };
      };
      const chosen = await gradientsOf(model), again = await gradientsOf(model, true), all = await gradientsOf(other);
      assertEquals(chosen.loss, all.loss);
      for (const [i, name] of [...model.params.keys()].entries()) {
        assertSameBits(again.values[i], chosen.values[i], `${name}, run again`);
        assertClose(chosen.values[i], all.values[i], 1e-6, name);
      }
    }
  });

  Deno.test(`experts that nobody chose have a gradient of zeros, whatever was in its memory, on ${variant.name}`, async () => {
    using rt = await variant.open();
    using model = createModel(rt, { ...sizes, feedForward: { type: "experts", experts: 16, active: 1 } }, { seed: 1 });
    using gradients = createGradients(model);
    for (const recompute of [false, true]) {
      for (const { gradient } of gradients.params) rt.kernels.fill(gradient, NaN);
      await gradients.add({ inputs: [1, 2, 3], targets: [2, 3, 4] }, { fresh: true, recompute });
      let without = 0;
      for (const { name, gradient } of gradients.params) {
        const values = await rt.read(gradient);
        assert(values.every(Number.isFinite), name);
        if (name.includes("expert.") && values.every((v) => v === 0)) without++;
      }
      // 3 tokens choose at most 3 of 16 in each of 2 layers.
      assert(without >= 3 * 2 * 13 && without < 3 * 2 * 16, `${without} of ${3 * 2 * 16}`);
    }
  });
}

Deno.test("experts take no more memory for being many", async () => {
  using rt = await variants[1].open();
  const { scratch } = rt.backend;
  const peak = (rt: Runtime, count: number) => {
    const x = uniformTensor(rt, [64, 32], 1), before = scratch.peak;
    const shares = rt.ops.topSoftmax(uniformTensor(rt, [64, count], 2), count);
    rt.ops.route(x, shares, (rows) => rt.ops.tanh(rt.ops.scale(rows, 2)));
    return scratch.peak - before;
  };
  const few = rt.scope(() => peak(rt, 4));
  const many = rt.scope(() => peak(rt, 32));
  assert(many < few, `${many} bytes more for 32 than ${few} for 4`);
});

Deno.test("a row whose scores are NaN stays one", async () => {
  for (const variant of variants) {
    using rt = await variant.open();
    const x = rt.tensor([2, 3], [1, 2, 3, 4, 5, 6]), shares = rt.ops.topSoftmax(rt.tensor([2, 2], [NaN, NaN, 1, 0]), 1);
    const y = await rt.read(rt.ops.route(x, shares, (rows) => rows));
    assertEquals([...y], [NaN, NaN, NaN, 4, 5, 6], variant.name);
  }
});

Deno.test("describe() counts the experts that a token gets, wherever it stands", () => {
  // Mixtral's shape in small: attention 4 d² and 2 · 2 d for each position seen, router e d, 3 d h and d for its share of
  // each expert that is active, head v d.
  const [v, d, h, depth, context, e, active] = [50, 16, 40, 2, 32, 8, 2];
  const feedForward = { type: "experts", experts: e, active, hidden: h } as const;
  const description = describeModel({ vocab: v, context, dim: d, depth, heads: 2, tied: false, feedForward });
  const products = depth * (4 * d * d + e * d + active * (3 * d * h + d)) + v * d;
  assertEquals(description.flopsPerToken, 2 * products + depth * 4 * d);
  assertEquals(description.flopsPerTokenFull, 2 * products + depth * 4 * d * context);
  assertEquals(description.parameters, depth * (4 * d * d + e * d + e * 3 * d * h + 2 * d) + 2 * v * d + d);
});

Deno.test("routing refuses shares of other rows, and experts that change shapes", async () => {
  using rt = await variants[0].open();
  const x = rt.tensor([2, 3], uniform(6, 1)), shares = (shape: number[]) => uniformTensor(rt, shape, 2);
  const message = (s: Tensor, f: (x: Tensor) => Tensor) => assertThrows(() => rt.ops.route(x, s, f), TypeError).message;
  assertEquals(
    message(shares([3, 4]), (rows) => rows),
    "Cannot route f32 [2, 3] and f32 [3, 4], expected shares for each row",
  );
  assertEquals(
    message(shares([2, 4]), () => shares([2, 4])),
    "Cannot route f32 [2, 3] and f32 [2, 4], expected as many rows, as long",
  );
});
