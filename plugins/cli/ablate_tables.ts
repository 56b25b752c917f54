import { builtins } from "../../components/builtins.ts";
import type { AaOutcome, FalsePositives } from "../../model/ablation/a_a.ts";
import type { TimedPlan } from "../../model/ablation/ablate.ts";
import { metricFor } from "../../model/ablation/ablation_plan.ts";
import { evaluationSteps } from "../../model/ablation/curve.ts";
import { comparedPairs, samplesOf } from "../../model/ablation/comparisons.ts";
import type { AblationOutcome, Metric, TrialResult } from "../../model/ablation/outcome.ts";
import type { PlannedArm } from "../../model/ablation/planned_arms.ts";
import { type Effect, runsToDetect } from "../../model/ablation/power.ts";
import { type Sample, summary } from "../../model/ablation/statistics.ts";
import type { TrialTraining } from "../../model/ablation/study.ts";
import { canonicalJson } from "../../model/ablation/trial_key.ts";
import type { Component } from "../../components/component.ts";
import { planModel } from "../../model/describe.ts";
import { clock, counted } from "../report/numbers.ts";
import { textTable, wrapped } from "../report/table.ts";

/** Of tables, where the terminal is not narrower. */
const WIDTH = 120;

/** Arms, what they are made of and how long they will take. */
export function planTable(
  { study, data, arms, stepSeconds, jobs }: TimedPlan,
  components: readonly Component[] = [],
): string {
  const known = [...builtins, ...components], n = (value: number) => value.toLocaleString("en-US");
  const rows = arms.map(({ name, config, matched, training }, i) => {
    const { parameters } = planModel(config, known, []);
    const size = study.match ? [matched ? `${matched.path}=${matched.value}` : ""] : [];
    return [name, n(parameters), n(training.steps), `${(1000 * stepSeconds[i]).toFixed(1)} ms`, ...size];
  });
  const columns = [
    { title: "arm", text: true },
    { title: "parameters" },
    { title: "steps" },
    { title: "a step" },
    ...(study.match ? [{ title: "matched by", text: true }] : []),
  ];
  const tried = study.sweep ? study.sweep.learningRates.length * study.sweep.seeds : 0, seeds = study.seeds.length;
  const trials = arms.length * seeds, swept = arms.length * tried, beside = Math.min(jobs, trials);
  // Forward alone is a third of a step; a task counts questions, a text tokens.
  const held = data.summary.validationTokens / ("task" in study.data ? 1 : arms[0].config.context);
  const evaluation = held / study.training.batch / 3;
  const each = arms.reduce(
    (sum, { training }, i) => sum + (training.steps + evaluationSteps(training).size * evaluation) * stepSeconds[i],
    0,
  );
  const seconds = each * (seeds + tried) / beside;
  return [
    study.title,
    ...wrapped(data.summary.describe, width()),
    "",
    textTable({ caption: study.title, columns, rows }, width()),
    ...wrapped(
      `${counted(trials, "training")}${swept ? ` and ${swept} to choose learning rates` : ""}, ${
        counted(seeds, "seed")
      } of each arm: about ${clock(seconds)} with ${beside} side by side${
        study.costs ? "; measuring costs comes on top" : ""
      }`,
      width(),
    ),
  ].join("\n");
}

/** How many false differences were found. */
export function aaTable({ study, pairs, runs, diverged, paired, welch }: AaOutcome): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const row = ({ test, found, p, rate, interval: [low, high] }: FalsePositives) => [
    test,
    `${found} of ${p.length}`,
    percent(rate),
    `${percent(low)} to ${percent(high)}`,
  ];
  const columns = [{ title: "test", text: true }, { title: "found" }, { title: "rate" }, { title: "95 % interval" }];
  return [
    ...wrapped(
      `A against A, ${pairs} times with ${
        counted(runs, "run")
      } of each side: differences found at p ≤ ${study.alpha}, ` +
        "where there are none",
      width(),
    ),
    "",
    textTable({ caption: "A/A", columns, rows: [row(paired), row(welch)] }, width()).trimEnd(),
    ...(diverged ? ["", `${diverged} runs diverged; comparisons with one are left out`] : []),
  ].join("\n");
}

/** How many seeds would show differences where single runs vary by `sd`: a calculator, before anything is trained. */
export function powerTable(
  sd: number,
  { detect = 0.01, alpha = 0.05 }: { readonly detect?: number | undefined; readonly alpha?: number | undefined },
): string {
  const rows = [4, 2, 1, 0.5].map((factor) => {
    const delta = Number((factor * detect).toPrecision(6)), runs = { delta, alpha };
    return [
      String(delta),
      seedsFor({ ...runs, sd, paired: false }),
      seedsFor({ ...runs, sd: sd * Math.SQRT2, paired: true }),
      seedsFor({ ...runs, sd, paired: true }),
    ];
  });
  const columns = ["difference", "unpaired", "paired, r = 0", "paired, r = 0.5"].map((title) => ({ title }));
  return [
    ...wrapped(
      `Seeds of each arm that show a difference with a chance of 80 %, at alpha ${alpha}, where single runs have a ` +
        `standard deviation of ${sd}; r is how runs of two arms with the same seed correlate:`,
      width(),
    ),
    "",
    textTable({ caption: "", columns, rows }, width()).trimEnd(),
  ].join("\n");
}

