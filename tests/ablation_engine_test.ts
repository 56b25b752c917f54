/** ablate(): what is trained, what is kept and used again, what is compared. */
import { measureFalsePositives, wilson } from "../model/ablation/a_a.ts";
import { ablate, planAblation } from "../model/ablation/ablate.ts";
import { compareArms, comparedPairs } from "../model/ablation/comparisons.ts";
import type { Metric, TrialResult } from "../model/ablation/outcome.ts";
import type { PlannedArm } from "../model/ablation/planned_arms.ts";
import type { StudyDefinition } from "../model/ablation/study_definition.ts";
import { copy } from "../model/ablation/tasks/mod.ts";
import { difference } from "../model/ablation/statistics.ts";
import { chooseRates, sweepSeeds } from "../model/ablation/sweep.ts";
import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import { characters } from "../components/tokenizers/characters.ts";
import type { ResolvedConfig } from "../model/config.ts";
import { planModel } from "../model/describe.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { CheckpointError } from "../model/source.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "./assert.ts";
import { linesIn, norms, plannedTrials, scalingNorm, story, tinyStudy, watched, withStory } from "./ablation_engine.ts";
import { inFolder } from "./disks.ts";

const runtime = await createRuntime({ threads: 1, simd: "baseline" });
const root = new URL("../", import.meta.url).href;
const resultsIn = (folder: string): TrialResult[] =>
  linesIn(folder).trimEnd().split("\n").map((line) => JSON.parse(line));

// ---- what is trained, and what is used again ------------------------------------------------------------------------

Deno.test("every arm is trained once with each seed, and only what is new in a second call", async () => {
  await withStory(async (folder) => {
    const run = (others: StudyDefinition) => watched(folder, tinyStudy(folder, { vary: norms, ...others }));
    const first = await run({});
    assertEquals(first.ran, ["base 1", "base 2", "norm=layerNorm 1", "norm=layerNorm 2"]);
    const { arms, comparisons, unused, metric, code, command } = first.outcome;
    assertEquals(arms.map(({ name, runs }) => [name, ...runs.map(({ seed }) => seed)]), [
      ["base", 1, 2],
      ["norm=layerNorm", 1, 2],
    ]);
    assertEquals(comparisons.map(({ arm, against }) => [arm, against]), [["norm=layerNorm", "base"]]);
    assertEquals([unused, metric.better, arms[0].costs, command], [0, "lower", undefined, undefined]);
    assertMatch(code, /^\d+\.\d+\.\d+ (baseline|relaxed)$/);
    for (const { runs, summary } of arms) {
      assertEquals(summary!.mean, (runs[0].score!.loss + runs[1].score!.loss) / 2);
    }
    assertEquals([...Deno.readDirSync(`${folder}/out`)].map(({ name }) => name).sort(), [
      "data",
      "lock",
      "results.jsonl",
    ]);

    const again = await run({});
    assertEquals(again, { ...first, ran: [] });
    assertEquals((await run({ seeds: 3 })).ran, ["base 3", "norm=layerNorm 3"]);
    const wider = await run({ vary: { norm: ["layerNorm", "none"] } });
    assertEquals([wider.ran, wider.outcome.unused], [["norm=none 1", "norm=none 2"], 2]);
    // Fewer are a part of what there is.
    const narrow = await run({ seeds: [2] });
    assertEquals([narrow.ran, narrow.outcome.unused], [[], 6]);
    assertEquals(narrow.outcome.arms[0].runs, [first.outcome.arms[0].runs[1]]);
    // The same model under another name.
    const path = await run({ mode: "path" });
    assertEquals([path.ran, path.outcome.arms[1].runs.map(({ arm }) => arm)], [[], Array(2).fill("+ norm=layerNorm")]);
  });
});

