import { builtins } from "../../components/builtins.ts";
import type { AaOutcome, FalsePositives } from "../../model/ablation/a_a.ts";
import type { TimedPlan } from "../../model/ablation/ablate.ts";
import type { AblationOutcome } from "../../model/ablation/outcome.ts";
import { runsToDetect } from "../../model/ablation/power.ts";
import type { Component } from "../../components/component.ts";
import { planModel } from "../../model/describe.ts";
import { textTable } from "../report/table.ts";
import { duration } from "./train_log.ts";

const WIDTH = 120;

/** Arms, what they are made of and how long they will take. */
export function planTable(
  { study, data, arms, stepSeconds, jobs }: TimedPlan,
  components: readonly Component[] = [],
): string {
  const known = [...builtins, ...components], n = (value: number) => value.toLocaleString("en-US");
  const rows = arms.map(({ name, config, matched, training }, i) => {
    const { parameters } = planModel(config, known, []);
    const size = matched ? `${matched.path}=${matched.value}` : "";
    return [name, n(parameters), n(training.steps), `${(1000 * stepSeconds[i]).toFixed(1)} ms`, size];
  });
  const columns = [
    { title: "arm", text: true },
    { title: "parameters" },
    { title: "steps" },
    { title: "a step" },
    { title: "matched by", text: true },
  ];
  const trials = arms.length * study.seeds.length,
    swept = (study.sweep?.learningRates.length ?? 0) * arms.length *
      (study.sweep?.seeds ?? 0);
  const each = arms.reduce((sum, { training }, i) => sum + training.steps * stepSeconds[i], 0);
  const seconds = each *
    (study.seeds.length + (study.sweep ? study.sweep.learningRates.length * study.sweep.seeds : 0));
  return [
    study.title,
    data.summary.describe,
    "",
    textTable({ caption: study.title, columns, rows }, WIDTH),
    `${trials} trainings${
      swept ? ` and ${swept} to choose learning rates` : ""
    }, ${study.seeds.length} seeds of each arm: ` +
    `about ${duration(seconds / Math.min(jobs, trials))} with ${jobs} side by side, evaluations not counted`,
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
    `A against A, ${pairs} times with ${runs} runs of each side: differences found at p ≤ ${study.alpha}, where there are none`,
    "",
    textTable({ caption: "A/A", columns, rows: [row(paired), row(welch)] }, WIDTH).trimEnd(),
    ...(diverged ? ["", `${diverged} runs diverged; comparisons with one are left out`] : []),
  ].join("\n");
}

/** How many seeds would show differences, given how much these runs vary. */
export function powerLines({ comparisons, study, metric }: AblationOutcome): string[] {
  const sds = comparisons.flatMap(({ difference }) => difference?.sd || []).sort((a, b) => a - b);
  if (!sds.length) return [];
  const sd = sds[sds.length >> 1], paired = comparisons.some((c) => c.difference?.test === "paired t test");
  const alpha = study.alpha / comparisons.length;
  const needs = [4, 2, 1, 0.5].map((factor) => {
    const delta = factor * study.detect, runs = runsToDetect({ delta, sd, alpha, paired });
    return `${Number(delta.toPrecision(3))}: ${Number.isFinite(runs) ? runs : "over 1,000,000"}`;
  });
  return [
    `Seeds that show a difference in ${metric.label} with a chance of 80 %, ${
      paired ? "paired by seed" : "unpaired"
    }, sd ` +
    `${sd.toPrecision(2)}, alpha ${Number(alpha.toPrecision(2))}: ${needs.join(", ")}`,
  ];
}
