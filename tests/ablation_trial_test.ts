/** One training of an ablation: the same bits however it runs, what diverges, what tells code apart. */
import type { Component } from "../components/component.ts";
import { codeVersion } from "../model/ablation/code_version.ts";
import { evaluationSteps } from "../model/ablation/curve.ts";
import { openLearning } from "../model/ablation/learning.ts";
import { evaluateLengths } from "../model/ablation/lengths.ts";
import type { TrialResult } from "../model/ablation/outcome.ts";
import type { StudyDefinition } from "../model/ablation/study_definition.ts";
import {
  assembleTrial,
  runTrial,
  type TrialHost,
  type TrialProgress,
  type TrialSpec,
} from "../model/ablation/trial.ts";
import { runTrials, type TrialsOptions } from "../model/ablation/trial_threads.ts";
import { openData } from "../model/data/data_info.ts";
import { CheckpointError } from "../model/source.ts";
import { VERSION } from "../model/version.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./assert.ts";
import { byTrial, norms, plannedTrials, scalingNorm, tinyStudy, withStory } from "./ablation_engine.ts";
import { inFolder } from "./disks.ts";
import deno from "../deno.json" with { type: "json" };
import { wasmVariants } from "./support.ts";

const runtime = await createRuntime({ threads: 1, simd: "baseline" });
const host: TrialHost = { runtime, components: [], plugins: [] };
const none = { components: [], plugins: [] };

/** The trials of a tiny study. */
async function trials(folder: string, others: StudyDefinition = {}, components?: readonly Component[]) {
  const parts = { runtime, ...(components && { components }) };
  return (await plannedTrials(folder, tinyStudy(folder, others), parts)).specs;
}

/** A trial that is not stopped. */
async function finished(spec: TrialSpec, others: Partial<TrialHost> = {}): Promise<TrialResult> {
  const result = await runTrial(spec, { ...host, ...others });
  assert(result);
  return result;
}

/** A schedule of any shape: what it is, is no part of its name. */
function schedule(at: (step: number) => number): Component<"schedule", "bent", Record<never, never>> {
  return { slot: "schedule", type: "bent", options: {}, build: () => ({ at }) };
}

/** Says stop after so many questions. */
function stopAfter(questions: number): () => boolean {
  let asked = 0;
  return () => asked++ >= questions;
}

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

// ---- the same bits --------------------------------------------------------------------------------------------------

Deno.test("a trial has the same result on 1 and on 2 threads, and nothing in it is of the machine", async () => {
  await withStory(async (folder) => {
    const [spec] = await trials(folder, { training: { dropout: 0.1 }, lengths: [1, 2] });
    const results: TrialResult[] = [];
    for (const variant of wasmVariants.filter(({ name }) => name.startsWith("baseline"))) {
      using runtime = await variant.open();
      results.push(await finished(spec, { runtime }));
    }
    assertEquals(results[1], results[0]);
    const [{ evaluations, curve, lengths, score, weights, ...rest }] = results;
    assertEquals(rest, {
      key: spec.key,
      arm: "base",
      seed: 1,
      outcome: "finished",
      steps: 4,
      config: spec.config,
      training: spec.training,
      data: spec.data.hash,
      code: spec.code,
    });
    assertEquals(evaluations.map(({ step }) => step), [2, 4]);
    assertEquals([score], [{ loss: evaluations[1].loss }]);
    assertEquals(curve.map(({ step }) => step), [1, 2, 3, 4]);
    assertEquals(lengths!.map(({ length }) => length), [8, 16]);
    assert(lengths!.every(({ loss }) => loss! > 0 && loss! < 10));
    assertMatch(weights, /^[0-9a-f]{64}$/);
    assertEquals(JSON.parse(JSON.stringify(results[0])), results[0]);
  });
});

Deno.test("in threads of their own, one or two at a time, trials have the results that they have here", async () => {
  await withStory(async (folder) => {
    const specs = await trials(folder, { vary: norms }), here = byTrial([]);
    for (const spec of specs) Object.assign(here, byTrial([await finished(spec)]));
    for (const [jobs, threads] of [[1, 1], [2, 1], [2, 4], [9, 2]]) {
      const found: TrialResult[] = [];
      await runTrials(specs, { ...options, jobs, threads, result: (_, result) => found.push(result) });
      assertEquals(byTrial(found), here);
    }
    assertEquals(Object.keys(here).sort(), ["base 1", "base 2", "norm=layerNorm 1", "norm=layerNorm 2"]);
  });
});