Deno.test("results of another text, setting or code are never used again, and are counted", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { base: { norm: "scaling" }, seeds: 1 });
    const run = (factor: number, others: StudyDefinition = {}) =>
      watched(folder, { ...study, ...others }, { components: [scalingNorm(factor)] });
    const scores: number[] = [],
      step = async (result: ReturnType<typeof run>, unused: number) => {
        const { ran, outcome } = await result;
        assertEquals([ran, outcome.unused], [["base 1"], unused]);
        scores.push(outcome.arms[0].runs[0].score!.loss);
      };
    await step(run(1), 0);
    await step(run(1.5), 1);
    await step(run(1, { training: { ...study.training, learningRate: 0.03 } }), 2);
    await step(run(1, { evaluations: 1 }), 3);
    await step(run(1, { data: { files: `${folder}/story.txt`, validation: 0.3 } }), 4);
    Deno.writeTextFileSync(`${folder}/story.txt`, story(120, 2));
    await step(run(1), 5);
    assertEquals(new Set(scores).size, 5); // but for the number of evaluations, which changes no weight
    assertEquals((await run(1)).ran, []);
    Deno.writeTextFileSync(`${folder}/story.txt`, story());
    assertEquals((await run(1)).ran, []);
  });
});

Deno.test("results.jsonl has the same bytes for any number of jobs, and after any interruption", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { vary: norms, lengths: [1, 2] });
    const whole = await watched(folder, study, { jobs: 1 }), options = { threads: 2, saveEvery: 0 };
    for (const jobs of [2, 3]) {
      const other = await watched(folder, study, { folder: `${folder}/jobs${jobs}`, jobs, threads: 3 });
      assertEquals(other.lines, whole.lines);
      assertEquals(other.outcome.arms, whole.outcome.arms);
    }
    // Ends after every single report.
    const out = `${folder}/interrupted`, reason = new Error("interrupted");
    let lives = 0, done = 0;
    for (let finished = false; !finished; lives++) {
      const end = new AbortController();
      let reports = 0;
      const onEvent = ({ type }: { type: string }) => {
        if (type === "progress" && ++reports === 3) end.abort(reason);
      };
      try {
        await ablate(study, { ...options, folder: out, jobs: 1, signal: end.signal, onEvent });
        finished = true;
      } catch (error) {
        assertEquals(error, reason);
        let kept = 0;
        try {
          kept = resultsIn(out).length;
        } catch {
          // none yet
        }
        assert(kept >= done);
        done = kept;
      }
    }
    assert(lives > 6);
    assertEquals(linesIn(out), whole.lines);
    assertEquals([...Deno.readDirSync(`${out}/trials`)], []);
  });
});

Deno.test("a signal that is aborted already, or between two trials, throws its reason; what is done is kept", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { vary: norms }), reason = new Error("enough");
    const at = `${folder}/out`;
    assertEquals(
      await assertRejects(() => watched(folder, study, { signal: AbortSignal.abort(reason) }), Error),
      reason,
    );
    await assertRejects(() => Deno.stat(at), Deno.errors.NotFound);
    const end = new AbortController(), onEvent = ({ type }: { type: string }) => type === "result" && end.abort(reason);
    assertEquals(await assertRejects(() => watched(folder, study, { signal: end.signal, onEvent }), Error), reason);
    assertEquals(resultsIn(at).map(({ arm, seed }) => [arm, seed]), [["base", 1]]);
    const early = new AbortController(),
      types = new Set<string>(),
      planned = (event: { type: string; what?: string }) => {
        types.add(event.type);
        // By a message, as a key press comes: where nothing waits for one, it is not heard.
        if (event.what === "looking at what the code does") setTimeout(() => early.abort(reason));
      };
    const stopped = () => watched(folder, study, { signal: early.signal, onEvent: planned });
    assertEquals(await assertRejects(stopped, Error), reason);
    assertEquals([...types], ["doing"]);
    assertEquals((await watched(folder, study)).ran, ["base 2", "norm=layerNorm 1", "norm=layerNorm 2"]);
  });
});

// ---- budgets, sizes, rates ------------------------------------------------------------------------------------------

const shapes = { feedForward: ["gelu", { type: "swiglu", hidden: 200 }], "attention.window": [2], depth: [2] };

