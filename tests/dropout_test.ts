/** The dropout plugin: when it drops, what, and that it can be repeated. */
import { createModel } from "../model/decoder.ts";
import { createTrainer } from "../model/trainer.ts";
import { dropout, type DropoutOptions } from "../model/dropout.ts";
import type { Plugin, TrainEvent } from "../model/plugin.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

const config = { vocab: 11, context: 8, dim: 16, depth: 2, heads: 2 } as const;
const example = { inputs: [1, 2, 3, 4, 5, 6, 7, 8], targets: [2, 3, 4, 5, 6, 7, 8, 9] };
const runtime = await createRuntime({ threads: 1 });

/** Losses of `steps` steps, going on after step `from`. The learning rate is 0: nothing but what is dropped differs. */
async function losses(options: DropoutOptions | undefined, steps: number, from = 0, more = {}): Promise<number[]> {
  using model = createModel(runtime, { ...config, ...more }, { plugins: options ? [dropout(options)] : [] });
  using trainer = createTrainer(model, { steps: 20, learningRate: 0 });
  trainer.step = from;
  const out: number[] = [];
  for (let i = 0; i < steps; i++) out.push((await trainer.train([example], 1)).loss);
  return out;
}

Deno.test("dropout drops in training: something else in each step and for each seed, the same after a break", async () => {
  const [plain] = await losses(undefined, 1), all = await losses({ residual: 0.5 }, 4);
  assertEquals(new Set([...all, plain]).size, 5);
  assertEquals(await losses({ residual: 0.5 }, 2, 2), all.slice(2));
  assert((await losses({ residual: 0.5, seed: 1 }, 1))[0] !== all[0]);
  for (const position of ["rope", "learned"]) {
    const [whole] = await losses(undefined, 1, 0, { position });
    assert((await losses({ embedding: 0.5 }, 1, 0, { position }))[0] !== whole, position);
  }
  const inside = await losses({ attention: 0.5 }, 3);
  assertEquals(new Set([...inside, plain]).size, 4);
  assertEquals(await losses({ attention: 0.5 }, 1, 2), inside.slice(2));
  assertEquals(await losses({}, 1), [plain]);
});

Deno.test("dropout changes nothing where nothing is trained", async () => {
  using dropped = createModel(runtime, config, {
    plugins: [dropout({ attention: 0.5, residual: 0.5, embedding: 0.5 })],
  });
  using plain = createModel(runtime, config);
  using trainer = createTrainer(dropped, { steps: 5, learningRate: 0 });
  const logits = (model: typeof plain) => runtime.scope(() => runtime.read(model.forward(example.inputs)));
  const expected = await logits(plain);
  assertEquals(await logits(dropped), expected);
  const step = trainer.train([example], 1);
  assertEquals(await logits(dropped), expected); // also while the loss of a step is waited for
  await step;
  assertEquals(await logits(dropped), expected);
});

Deno.test("blocks that are computed again drop the same", async () => {
  const gradients = async (recompute: boolean) => {
    using model = createModel(runtime, config, {
      plugins: [dropout({ attention: 0.4, residual: 0.4, embedding: 0.4 })],
    });
    using trainer = createTrainer(model, { steps: 3, learningRate: 1e-2, recompute });
    const reports = [await trainer.train([example, example], 1), await trainer.train([example], 1)];
    return [...reports, await runtime.read(model.params.get("blocks.0.attention.q.weight")!.tensor)];
  };
  assertEquals(await gradients(true), await gradients(false));
});

Deno.test("rates that are none and seeds that are none are refused", () => {
  assertThrows(() => dropout({ residual: 1 }), RangeError, "Cannot use residual dropout 1, expected 0 ≤ rate < 1");
  assertThrows(() => dropout({ embedding: -0.1 }), RangeError, "Cannot use embedding dropout -0.1");
  assertThrows(() => dropout({ seed: 0.5 }), RangeError, "Cannot use seed 0.5, expected a whole number");
});

Deno.test("plugins are told of every example, and of its end", async () => {
  const events: (TrainEvent | undefined)[] = [];
  const listening: Plugin = { name: "listening", train: (event) => void events.push(event) };
  using model = createModel(runtime, config, { plugins: [listening] });
  using trainer = createTrainer(model, { steps: 3, learningRate: 1e-2 });
  await trainer.train([example, example], 1);
  await trainer.train([example], 1);
  assertEquals(events, [
    { step: 1, example: 0 },
    undefined,
    { step: 1, example: 1 },
    undefined,
    { step: 2, example: 0 },
    undefined,
  ]);
});
