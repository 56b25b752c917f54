/** Synthetic tasks: answers by other means, what is for training and what is not, and the score of a model. */
import fc from "fast-check";
import {
  associativeRecall,
  copy,
  dyck,
  exactMatch,
  induction,
  modularAddition,
  reverse,
  type Sample,
  sideOf,
  sort,
  type Task,
  taskExamples,
  tasks,
  validationSamples,
} from "../model/ablation/tasks/mod.ts";
import { createModel, type Model } from "../model/decoder.ts";
import { generate } from "../model/generator.ts";
import { createRandom } from "../model/random.ts";
import { createTrainer, evaluate } from "../model/trainer.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";

const runtime = await createRuntime({ threads: 1 });
const whole = (min: number, max: number) => fc.integer({ min, max });
const lengths = fc.tuple(whole(2, 12), whole(1, 6), whole(0, 6)).map(([symbols, shortest, more]) => ({
  symbols,
  shortest,
  longest: shortest + more,
}));
const recall = fc.tuple(whole(2, 9), whole(2, 9)).chain(([keys, values]) =>
  whole(1, keys).map((pairs) => associativeRecall({ keys, values, pairs }))
);

/** A task of any size, how its answers are found without it, and which prompts it may have. */
const kinds: readonly { task: fc.Arbitrary<Task>; answer(prompt: readonly number[], task: Task): number[] }[] = [
  { task: lengths.map(copy), answer: (prompt) => prompt.slice(0, -1) },
  { task: lengths.map(reverse), answer: (prompt) => prompt.slice(0, -1).map((_, i) => prompt[prompt.length - 2 - i]) },
  {
    task: lengths.map(sort),
    answer: (prompt, { vocab }) => Array.from({ length: vocab - 1 }, (_, s) => prompt.filter((id) => id === s)).flat(),
  },
  {
    task: recall,
    answer(prompt, { options: { keys, values, pairs } }) {
      const pairsShown = Array.from({ length: pairs }, (_, i) => [prompt[2 * i], prompt[2 * i + 1]] as const);
      const table = new Map(pairsShown);
      assertEquals(table.size, pairs); // no key twice
      assert(pairsShown.every(([key, value]) => key < keys && value >= keys && value < keys + values));
      return [table.get(prompt[2 * pairs])!];
    },
  },
  {
    task: fc.record({ symbols: whole(3, 9), length: whole(2, 12) }).map(induction),
    answer(prompt, { options: { length } }) {
      assertEquals(prompt.length, length + 1);
      const places = prompt.flatMap((id, i) => id === prompt[length] ? [i] : []);
      assertEquals(places.length, 2); // the end, and one place before it
      assert(places[0] < length - 1); // it is followed by another one
      return [prompt[places[0] + 1]];
    },
  },
  {
    task: fc.record({ modulus: whole(3, 30), validation: fc.constantFrom(0.05, 0.5, 0.95), split: whole(0, 9) })
      .map(modularAddition),
    answer([a, b, equals], { options: { modulus } }) {
      assertEquals(equals, modulus);
      let sum = a;
      for (let i = 0; i < b; i++) sum = sum + 1 === modulus ? 0 : sum + 1;
      return [sum];
    },
  },
  {
    task: fc.record({ kinds: whole(2, 6), length: whole(3, 20), depth: whole(2, 5) }).map(dyck),
    answer(prompt, { options: { kinds, depth, length } }) {
      assert(prompt.length <= length && prompt.at(-1)! >= kinds);
      let word = prompt.map((id) => id < kinds ? `(${id} ` : `)${id - kinds} `).join(""), before = "";
      while (word !== before) [before, word] = [word, word.replace(/\((\d+) \)\1 /g, "")];
      const open = word.match(/^(?:\(\d+ )*\((\d+) $/)!; // only opening brackets are left, at least one
      let now = 0;
      assert(prompt.every((id) => (now += id < kinds ? 1 : -1) <= depth));
      return [kinds + Number(open[1])];
    },
  },
];
const anyTask = fc.oneof(...kinds.map(({ task }) => task));

Deno.test("answers are right, of any size of any task; ids and lengths are within vocab and context", () => {
  for (const { task: sizes, answer } of kinds) {
    fc.assert(
      fc.property(sizes, whole(0, 1e6), (task, seed) => {
        const random = createRandom(seed, "test");
        for (let i = 0; i < 20; i++) {
          const sample = task.sample(random);
          assertEquals([...sample.answer], answer(sample.prompt, task), `${task.name} of ${sample.prompt}`);
          const ids = [...sample.prompt, ...sample.answer];
          assert(ids.every((id) => Number.isInteger(id) && id >= 0 && id < task.vocab), `${task.name}: ${ids}`);
          assert(ids.length - 1 <= task.context, `${task.name}: ${ids.length} tokens`);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  }
});

Deno.test("every task with its defaults: its longest sample fills the context, all tokens occur, samples differ", () => {
  for (const task of tasks.map((make) => make())) {
    const random = createRandom(3, "test"), samples = Array.from({ length: 3000 }, () => task.sample(random));
    assertEquals(Math.max(...samples.map((s) => s.prompt.length + s.answer.length - 1)), task.context, task.name);
    assertEquals(new Set(samples.flatMap((s) => [...s.prompt, ...s.answer])).size, task.vocab, task.name);
    assert(new Set(samples.map((s) => s.prompt.join())).size > (task.side ? 500 : 2500), task.name);
    assertEquals(task.model.vocab, task.vocab);
    assertEquals(task.model.context, task.context + 1);
  }
  assertEquals(new Set(tasks.map((make) => make().name)).size, 7);
});

Deno.test("a batch is decided by seed and index alone", () => {
  const batch = taskExamples(copy({ symbols: 3, shortest: 2, longest: 3 }), 5, 7, 2);
  // Written down once: any machine must give the same.
  assertEquals([...batch.inputs], [2, 1, 0, 3, 2, 1, 0, 1, 1, 3, 0, 1]);
  assertEquals([...batch.targets], [-1, -1, -1, 2, 1, 0, -1, -1, -1, 0, 1, 1]);
  for (const task of tasks.map((make) => make())) {
    const at = (seed: number, index: number) => taskExamples(task, seed, index, 4);
    const [first, later] = [at(1, 0), at(1, 1)];
    assertEquals([at(1, 1), at(1, 0)], [later, first], task.name); // in any order
    for (const other of [later, at(2, 0)]) assert(`${other.inputs}` !== `${first.inputs}`, task.name);
    assertEquals(validationSamples(task, 5, 1), validationSamples(task, 9, 1).slice(0, 5), task.name);
    assert(JSON.stringify(validationSamples(task, 5, 2)) !== JSON.stringify(validationSamples(task, 5, 1)), task.name);
  }
});

/** Prompts and answers of a batch, read back from its rows: a row counts from its last input before the first target. */
function readBack(task: Task, { inputs, targets }: ReturnType<typeof taskExamples>): Sample[] {
  return Array.from({ length: inputs.length / task.context }, (_, row) => {
    const ids = inputs.subarray(row * task.context, (row + 1) * task.context);
    const expected = targets.subarray(row * task.context, (row + 1) * task.context);
    const first = expected.findIndex((t) => t >= 0), last = expected.findLastIndex((t) => t >= 0);
    const answer = [...expected.subarray(first, last + 1)];
    assertEquals([...ids.subarray(first + 1, last + 1)], answer.slice(0, -1)); // the answer so far is given
    assert(ids.subarray(last + 1).every((id) => id === 0));
    assert(expected.every((t, i) => (t >= 0) === (i >= first && i <= last)));
    return { prompt: [...ids.subarray(0, first + 1)], answer };
  });
}

Deno.test("targets are the answers, each beside the token before it, and nothing else", () => {
  for (const { task: sizes, answer } of kinds) {
    fc.assert(
      fc.property(sizes, whole(0, 1e6), (task, seed) => {
        fc.pre(hasBothSides(task));
        const batch = taskExamples(task, seed, 0, 8);
        assertEquals(batch.inputs.length, 8 * task.context);
        assertEquals(batch.targets.length, 8 * task.context);
        for (const sample of readBack(task, batch)) assertEquals([...sample.answer], answer(sample.prompt, task));
      }),
      { numRuns: 20, seed: 2 },
    );
  }
});

/** Whether some of 300 samples lie on either side: the smallest tasks have prompts on one only. */
function hasBothSides(task: Task): boolean {
  const random = createRandom(0, "test"),
    sides = Array.from({ length: 300 }, () => sideOf(task, task.sample(random).prompt));
  return new Set(sides).size === 2;
}

Deno.test("no sample of validation is trained on, whatever the seeds", () => {
  fc.assert(
    fc.property(anyTask, whole(0, 1e6), whole(0, 1e6), (task, trained, scored) => {
      fc.pre(hasBothSides(task));
      const held = new Set(validationSamples(task, 200, scored).map((s) => s.prompt.join()));
      for (const index of [0, 1, 2]) {
        for (const { prompt } of readBack(task, taskExamples(task, trained, index, 64))) {
          assert(!held.has(prompt.join()), `${task.name}: ${prompt}`);
        }
      }
    }),
    { numRuns: 60, seed: 3 },
  );
});

Deno.test("a tenth of the prompts is for validation, of modular addition as many pairs as asked for", () => {
  for (const task of tasks.map((make) => make()).filter((task) => !task.side)) {
    const random = createRandom(4, "test");
    const share = Array.from({ length: 5000 }, () => sideOf(task, task.sample(random).prompt))
      .filter((side) => side === "validation").length / 5000;
    assert(Math.abs(share - 0.1) < 0.02, `${task.name}: ${share}`); // 4.7 standard deviations
  }
  const held = (options: Parameters<typeof modularAddition>[0]) => {
    const task = modularAddition(options), { modulus } = task.options;
    const pairs = Array.from({ length: modulus ** 2 }, (_, i) => [i % modulus, Math.floor(i / modulus), modulus]);
    return pairs.filter((prompt) => sideOf(task, prompt) === "validation").join(";");
  };
  const count = (text: string) => text.split(";").length;
  assertEquals(count(held({ modulus: 20, validation: 0.3 })), 120);
  assertEquals(count(held({ modulus: 3, validation: 0.05 })), 1);
  assertEquals(count(held({ modulus: 3, validation: 0.95 })), 8);
  assertEquals(held({ modulus: 11, split: 1 }), held({ modulus: 11, split: 1 }));
  assert(held({ modulus: 11, split: 1 }) !== held({ modulus: 11, split: 2 }));
});

Deno.test("options and sizes out of bounds", () => {
  const cases: readonly [() => unknown, string][] = [
    [
      () => copy({ symbols: 1 }),
      `Cannot make the task "copy": symbols is 1, expected a whole number from 2 up to 65536`,
    ],
    [() => sort({ shortest: 0 }), `task "sort": shortest is 0, expected a whole number from 1 up to 4096`],
    [() => reverse({ longest: 3 }), `task "reverse": shortest is 4, expected at most the longest, which is 3`],
    [() => copy({ longest: NaN }), `longest is NaN, expected a whole number from 1 up to 4096`],
    [() => associativeRecall({ pairs: 9 }), `pairs is 9, expected at most the number of keys, which is 8`],
    [() => associativeRecall({ values: 1.5 }), `values is 1.5, expected a whole number from 2 up to 65536`],
    [() => induction({ symbols: 2 }), `task "induction": symbols is 2, expected a whole number from 3 up to 65536`],
    [() => induction({ length: 1 }), `length is 1, expected a whole number from 2 up to 4096`],
    [() => modularAddition({ modulus: 2 }), `modulus is 2, expected a whole number from 3 up to 4096`],
    [() => modularAddition({ validation: 1 }), `validation is 1, expected a number from 0.05 up to 0.95`],
    [() => dyck({ kinds: 1 }), `task "dyck": kinds is 1, expected a whole number from 2 up to 32768`],
    [() => dyck({ depth: 1 }), `depth is 1, expected a whole number from 2 up to 4096`],
    [() => dyck({ length: 2 }), `length is 2, expected a whole number from 3 up to 4096`],
    [
      () => taskExamples(copy(), 0, -1, 4),
      `Cannot make batch -1 of 4 samples of "copy": the index is -1, expected a whole number from 0`,
    ],
    [() => taskExamples(copy(), 0, 0, 0), `of 0 samples of "copy": the batch is 0, expected a whole number from 1`],
    [() => taskExamples(copy(), 0.5, 0, 1), `Cannot use seed 0.5, expected a whole number`],
    [
      () => validationSamples(copy({ symbols: 3, shortest: 1, longest: 1 }), 1, 0),
      `Cannot draw a sample of "copy" for validation: 10000 draws had none, expected a task with more prompts`,
    ],
  ];
  for (const [f, message] of cases) assertThrows(f, RangeError, message);
  const unknown = { simbols: 3 } as Record<string, number>;
  assertThrows(
    () => copy(unknown),
    TypeError,
    `Cannot make the task "copy": it has no option "simbols", expected symbols, shortest, longest`,
  );
});

/** A model that knows the answers, found by other means; `wrong` may change what it says after some tokens. */
function oracle(
  task: Task,
  answer: (prompt: readonly number[]) => number[],
  wrong: (prompt: readonly number[], at: number) => boolean = () => false,
): Model {
  const { vocab } = task;
  const known = new Map(validationSamples(task, 300, 0).map(({ prompt }) => [prompt.join(), answer(prompt)]));
  return {
    ...createModel(runtime, task.model),
    forward(given, { batch = 1 } = {}) {
      const tokens = given as ArrayLike<number>,
        time = tokens.length / batch,
        logits = new Float32Array(tokens.length * vocab);
      for (let row = 0; row < batch; row++) {
        const ids = Array.from(tokens).slice(row * time, (row + 1) * time);
        for (let end = 1; end <= time; end++) {
          const prompt = ids.slice(0, end), found = known.get(prompt.join());
          found?.forEach((id, i) => {
            const says = wrong(prompt, i) ? (id + 1) % vocab : id;
            logits[(row * time + end - 1 + i) * vocab + says] = 30;
          });
        }
      }
      return runtime.tensor([batch, time, vocab], logits);
    },
  };
}

Deno.test("exact match is 1 for a model that knows every answer, and counts whole answers", async () => {
  for (const [i, make] of tasks.entries()) {
    const task = make(), answer = (prompt: readonly number[]) => kinds[i].answer(prompt, task);
    const { exactMatch: share, loss } = await exactMatch(oracle(task, answer), task, { count: 300 });
    assertEquals(share, 1, task.name);
    assert(loss < 1e-6, `${task.name}: ${loss}`);
  }
  // One wrong token makes an answer wrong, the last one too; the loss is the mean over tokens.
  const task = copy({ symbols: 5, shortest: 3, longest: 6 }),
    answer = (prompt: readonly number[]) => prompt.slice(0, -1);
  const samples = validationSamples(task, 300, 0), even = ([first]: readonly number[]) => first % 2 === 0;
  const model = oracle(task, answer, (prompt, at) => even(prompt) && at === prompt.length - 2);
  const { exactMatch: share, loss } = await exactMatch(model, task, { count: 300 });
  const wrong = samples.filter((s) => even(s.prompt)).length;
  assert(wrong > 100 && wrong < 250);
  assertEquals(share, (300 - wrong) / 300);
  const tokens = samples.reduce((sum, s) => sum + s.answer.length, 0);
  assert(Math.abs(loss - 30 * wrong / tokens) < 1e-4, `${loss}`);
});

Deno.test("exact match of a model that has learned nothing is near chance, its loss that of a uniform guess", async () => {
  for (const task of tasks.map((make) => make())) {
    using model = createModel(runtime, { ...task.model, init: "normal" });
    const { exactMatch: share, loss } = await exactMatch(model, task, { count: 300 });
    // The best guess without a look at the prompt finds a quarter of the Dyck answers, an eighth or less of the others.
    assert(share <= 0.3, `${task.name}: ${share}`);
    assert(Math.abs(loss - Math.log(task.vocab)) < 0.25, `${task.name}: ${loss}`);
  }
});

Deno.test("exact match says what is wrong", async () => {
  const task = copy(), { model: config } = task;
  const cases: readonly [Partial<typeof config>, number, string][] = [
    [{ vocab: 16 }, 8, `Cannot score "copy": the model's vocab is 16, expected at least 17`],
    [{ context: 15 }, 8, `Cannot score "copy": the model's context is 15, expected at least 16`],
    [{}, 0, `Cannot score "copy": the count is 0, expected a whole number from 1`],
  ];
  for (const [change, count, message] of cases) {
    using model = createModel(runtime, { ...config, ...change });
    await assertRejects(() => exactMatch(model, task, { count }), RangeError, message);
  }
});

Deno.test("a model whose numbers are not finite has no right answer, and says so by its loss", async () => {
  const task = copy();
  using model = createModel(runtime, task.model);
  const { tensor } = model.params.get("embedding.weight")!;
  runtime.write(tensor, new Float32Array(size(tensor.shape)).fill(NaN));
  // The first of equals would be right where the answer is token 0.
  assertEquals(await exactMatch(model, task), { exactMatch: 0, loss: NaN });
});

Deno.test("a model learns to copy, and its score is what greedy generation has", async () => {
  const task = copy({ symbols: 6, shortest: 3, longest: 4 }), steps = 120, batch = 32;
  using model = createModel(runtime, { ...task.model, dim: 32 });
  using trainer = createTrainer(model, { steps, learningRate: 1e-2 });
  const before = await exactMatch(model, task, { count: 200 });
  for (let i = 0; i < steps; i++) await trainer.train([taskExamples(task, 1, i, batch)], batch);
  const after = await exactMatch(model, task, { count: 200 });
  console.log(`copy: ${before.exactMatch} → ${after.exactMatch} after ${steps} steps, loss ${after.loss}`);
  // Chance is 6⁻³ and less.
  assert(before.exactMatch < 0.05 && after.exactMatch > 0.5, `${before.exactMatch}, ${after.exactMatch}`);

  let right = 0, loss = 0, tokens = 0;
  for (const { prompt, answer } of validationSamples(task, 200, 0)) {
    const ids: number[] = [];
    const options = { maxTokens: answer.length, samplers: ["greedy"] } as const;
    for await (const { id } of generate(model, prompt, options)) ids.push(id);
    if (`${ids}` === `${answer}`) right++;
    const targets = [...prompt.slice(1).map(() => -1), ...answer];
    const one = await evaluate(model, [{ inputs: [...prompt, ...answer.slice(0, -1)], targets, batch: 1 }]);
    loss += one.loss * one.tokens;
    tokens += one.tokens;
  }
  assert(right < 200, "the comparison needs some wrong answers too");
  assertEquals(after.exactMatch, right / 200);
  assert(Math.abs(after.loss - loss / tokens) < 1e-6, `${after.loss}, ${loss / tokens}`);
});