Deno.test("a budget of steps gives every arm as many, one of operations as many as they allow", async () => {
  await withStory(async (folder) => {
    const plan = async (budget: StudyDefinition["budget"] & object) =>
      (await plannedTrials(folder, tinyStudy(folder, { vary: shapes, budget }), { runtime })).arms;
    assertEquals((await plan({ steps: 7 })).map(({ training }) => training.steps), [7, 7, 7, 7, 7]);
    const flops = 1.5e7, arms = await plan({ flops });
    // Forward and twice that backward; attention to half a context on average.
    const perToken = (config: ResolvedConfig) =>
      1.5 * (planOf(config).flopsPerToken + planOf(config).flopsPerTokenFull);
    const perStep = arms.map(({ config }) => perToken(config) * 4 * 8);
    for (const [i, { name, training: { steps } }] of arms.entries()) {
      assert(flops - perStep[i] < steps * perStep[i] && steps * perStep[i] <= flops, name);
    }
    assert(new Set(arms.map(({ training }) => training.steps)).size > 2);
    const error = await assertRejects(() => plan({ flops: 1000 }), RangeError);
    assertEquals(
      error.message,
      "Cannot train base: one step takes more operations than the budget has, expected at least one step",
    );
    // A task decides how long a sequence is, whatever the context.
    const task = { data: "copy", base: { context: 100 }, budget: { flops: 1e9 } };
    const { arms: [{ config, training }] } = await plannedTrials(folder, tinyStudy(folder, task), { runtime });
    assertEquals(training.steps, Math.floor(1e9 / (perToken(config) * 4 * copy().context)));
  });
});

Deno.test("a budget of time is turned into steps once, which a second call keeps", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { budget: { seconds: 0.2 }, seeds: 1 });
    const first = await watched(folder, study), [steps] = first.outcome.arms.map(({ training }) => training.steps);
    assertEquals(first.ran, ["base 1"]);
    const times = Deno.readTextFileSync(`${folder}/out/step_times.json`),
      kept: number[] = Object.values(JSON.parse(times));
    assertEquals(kept.map((time) => Math.floor(0.2 / time)), [steps]);
    const again = await watched(folder, study);
    assertEquals(again, { ...first, ran: [] });
    assertEquals(Deno.readTextFileSync(`${folder}/out/step_times.json`), times);
  });
});

Deno.test("a timing that was interrupted is not kept, and one that was damaged says so", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { vary: { depth: [2] }, budget: { seconds: 0.1 } }), reason = new Error("enough");
    const end = new AbortController(), path = `${folder}/out/step_times.json`;
    const onEvent = (event: { type: string; what?: string }) => {
      if (event.what?.startsWith("timing steps: 1")) end.abort(reason);
    };
    assertEquals(await assertRejects(() => watched(folder, study, { signal: end.signal, onEvent }), Error), reason);
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    Deno.writeTextFileSync(path, "{");
    await assertRejects(() => watched(folder, study), CheckpointError, `Cannot read ${path}: `);
  });
});

Deno.test("arms that diverge, from the start or later, are timed like others, and have no costs if they cannot begin", async () => {
  await withStory(async (folder) => {
    const components = [scalingNorm(1e30)], budget = { seconds: 0.05 }, vary = { norm: ["scaling"] };
    const study = { ...tinyStudy(folder, { vary, budget, training: { learningRate: 1e30 } }), costs: true, seeds: 1 };
    const { outcome: { arms } } = await watched(folder, study, { components });
    assertEquals(arms.map(({ diverged, costs }) => [diverged, costs !== undefined]), [[1, true], [1, false]]);
    assertEquals(arms[1].runs[0].steps, 0);
    for (const { training } of arms) assert(training.steps > 2);
  });
});

const planOf = (config: ResolvedConfig) => planModel(config, builtins, []);
const sizes = {
  parameters: (config: ResolvedConfig) => planOf(config).parameters,
  flops: (config: ResolvedConfig) => planOf(config).flopsPerToken,
};