Deno.test("a trial that is stopped at any question and goes on has the result of one that was not", async () => {
  await withStory(async (folder) => {
    const [spec] = await trials(folder, { training: { dropout: 0.1 }, lengths: [1, 2], budget: { steps: 5 } });
    const undisturbed = await finished(spec), state = { folder: `${folder}/trials`, seconds: 1e9 };
    let questions = 0;
    for (;; questions++) {
      const seen: TrialProgress[] = [], again: TrialProgress[] = [];
      const first = await runTrial(spec, {
        ...host,
        state,
        stop: stopAfter(questions),
        progress: (p) => seen.push(p),
      });
      if (first) {
        assertEquals(first, undisturbed);
        break;
      }
      const made = Math.max(0, ...seen.map(({ step }) => step));
      assertEquals(await exists(`${state.folder}/${spec.key}/newest.json`), made > 0);
      assertEquals(await finished(spec, { state, progress: (p) => again.push(p) }), undisturbed);
      assert(again.every(({ step }) => step >= made), `step ${made} was made twice`);
      await Deno.remove(`${state.folder}/${spec.key}`, { recursive: true }).catch(() => {});
    }
    // 5 steps, 2 evaluations, 2 lengths.
    assertEquals(questions, 9);
  });
});

Deno.test("a trial that is stopped after every step, and writes checkpoints at others, comes to the same end", async () => {
  await withStory(async (folder) => {
    const [spec] = await trials(folder, { budget: { steps: 6 } }), undisturbed = await finished(spec);
    const state = { folder: `${folder}/trials`, seconds: 0 };
    let result: TrialResult | undefined, lives = 0;
    for (; !result; lives++) result = await runTrial(spec, { ...host, state, stop: stopAfter(2) });
    assertEquals(result, undisturbed);
    assert(lives >= 3);
  });
});

Deno.test("a checkpoint of another trial is refused", async () => {
  await withStory(async (folder) => {
    const [one, other] = await trials(folder), state = { folder: `${folder}/trials`, seconds: 0 };
    assertEquals([one.arm, other.arm, one.seed, other.seed], ["base", "base", 1, 2]);
    await runTrial(one, { ...host, state, stop: stopAfter(2) });
    await Deno.rename(`${state.folder}/${one.key}`, `${state.folder}/${other.key}`);
    const error = await assertRejects(() => runTrial(other, { ...host, state }), CheckpointError);
    assertMatch(
      error.message,
      /^Cannot go on from .*\/step-0000000\d: it is of another trial, expected one of [0-9a-f]{64}$/,
    );
  });
});

Deno.test("arms of one seed share the order of data, and the initial weights of the tensors that they share", async () => {
  await withStory(async (folder) => {
    const vary = { norm: ["layerNorm"], feedForward: ["gelu"], position: ["learned"], "attention.window": [4] };
    const specs = await trials(folder, { vary }), arms = new Set(specs.map(({ arm }) => arm));
    assertEquals(arms.size, 5);
    const weightsOf = async (spec: Pick<TrialSpec, "config" | "training" | "seed">) => {
      const { model, trainer } = assembleTrial(spec, host), found = new Map<string, Float32Array>();
      for (const [name, { tensor }] of model.params) {
        found.set(`${name} [${tensor.shape}]`, await runtime.read(tensor));
      }
      trainer.close();
      model.close();
      return found;
    };
    const examplesOf = async ({ data, training, config: { context }, seed }: TrialSpec) => {
      using learning = await openLearning(data, training, { context, seed });
      return [0, 1, 2, 3].map((step) => learning.example(step));
    };
    const [base, ...others] = specs, weights = await weightsOf(base), examples = await examplesOf(base);
    const random = (values: Float32Array) => new Set(values).size > 1;
    assertEquals(new Set([...weights.values()].filter(random).map(String)).size, 8); // no two tensors are the same
    for (const spec of others) {
      const own = await weightsOf(spec), shared = [...own.keys()].filter((name) => weights.has(name));
      assert(shared.length >= 6);
      if (spec.seed === base.seed) {
        assert(own.size !== shared.length || /gelu|window/.test(spec.arm), spec.arm);
        for (const name of shared) assertEquals(own.get(name), weights.get(name), `${spec.arm}: ${name}`);
        assertEquals(await examplesOf(spec), examples, spec.arm);
      } else {
        for (const name of shared.filter((name) => random(own.get(name)!))) {
          assert(String(own.get(name)) !== String(weights.get(name)), name);
        }
        assert(JSON.stringify(await examplesOf(spec)) !== JSON.stringify(examples));
      }
    }
    // What A/A comparisons change: the weights of a seed, and not its data.
    const again = { ...base, training: { ...base.training, weights: 7 } };
    assertEquals(await examplesOf(again), examples);
    assertEquals(await weightsOf(again), await weightsOf({ ...base, seed: base.seed + 7 }));
  });
});

