/** Trained models on longer windows: beside models built by hand, bit for bit. */
import type { Component } from "../components/component.ts";
import { zeros } from "../components/init.ts";
import { evaluateLengths } from "../model/ablation/lengths.ts";
import { createModel, type Model } from "../model/decoder.ts";
import { evaluationWindows } from "../model/data/batches.ts";
import { memoryTokens, type TokenFile } from "../model/data/token_file.ts";
import { evaluate } from "../model/trainer.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { uniform } from "./support.ts";

const sizes = { vocab: 11, context: 8, dim: 16, depth: 2, heads: 2 } as const, SEED = 3;
const ids = Array.from(uniform(60, 5), (x) => Math.floor((x + 2) / 4 * sizes.vocab));
const first = (count: number) => memoryTokens(ids.slice(0, count));

/** A model whose weights are far from where they started. */
async function trained(runtime: Runtime, config: Parameters<typeof createModel>[1]): Promise<Model> {
  const model = createModel(runtime, config, { seed: SEED });
  let seed = 0;
  for (const { tensor } of model.params.values()) {
    const values = await runtime.read(tensor), moves = uniform(values.length, seed++);
    runtime.write(tensor, values.map((v, i) => v + moves[i] / 4));
  }
  return model;
}

async function directly(model: Model, tokens: TokenFile): Promise<number> {
  const { context } = model.config;
  const examples = [...evaluationWindows(tokens, context, 2)].map((b) => ({ ...b, batch: b.inputs.length / context }));
  return (await evaluate(model, examples)).loss;
}

for (const position of ["rope", "alibi", "sinusoidal", "learned", "none"] as const) {
  Deno.test(`${position}: the loss on longer windows is that of a model of that context with the same weights`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const model = await trained(runtime, { ...sizes, position }), before = runtime.backend.memory.used;
    // 59 targets: two windows of 24 fit, three of 16 and six of 8.
    const found = await evaluateLengths(model, memoryTokens(ids), [1, 2, 3], { seed: SEED });
    const expected = [{ length: 8, loss: await directly(model, first(49)) }];
    for (const length of [16, 24]) {
      using longer = createModel(runtime, { ...sizes, position, context: length }, { seed: SEED });
      for (const [name, { tensor }] of longer.params) {
        const values = await runtime.read(model.params.get(name)!.tensor), all = await runtime.read(tensor);
        assertEquals(all.length > values.length, name === "position.table");
        // What is beyond the trained positions stays as it started.
        all.set(values);
        runtime.write(tensor, all);
      }
      expected.push({ length, loss: await directly(longer, first(49)) });
    }
    assertEquals(found, expected);
    assertEquals(new Set(expected.map(({ loss }) => loss)).size, 3);
    assert(runtime.backend.memory.used <= before, "memory was not given back");
  });
}

Deno.test("lengths: rows that nothing trained are those of the seed", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const model = await trained(runtime, { ...sizes, position: "learned" }), tokens = memoryTokens(ids);
  const [at, other] = [
    await evaluateLengths(model, tokens, [1, 2]),
    await evaluateLengths(model, tokens, [1, 2], { seed: 9 }),
  ];
  assertEquals(at![0], other![0]);
  assert(at![1].loss !== other![1].loss);
});

Deno.test("lengths: windows that fill the last row only in part, and any number of them at a time", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const model = await trained(runtime, sizes);
  // 24 targets: one window and a half of 16.
  const found = await evaluateLengths(model, first(30), [3, 2]);
  using longer = createModel(runtime, { ...sizes, context: 16 });
  for (const [name, { tensor }] of model.params) {
    runtime.write(longer.params.get(name)!.tensor, await runtime.read(tensor));
  }
  assertEquals(found![1], { length: 16, loss: await directly(longer, first(25)) });
  for (const atATime of [1, 16, 40]) assertEquals(await evaluateLengths(model, first(30), [3, 2], { atATime }), found);
});

Deno.test("lengths: what is asked for is read, up to 32,768 targets and at least one window", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const read: number[] = [];
  const tokens: TokenFile = { ...memoryTokens([]), length: 100_000, read: (_, into) => void read.push(into.length) };
  const model = createModel(runtime, { ...sizes, position: "none" }), stop = () => true;
  for (const k of [1, 3, 5000]) assertEquals(await evaluateLengths(model, tokens, [1, k], { stop }), undefined);
  assertEquals(read, [32768 + 1, 32760 + 1, 40000 + 1]);
});

Deno.test("lengths: progress rises to 1; the end before the end", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const model = createModel(runtime, sizes), shares: number[] = [];
  await evaluateLengths(model, first(33), [1, 2], { atATime: 16, progress: (share) => shares.push(share) });
  assertEquals(shares, [0.25, 0.5, 0.75, 1]);
  let asked = 0;
  const options = { atATime: 16, stop: () => ++asked === 3 };
  assertEquals(await evaluateLengths(model, first(33), [1, 2], options), undefined);
  assertEquals(asked, 3);
  assertEquals(await evaluateLengths(model, first(1), []), []);
});

Deno.test("lengths: a loss that is not finite is null", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const model = createModel(runtime, sizes);
  runtime.write(model.params.get("norm.weight")!.tensor, new Float32Array(16).fill(NaN));
  assertEquals(await evaluateLengths(model, first(20), [2]), [{ length: 16, loss: null }]);
});

Deno.test("lengths: what cannot be evaluated is refused", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const model = createModel(runtime, sizes);
  const message = async (run: () => Promise<unknown>, kind: typeof RangeError | typeof TypeError) =>
    (await assertRejects(run, kind)).message;
  assertEquals(
    await message(() => evaluateLengths(model, first(24), [1, 3]), RangeError),
    "Cannot evaluate on windows of 24: memory has 24 tokens, expected at least 25",
  );
  for (const k of [0, 1.5, -1, NaN]) {
    assertEquals(
      await message(() => evaluateLengths(model, first(24), [1, k]), RangeError),
      `Cannot evaluate on ${k} times the context 8, expected a whole number from 1`,
    );
  }
  const across: Component<"position", "across", Record<never, never>> = {
    slot: "position",
    type: "across",
    options: {},
    build(_, { context, dim, param }) {
      param("columns", [dim, context], zeros);
      return {};
    },
  };
  const components = [across], strange = createModel(runtime, { ...sizes, position: "across" }, { components });
  const before = runtime.backend.memory.used;
  assertEquals(
    await message(() => evaluateLengths(strange, first(24), [1, 2], { components }), TypeError),
    "Cannot evaluate on windows of 16: position.columns is f32 [16, 16] there, expected f32 [16, 8] or more rows of it",
  );
  assert(runtime.backend.memory.used <= before, "memory was not given back");
});