Deno.test("what an ablation would do is told, and nothing is trained", async () => {
  await withStory(async (folder) => {
    const { arms, stepSeconds, jobs, study, data } = await planAblation(
      tinyStudy(folder),
      { folder: `${folder}/out`, threads: 2, onEvent: ({ type }) => assertEquals(type, "doing") },
    );
    assertEquals([arms.length, arms[0].training.steps, stepSeconds.length, jobs], [1, 4, 1, 2]);
    assert(stepSeconds[0] > 0 && study.seeds.length === 2 && data.summary.trainTokens! > 1000);
    await assertRejects(() => Deno.stat(`${folder}/out/results.jsonl`), Deno.errors.NotFound);
  });
});

Deno.test("matched arms are of one size, to 1 %", async () => {
  await withStory(async (folder) => {
    const vary = { feedForward: ["gelu", "relu"], attention: ["multiQuery"] }, base = { dim: 64 };
    const plan = async (match: "parameters" | "flops" | null) =>
      (await plannedTrials(folder, tinyStudy(folder, { base, vary, match }), { runtime })).arms;
    assert((await plan(null)).every(({ matched }) => matched === undefined));
    for (const match of ["parameters", "flops"] as const) {
      const [base, ...others] = await plan(match);
      assertEquals(base.matched, undefined);
      assert(others.some(({ matched }) => matched));
      for (const { name, matched, config } of others) {
        assert(Math.abs(sizes[match](config) / sizes[match](base.config) - 1) <= 0.01, name);
        assert(Math.abs(matched?.deviation ?? 0) <= 0.01, name);
      }
    }
    // No multiple of 8 is near enough, and of 4 there is one.
    const small = { base: { dim: 64, depth: 2, heads: 4, feedForward: "gelu" }, vary: { feedForward: ["swiglu"] } };
    const study = tinyStudy(folder, { ...small, match: { tolerance: 0.009 } });
    const [, { matched }] = (await plannedTrials(folder, study, { runtime })).arms;
    assertEquals([matched!.path, matched!.value], ["feedForward.hidden", 172]);
  });
});

Deno.test("in a sweep each arm gets the rate that was best with its own seeds, which none is compared on", async () => {
  await withStory(async (folder) => {
    const learningRates = [0.005, 0.02, 0.01], sweep = { learningRates, seeds: 2 };
    const study = tinyStudy(folder, { vary: norms, sweep, budget: { steps: 10 }, seeds: [1, 2] });
    const { outcome, ran } = await watched(folder, study), all = resultsIn(`${folder}/out`);
    assertEquals([ran.length, all.length, outcome.unused], [2 * 3 * 2 + 2 * 2, 16, 0]);
    const tuning = all.filter(({ seed }) => seed > 2);
    assertEquals(new Set(tuning.map(({ seed }) => seed)).size, 2);
    for (const { name, training, sweep, runs } of outcome.arms) {
      assertEquals(sweep!.tried.map(({ learningRate }) => learningRate), learningRates);
      for (const { learningRate, value } of sweep!.tried) {
        const own = tuning.filter((run) => run.arm === name && run.training.learningRate === learningRate);
        assertEquals([own.length, value], [2, (own[0].score!.loss + own[1].score!.loss) / 2]);
      }
      const best = sweep!.tried.toSorted((a, b) => a.value! - b.value!)[0].learningRate;
      assertEquals([training.learningRate, sweep!.atEdge], [best, best !== 0.01]);
      assertEquals(runs.map((run) => [run.seed, run.training.learningRate]), [[1, best], [2, best]]);
    }
    assertEquals((await watched(folder, study)).ran, []);
  });
  assertEquals(sweepSeeds({ seeds: 2 }, [1, 2]), [2 ** 30, 2 ** 30 + 1]);
  assertEquals(sweepSeeds({ seeds: 2 }, [2 ** 30 + 1, 7]), [2 ** 30, 2 ** 30 + 2]);
});

// ---- diverged arms --------------------------------------------------------------------------------------------------