Deno.test("on longer windows a trial is evaluated with the rows that its own seed gives to what nothing trained", async () => {
  await withStory(async (folder) => {
    // Steps that are too short for any weight to move.
    const study = { base: { position: "learned" }, lengths: [2], training: { learningRate: 1e-60 } };
    const [, spec] = await trials(folder, study), { seed, training } = spec;
    using learning = await openLearning(spec.data, training, { context: 8, seed });
    const { model, trainer } = assembleTrial(spec, host);
    assertEquals([seed, (await finished(spec)).lengths], [2, await learning.lengths(model, none, {})]);
    using data = await openData((spec.data as { directory: string }).directory);
    const [own, other] = [
      await evaluateLengths(model, data.validation, [2], { seed }),
      await evaluateLengths(model, data.validation, [2]),
    ];
    assertEquals(await learning.lengths(model, none, {}), own);
    assert(own![0].loss !== other![0].loss);
    trainer.close();
    model.close();
  });
});

Deno.test("evaluations are spread over the steps, the last one at the end", () => {
  const steps = (steps: number, evaluations: number) => [...evaluationSteps({ steps, evaluations })];
  assertEquals([steps(10, 5), steps(10, 1), steps(3, 3)], [[2, 4, 6, 8, 10], [10], [1, 2, 3]]);
  assertEquals([steps(7, 3), steps(1, 1)], [[2, 5, 7], [1]]);
});

// ---- what diverges --------------------------------------------------------------------------------------------------

Deno.test("a training that rises, or whose numbers are not finite, is a result: diverged, and why", async () => {
  await withStory(async (folder) => {
    const training = (learningRate: number) => ({
      seeds: 1,
      budget: { steps: 6 },
      evaluations: 3,
      training: { clip: 0, learningRate, schedule: "constant", warmup: 0 },
    });
    const rises = await finished((await trials(folder, training(3)))[0]);
    assertMatch(rises.reason!, /^the training loss rose from \d\.\d{4} to \d+\.\d{4}$/);
    assertEquals([rises.outcome, rises.steps, rises.evaluations.length], ["diverged", 6, 3]);

    const overflows = await finished((await trials(folder, training(1e300)))[0]);
    assertMatch(overflows.reason!, /^Cannot make step 2: the loss is NaN; .* is the first .* that is not finite$/);
    const { outcome, steps, evaluations, curve, score } = overflows;
    assertEquals([outcome, steps, evaluations, score], ["diverged", 1, [], undefined]);
    assertEquals(curve.map(({ step }) => step), [1]);
    assertEquals(JSON.parse(JSON.stringify(overflows)), JSON.parse(JSON.stringify({ ...overflows, score: undefined })));
  });
});

const burst = (from: number) => schedule((step) => step < from ? 1e-3 : 1e300);
const bursting = { seeds: 1, evaluations: 3, budget: { steps: 6 }, training: { schedule: "bent", clip: 0 } };

Deno.test("a training that diverges on the way keeps what it has seen, and its checkpoints lead to the same", async () => {
  await withStory(async (folder) => {
    const components = [burst(3)], [spec] = await trials(folder, bursting, components);
    const result = await finished(spec, { components });
    assertMatch(result.reason!, /^Cannot make step 4: the loss is NaN; /);
    assertEquals([result.outcome, result.steps, result.evaluations.map(({ step }) => step)], ["diverged", 3, [2]]);
    assertEquals(result.score, { loss: result.evaluations[0].loss });
    const state = { folder: `${folder}/trials`, seconds: 1e9 };
    for (let questions = 1; questions <= 4; questions++) {
      assertEquals(await runTrial(spec, { ...host, components, state, stop: stopAfter(questions) }), undefined);
      assertEquals(await finished(spec, { components, state }), result);
      await Deno.remove(state.folder, { recursive: true });
    }
  });
});