/** How many seeds would show differences, given how much these runs vary. */
export function powerLines({ comparisons, study, metric }: AblationOutcome): string[] {
  const sds = comparisons.flatMap(({ difference }) => difference?.sd || []).sort((a, b) => a - b);
  if (!sds.length) return [];
  const sd = sds[sds.length >> 1], paired = comparisons.some((c) => c.difference?.test === "paired t test");
  const alpha = study.alpha / comparisons.length;
  const needs = [4, 2, 1, 0.5].map((factor) => {
    const delta = Number((factor * study.detect).toPrecision(3));
    return `${delta}: ${seedsFor({ delta, sd, alpha, paired })}`;
  });
  return [
    `Seeds that would show a difference in ${metric.label} with a chance of 80 %:`,
    `${needs.join(", ")} (${paired ? "paired by seed" : "unpaired"}, sd ${sd.toPrecision(2)}, alpha ${
      Number(alpha.toPrecision(2))
    })`,
  ];
}

/**
 * How many seeds would show the smallest difference that matters, going by the results that are there already of what is
 * planned; nothing where there are too few. Runs of the base with other initial weights (A/A) count as pairs too.
 */
export function plannedPowerLines(
  { study, data, arms }: Pick<TimedPlan, "study" | "data" | "arms">,
  results: Iterable<TrialResult>,
): string[] {
  const metric = metricFor(study), all = [...results].filter((result) => result.data === data.source.hash);
  const runs = arms.map((arm) => samplesOfArm(arm, all, metric, (weights) => weights === 0));
  const pairs = comparedPairs(arms.length, study.mode).map(([arm, against]) => [runs[arm], runs[against]] as const);
  const again = samplesOfArm(arms[0], all, metric, (weights) => weights !== 0);
  const differences = [...pairs, [again, runs[0]] as const].map(([arm, against]) =>
    arm.flatMap(({ seed, value }) => against.filter((other) => other.seed === seed).map((other) => value - other.value))
  );
  const paired = pooled(differences), unpaired = pooled(runs.map((arm) => arm.map(({ value }) => value)));
  if (!paired && !unpaired) return [];
  const alpha = study.alpha / Math.max(1, pairs.length), delta = study.detect;
  const line = (paired: boolean, sd: number | undefined) =>
    sd === undefined ? "not known yet" : `${seedsFor({ delta, sd, alpha, paired })} (sd ${sd.toPrecision(2)})`;
  return [
    `Seeds that would show ${delta} in ${metric.label} with a chance of 80 %, going by what is there already:`,
    `paired by seed ${line(true, paired)}, unpaired ${line(false, unpaired)}; alpha ${Number(alpha.toPrecision(2))}`,
  ];
}

/** The runs of an arm that are there; of several learning rates or versions of the code those with the most. */
function samplesOfArm(
  { config, training }: PlannedArm,
  results: readonly TrialResult[],
  metric: Metric,
  takes: (weights: number) => boolean,
): Sample[] {
  const nameOf = (config: unknown, training: TrialTraining) =>
    canonicalJson("arm", { config, training: { ...training, weights: 0, learningRate: 0 } });
  const name = nameOf(config, training), groups = new Map<string, Map<number, TrialResult>>();
  for (const result of results) {
    const { weights, learningRate } = result.training;
    if (!takes(weights) || nameOf(result.config, result.training) !== name) continue;
    const group = groups.getOrInsert(`${learningRate} ${result.code}`, new Map());
    group.set(result.seed, result);
  }
  const largest = [...groups.values()].reduce((a, b) => b.size > a.size ? b : a, new Map<number, TrialResult>());
  return samplesOf([...largest.values()], metric).samples;
}

/** Standard deviation within groups, weighted by their degrees of freedom; `undefined` where no group has two values. */
function pooled(groups: readonly (readonly number[])[]): number | undefined {
  let squares = 0, degrees = 0;
  for (const { n, sd } of groups.filter((group) => group.length > 1).map(summary)) {
    squares += (n - 1) * sd! ** 2;
    degrees += n - 1;
  }
  return degrees ? Math.sqrt(squares / degrees) : undefined;
}

function seedsFor(effect: Effect): string {
  const runs = runsToDetect(effect);
  return Number.isFinite(runs) ? String(runs) : "over 1,000,000";
}

/** Of the terminal, as far as tables use it. */
export function width(): number {
  if (!Deno.stdout.isTerminal()) return WIDTH;
  try {
    return Math.min(WIDTH, Deno.consoleSize().columns || WIDTH);
  } catch {
    return WIDTH;
  }
}