Deno.test("an arm that diverges has rows and a verdict of its own, and the others are judged", async () => {
  await withStory(async (folder) => {
    const components = [scalingNorm(1e30)], vary = { norm: ["scaling", "layerNorm"] };
    const { outcome: { arms, comparisons }, ran } = await watched(folder, tinyStudy(folder, { vary }), { components });
    const [base, wild, other] = arms;
    assertEquals(ran.length, 6);
    assertEquals([base.diverged, wild.diverged, other.diverged], [0, 2, 0]);
    assertEquals([wild.summary, base.summary!.n, other.summary!.n], [undefined, 2, 2]);
    for (const { outcome, reason, score } of wild.runs) {
      assertEquals([outcome, score], ["diverged", undefined]);
      assertMatch(reason!, /^Cannot make step 1: the loss is NaN; /);
    }
    assertEquals(resultsIn(`${folder}/out`).filter(({ outcome }) => outcome === "diverged").length, 2);
    const [lost, judged] = comparisons;
    assertEquals([lost.kind, lost.words, lost.difference], ["diverged", "2 of 2 runs diverged", undefined]);
    assert(judged.kind !== "diverged" && judged.difference!.n === 2);
  });
});

// ---- components of one's own ----------------------------------------------------------------------------------------

Deno.test("components as values run one trial at a time, and are refused for more", async () => {
  await withStory(async (folder) => {
    const components = [scalingNorm(1)], study = tinyStudy(folder, { vary: { norm: ["scaling"] }, seeds: 1 });
    const error = await assertRejects(() => watched(folder, study, { components, jobs: 2 }), TypeError);
    assertEquals(
      error.message,
      "Cannot run 2 trials side by side with components or plugins as values: threads cannot be given them, expected " +
        "one job, or modules in use",
    );
    assertEquals((await watched(folder, study, { components, threads: 3 })).ran, ["base 1", "norm=scaling 1"]);
    for (const [name, value] of [["jobs", 0], ["threads", 1.5]] as const) {
      const message = `Cannot run trials: ${name} is ${value}, expected a whole number from 1`;
      await assertRejects(() => watched(folder, study, { [name]: value }), RangeError, message);
    }
  });
});

Deno.test("a component of a module joins as an arm, in threads too", async () => {
  await withStory(async (folder) => {
    const module = `
      import { ones } from '${root}components/init.ts';
      import { number } from '${root}components/options.ts';
      export const halfNorm = {
        slot: "norm",
        type: "half",
        options: { share: number(0.5, { min: 0, max: 1 }) },
        build({ share }, { dim, ops, param }) {
          const weight = param("weight", [dim], ones);
          return { forward: (x) => ops.add(ops.scale(x, share), ops.scale(ops.rmsNorm(x, weight, 1e-5), 1 - share)) };
        },
      };`;
    Deno.writeTextFileSync(`${folder}/half.ts`, module);
    const vary = { norm: ["half", { type: "half", share: 0.25 }] }, use = [`${folder}/half.ts`];
    const study = tinyStudy(folder, { vary }), one = await watched(folder, study, { use, jobs: 1 });
    assertEquals(one.outcome.arms.map(({ name }) => name), ["base", "norm=half", 'norm={"type":"half","share":0.25}']);
    const two = await watched(folder, study, { folder: `${folder}/two`, use, jobs: 2, threads: 2 });
    assertEquals([two.ran.length, two.lines], [6, one.lines]);
    await assertRejects(() => watched(folder, study), TypeError, "half");
    await assertRejects(() => watched(folder, study, { use: [`${folder}/none.ts`] }), TypeError, "Cannot use ");
    // Every error has let go of the folder.
    assertEquals((await watched(folder, study, { use })).ran, []);
  });
});