Deno.test("a validation loss that is not finite makes a trial diverge, of text and of a task", async () => {
  const task = { task: "copy", options: { symbols: 3, shortest: 1, longest: 2 }, questions: 40 };
  await withStory(async (folder) => {
    const components = [burst(6)]; // the last step
    for (const data of [`${folder}/story.txt`, task]) {
      const [spec] = await trials(folder, { ...bursting, data }, components);
      const result = await finished(spec, { components });
      assertEquals(result.reason, "the validation loss after step 6 is NaN");
      assertEquals([result.outcome, result.steps], ["diverged", 6]);
      assertEquals(result.evaluations.map(({ step }) => step), [2, 4]);
      assertEquals([result.score?.loss], [result.evaluations[1].loss]);
    }
  });
});

// ---- tasks ----------------------------------------------------------------------------------------------------------

Deno.test("a trial of a task has the share of answers that are right, and goes on as one of a text does", async () => {
  await inFolder(async (folder) => {
    const data = { task: "copy", options: { symbols: 2, shortest: 1, longest: 3 }, questions: 50 };
    const [spec] = await trials(folder, { data, budget: { steps: 12 }, training: { learningRate: 0.02 } });
    const result = await finished(spec), state = { folder, seconds: 0 };
    assertEquals(result.evaluations.map(({ step }) => step), [6, 12]);
    for (const { exactMatch, loss } of result.evaluations) {
      assert(
        loss > 0 && exactMatch! >= 0 && exactMatch! <= 1 &&
          Math.abs(50 * exactMatch! - Math.round(50 * exactMatch!)) < 1e-9,
      );
    }
    assert(result.score!.exactMatch! > 0 && result.score!.exactMatch! < 1, `${result.score!.exactMatch}`);
    assertEquals([result.score, result.lengths], [{ ...result.score!, loss: result.evaluations[1].loss }, undefined]);
    assertEquals(await runTrial(spec, { ...host, state, stop: stopAfter(5) }), undefined);
    assertEquals(await finished(spec, { state }), result);
  });
});

// ---- what goes wrong ----------------------------------------------------------------------------------------------------

Deno.test({
  name: "a trial that cannot begin leaves no file open and no memory taken",
  sanitizeResources: true,
  async fn() {
    await withStory(async (folder) => {
      const [spec] = await trials(folder), { config, training } = spec;
      const long = { ...spec, config: { ...config, context: 5000 } };
      await assertRejects(() => runTrial(long, host), RangeError, "expected at least 5001");
      const wrong = { ...spec, training: { ...training, optimizer: { type: "none" } } };
      await assertRejects(() => runTrial(wrong, host), TypeError, "none");
    });
  },
});

// ---- threads --------------------------------------------------------------------------------------------------------

const options: TrialsOptions = {
  jobs: 2,
  threads: 2,
  simd: "baseline",
  use: [],
  additions: none,
  result() {},
};

Deno.test("trials in threads that are stopped leave checkpoints, and go on to the same results", async () => {
  await withStory(async (folder) => {
    const specs = await trials(folder, { budget: { steps: 3000 }, evaluations: 1 });
    const state = { folder: `${folder}/trials`, seconds: 1e9 }, results: TrialResult[] = [];
    let stop = false;
    const progress = () => stop = true;
    const result = (_: TrialSpec, result: TrialResult) => results.push(result);
    await runTrials(specs, { ...options, state, result, progress, stop: () => stop });
    assertEquals(stop, true);
    const kept = await Promise.all(specs.map(({ key }) => exists(`${state.folder}/${key}/newest.json`)));
    assert(kept.some(Boolean) && results.length < 2);
    const todo = specs.filter(({ seed }) => !results.some((result) => result.seed === seed));
    await runTrials(todo, { ...options, state, result });
    const here: TrialResult[] = [];
    for (const spec of specs) here.push(await finished(spec));
    assertEquals(byTrial(results), byTrial(here));
  });
});