async function* stream(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

// ---- data -----------------------------------------------------------------------------------------------------------

Deno.test("windows that the text is too short for are refused before anything is trained", async () => {
  await withStory(async (folder) => {
    assertEquals((await watched(folder, tinyStudy(folder, { seeds: 1 }))).ran, ["base 1"]);
    for (
      const others of [
        { lengths: [1, 100] },
        { base: { context: 2000 } },
        { vary: { context: [16, 2000] } },
        { vary: { context: [200] }, lengths: [4] },
      ]
    ) {
      const trials = { folder: `${folder}/out`, onEvent: ({ type }: { type: string }) => assert(type !== "trials") };
      const error = await assertRejects(() => watched(folder, tinyStudy(folder, others), trials), RangeError);
      assertMatch(
        error.message,
        /^Cannot learn from .*story\.txt: one side has \d+ tokens, expected at least \d+ for /,
      );
    }
  });
});

Deno.test("a tokenizer of one's own that has changed makes other data", async () => {
  await withStory(async (folder) => {
    const alphabet = (letters: string): Component<"tokenizer", "alphabet", Record<never, never>> => ({
      ...characters,
      type: "alphabet",
      build: (options, context) => {
        const { train } = characters.build(options, context);
        return { train: () => train(stream([story(), letters])) };
      },
    });
    const data = { files: `${folder}/story.txt`, tokenizer: "alphabet" }, study = tinyStudy(folder, { data, seeds: 1 });
    const run = async (letters: string) => {
      const { outcome, ran } = await watched(folder, study, { components: [alphabet(letters)] });
      return [outcome.data.vocab, outcome.data.hash, ran.length] as const;
    };
    const [vocab, hash, first] = await run("");
    assertEquals([first, await run("")], [1, [vocab, hash, 0]]);
    const [more, other, ran] = await run("#%!");
    assertEquals([more, other === hash, ran], [vocab + 3, false, 1]);
    assertEquals(await run(""), [vocab, hash, 0]);
  });
});

Deno.test("a task is compared by exact match, of which more is better", async () => {
  await inFolder(async (folder) => {
    const data = { task: "copy", options: { symbols: 2, shortest: 1, longest: 1 }, questions: 50 };
    const study = tinyStudy(folder, { data, vary: norms, budget: { steps: 8 } });
    const { outcome } = await watched(folder, study);
    assertEquals(outcome.metric, { key: "exactMatch", label: "exact match", unit: "", better: "higher" });
    for (const { runs, summary } of outcome.arms) {
      assertEquals(summary!.mean, (runs[0].score!.exactMatch! + runs[1].score!.exactMatch!) / 2);
    }
    assertEquals([outcome.data.validationTokens, outcome.data.trainTokens], [50, undefined]);
    assertEquals((await watched(folder, study)).ran, []);
    assertEquals((await watched(folder, { ...study, data: { ...data, questions: 60 } })).ran.length, 4);
  });
});

// ---- comparisons ----------------------------------------------------------------------------------------------------

const loss: Metric = { key: "loss", label: "validation loss", unit: "nats per token", better: "lower" };

/** An arm whose runs came to these losses, or shares; `null` for one that diverged. */
function arm(name: string, losses: readonly (number | null)[], key: "loss" | "exactMatch" = "loss") {
  const runs = losses.map((value, i) => ({
    seed: i + 1,
    outcome: value === null ? "diverged" : "finished",
    score: { loss: 0, [key]: value ?? -9 }, // one that diverged may have been evaluated before
  }));
  return { name, runs: runs as unknown as TrialResult[] };
}

Deno.test("along a path each arm is compared with the one before it, and the last with the base", () => {
  assertEquals(comparedPairs(4, "path"), [[1, 0], [2, 1], [3, 2], [3, 0]]);
  assertEquals(comparedPairs(2, "path"), [[1, 0]]);
  for (const mode of ["one-at-a-time", "factorial"] as const) {
    assertEquals(comparedPairs(4, mode), [[1, 0], [2, 0], [3, 0]]);
  }
  for (const mode of ["path", "factorial"] as const) assertEquals(comparedPairs(1, mode), []);
});

Deno.test("p values are adjusted over all comparisons, and what is better follows the metric", () => {
  const arms = [
    arm("base", [1, 1.1, 0.9, 1.05]),
    arm("lower", [0.8, 0.91, 0.72, 0.84]),
    arm("lost", [0.1, null, 0.2, 0.1]),
    arm("same", [1.01, 1.08, 0.92, 1.04]),
  ];
  const options = { detect: 0.01, alpha: 0.05 }, one = compareArms(arms, loss, { mode: "one-at-a-time", ...options });
  assertEquals(one.map(({ arm, against, kind }) => [arm, against, kind]), [
    ["lower", "base", "better"],
    ["lost", "base", "diverged"],
    ["same", "base", "no difference shown"],
  ]);
  assertEquals(one[1].words, "1 of 4 runs diverged");
  assertEquals(one[0].adjusted, 3 * one[0].difference!.p!); // the one without a p counts
  const path = compareArms(arms, loss, { mode: "path", ...options });
  assertEquals(path.map(({ arm, against }) => [arm, against]), [
    ["lower", "base"],
    ["lost", "lower"],
    ["same", "lost"],
    ["same", "base"],
  ]);
  assertEquals(path.map(({ kind }) => kind), ["better", "diverged", "diverged", "no difference shown"]);
  assertEquals(path[0].adjusted, 4 * path[0].difference!.p!);
  const shares = [arm("base", [0.5, 0.6, 0.55], "exactMatch"), arm("more", [0.7, 0.81, 0.74], "exactMatch")];
  const metric: Metric = { key: "exactMatch", label: "exact match", unit: "", better: "higher" };
  const [more] = compareArms(shares, metric, { mode: "path", ...options });
  assertEquals([more.kind, Math.sign(more.difference!.mean)], ["better", 1]);
});

Deno.test("the best rate follows the metric, and is none at which a seed diverged, unless each is", () => {
  const metric: Metric = { key: "exactMatch", label: "exact match", unit: "", better: "higher" };
  const planned = { name: "base", training: { learningRate: 9 } } as unknown as PlannedArm;
  const chosen = (metric: Metric, ...tried: (readonly (number | null)[])[]) => {
    const sweep = { learningRates: tried.map((_, i) => i + 1), seeds: 2 };
    const [{ training, sweep: choice }] = chooseRates(
      [planned],
      sweep,
      tried.map((values) => arm("base", values, metric.key).runs),
      metric,
    );
    return [training.learningRate, choice!.atEdge, ...choice!.tried.map(({ value }) => value)];
  };
  assertEquals(chosen(loss, [3, 5], [1, 2], [2, 4]), [2, false, 4, 1.5, 3]);
  assertEquals(chosen(metric, [3, 5], [1, 2], [2, 4]), [1, true, 4, 1.5, 3]);
  assertEquals(chosen(loss, [null, 0], [3, 4], [2, 6]), [2, false, undefined, 3.5, 4]);
  assertEquals(chosen(metric, [2, 3], [9, null], [null, null]), [1, true, 2.5, undefined, undefined]);
  assertEquals(chosen(loss, [null, 0], [0, null]), [1, true, undefined, undefined]);
});

// ---- costs ----------------------------------------------------------------------------------------------------------

Deno.test("costs are measured once, and left out where they are not wanted", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { base: { norm: "scaling" }, seeds: 1, costs: true });
    const run = (factor: number) => watched(folder, study, { components: [scalingNorm(factor)] }), first = await run(1);
    for (const { costs } of first.outcome.arms) {
      assert(costs!.trainingRate > 0 && costs!.parameters > costs!.bodyParameters && costs!.peakBytes > 0);
    }
    assertEquals((await run(1)).outcome, first.outcome);
    const measured = () => Object.keys(JSON.parse(Deno.readTextFileSync(`${folder}/out/costs.json`))).length;
    assertEquals(measured(), 1);
    await run(2); // other code under the same name
    assertEquals(measured(), 2);
    const { outcome: { arms } } = await watched(folder, tinyStudy(folder, { costs: false }));
    assertEquals(arms.map((arm) => "costs" in arm), [false]);
  });
});