Deno.test("the first error stops the other trials, which leave checkpoints, and is thrown", async () => {
  await withStory(async (folder) => {
    const [long, other] = await trials(folder, { seeds: 2, budget: { steps: 20_000 } }), [brief] = await trials(folder);
    const state = { folder: `${folder}/trials`, seconds: 1e9 }, full = new Error("no space left");
    const result = () => {
      throw full;
    };
    assertEquals(await assertRejects(() => runTrials([brief, long], { ...options, result }), Error), full);
    // Once the other one has made a step, it has something to keep.
    let begun = false;
    const listener = (spec: TrialSpec, { step }: TrialProgress) => {
      if (spec === other) begun ||= step > 0;
      else if (begun) throw full;
    };
    const error = await assertRejects(() => runTrials([long, other], { ...options, state, progress: listener }), Error);
    assertEquals(error, full);
    assert(await exists(`${state.folder}/${other.key}/newest.json`));
    const progress = () => {
      throw full;
    };
    for (const jobs of [1, 2]) {
      assertEquals(await assertRejects(() => runTrials([long, brief], { ...options, jobs, progress }), Error), full);
    }
  });
});

Deno.test("a module that threads cannot import is an error that says so, but not once there is nothing to do", async () => {
  await withStory(async (folder) => {
    const specs = await trials(folder), use = [`${folder}/missing.ts`];
    const error = await assertRejects(() => runTrials(specs, { ...options, use }), TypeError);
    assertMatch(error.message, /^\w.*, seed \d: Cannot use .*missing\.ts: it cannot be imported: Module not found/);
    await runTrials(specs, { ...options, use, stop: () => true });
  });
});

Deno.test("an error that ends a thread is thrown, also where no trial runs there just then", async () => {
  await withStory(async (folder) => {
    const specs = await trials(folder, { seeds: 4 });
    for (const delay of [0, 60]) {
      await Deno.writeTextFile(
        `${folder}/stray${delay}.ts`,
        `export const stray = {
          slot: "norm",
          type: "stray",
          options: {},
          build: () => { throw new Error("never"); },
        };
        setTimeout(() => { throw new Error("stray"); }, ${delay});`,
      );
      const use = [`${folder}/stray${delay}.ts`];
      const error = await assertRejects(
        () => runTrials(specs, { ...options, use, result: () => block(30) }),
        Error,
      );
      assertMatch(error.message, /^base, seed \d: its thread ended: Uncaught .*stray/);
    }
  });
});

/** Keeps this thread busy, so that messages wait. */
function block(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until;);
}

// ---- what tells code apart ------------------------------------------------------------------------------------------

Deno.test("the version of the code changes with what a component computes, and with nothing else", async () => {
  await withStory(async (folder) => {
    const version = async (factor: number, others: StudyDefinition = {}, simd: "baseline" | "relaxed" = "baseline") => {
      const components = [scalingNorm(factor)], study = { base: { norm: "scaling" }, ...others };
      const [spec] = await trials(folder, study, components);
      return await codeVersion(spec, { ...host, components }, simd);
    };
    const one = await version(1);
    assertMatch(one, /^\d+\.\d+\.\d+ baseline [0-9a-f]{16}$/);
    assert(one.startsWith(`${VERSION} `));
    assertEquals(await version(1), one);
    assertEquals(await version(1, { seeds: [5] }), one);
    assert(await version(1.001) !== one);
    assertEquals((await version(1, {}, "relaxed")).split(" ")[1], "relaxed");
  });
});

Deno.test("the version of the code changes with learning rates of late steps, of plugins' schedules too", async () => {
  await withStory(async (folder) => {
    const version = async (late: number, brought: boolean) => {
      const bent = [schedule((step) => step === 4 ? late : 1e-3)];
      const additions = brought
        ? { components: [], plugins: [{ name: "bent", components: bent }] }
        : { components: bent, plugins: [] };
      const study = tinyStudy(folder, { training: { schedule: "bent" } });
      const { specs: [spec] } = await plannedTrials(folder, study, { runtime, ...additions });
      return spec.code;
    };
    const one = await version(1e-3, false);
    assertEquals(await version(1e-3, false), one);
    assertEquals(await version(1e-3, true), one);
    assert(await version(2e-3, false) !== one);
    assert(await version(2e-3, true) !== one);
  });
});

Deno.test("the version that results carry is that of the package", () => assertEquals(VERSION, deno.version));