// ---- the base against itself ----------------------------------------------------------------------------------------

Deno.test("the base against itself: the same data, other weights, and shares of what was found", async () => {
  await withStory(async (folder) => {
    const study = tinyStudy(folder, { vary: norms, seeds: 2, budget: { steps: 6 }, alpha: 0.3 });
    const options = { folder: `${folder}/out`, threads: 1 };
    const { paired, welch, ...rest } = await measureFalsePositives(study, 20, options);
    assertEquals([rest.pairs, rest.runs, rest.diverged, rest.study.vary], [20, 2, 0, []]);
    for (const { p, found, rate, interval } of [paired, welch]) {
      assertEquals([p.length, found, rate], [20, p.filter((value) => value <= 0.3).length, found / 20]);
      assert(p.every((value) => value > 0 && value <= 1) && new Set(p).size > 15);
      assert(0 <= interval[0] && interval[0] <= rate && rate <= interval[1] && interval[1] <= 1);
    }
    assertEquals([paired.test, welch.test], ["paired t test", "Welch's t test"]);
    const results = resultsIn(options.folder),
      sides = ["A", "A again"].map((name) => results.filter(({ arm }) => arm === name));
    assertEquals(
      sides.map((runs) => runs.map(({ seed }) => seed)),
      Array(2).fill(Array.from({ length: 40 }, (_, i) => i + 1)),
    );
    assertEquals(new Set(results.map(({ weights }) => weights)).size, 80);
    for (const [i, a] of sides[0].entries()) {
      const { weights, ...training } = sides[1][i].training;
      assertEquals({ ...training, weights: 0 }, a.training);
      assert(weights > 40);
    }
    // Paired: both sides of two seeds; Welch's: the first side of two and the second side of the next two.
    const pOf = (pair: number, other: number) => {
      const [a, again] = [pair, other].map((at, side) => sides[side].slice(2 * at, 2 * at + 2));
      const [base, arm] = [a, again].map((runs) => runs.map(({ seed, score }) => ({ seed, value: score!.loss })));
      return difference(base, arm, { paired: pair === other }).p!;
    };
    assertEquals(paired.p, Array.from({ length: 20 }, (_, i) => pOf(i, i)));
    assertEquals(welch.p, Array.from({ length: 20 }, (_, i) => pOf(i, (i + 1) % 20)));
    // Nothing is trained twice.
    assertEquals(await measureFalsePositives(study, 20, { ...options, onEvent }), { paired, welch, ...rest });
    function onEvent({ type }: { type: string }) {
      assert(type !== "result");
    }
    await assertRejects(() => measureFalsePositives(study, 1, options), RangeError, "1 times");
    const end = new AbortController(),
      reason = new Error("enough"),
      stopped = () =>
        measureFalsePositives(study, 2, {
          folder: `${folder}/stopped`,
          signal: end.signal,
          onEvent: ({ type }) => type === "result" && end.abort(reason),
        });
    assertEquals(await assertRejects(stopped, Error), reason);
    await assertRejects(
      () => measureFalsePositives({ ...study, seeds: 1 }, 20, options),
      RangeError,
      "Cannot compare the base with itself by 1 run of each side, expected at least 2 seeds",
    );
    await assertRejects(
      () => measureFalsePositives({ ...study, training: { learningRate: 1e300, clip: 0 } }, 2, options),
      RangeError,
      "Cannot count false differences: every comparison has a run that diverged, expected one without",
    );
  });
});

Deno.test("intervals of shares are Wilson's", () => {
  const rounded = (found: number, count: number) => wilson(found, count).map((share) => Number(share.toFixed(4)));
  // statsmodels.stats.proportion.proportion_confint(…, method="wilson")
  assertEquals(rounded(5, 100), [0.0215, 0.1118]);
  assertEquals(rounded(0, 20), [0, 0.1611]);
  assertEquals(rounded(20, 20), [0.8389, 1]);
  assertEquals(rounded(50, 100), [0.4038, 0.5962]);
});
