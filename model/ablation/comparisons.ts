import { type Sample, summary } from "./statistics.ts";
import type { ArmOutcome, Comparison, Metric, TrialResult } from "./outcome.ts";
import type { Study } from "./study.ts";
import { verdicts } from "./verdict.ts";

/** The number of a result that is compared, of one that finished. */
export function metricOf({ outcome, score }: TrialResult, { key }: Metric): number | undefined {
  return outcome === "finished" ? score?.[key] : undefined;
}

/** Results as samples: those that finished, and the seeds of the others. */
export function samplesOf(
  runs: readonly TrialResult[],
  metric: Metric,
): { readonly samples: Sample[]; readonly diverged: number[] } {
  const samples: Sample[] = [], diverged: number[] = [];
  for (const run of runs) {
    const value = metricOf(run, metric);
    if (value === undefined) diverged.push(run.seed);
    else samples.push({ seed: run.seed, value });
  }
  return { samples, diverged };
}

/** Mean and spread of an arm, and how many of its runs diverged. */
export function summarize(
  runs: readonly TrialResult[],
  metric: Metric,
): Pick<ArmOutcome, "summary" | "diverged"> {
  const { samples, diverged } = samplesOf(runs, metric);
  return { summary: samples.length ? summary(samples.map((s) => s.value)) : undefined, diverged: diverged.length };
}

/** Which arms are compared, by index: each with the base, or along a path each with the one before it, and its ends. */
export function comparedPairs(count: number, mode: Study["mode"]): [arm: number, against: number][] {
  const pairs = Array.from({ length: count - 1 }, (_, i): [number, number] => [i + 1, mode === "path" ? i : 0]);
  return mode === "path" && count > 2 ? [...pairs, [count - 1, 0]] : pairs;
}

/**
 * Every comparison with its verdict; p-values are adjusted over all of them.
 */
export function compareArms(
  arms: readonly Pick<ArmOutcome, "name" | "runs">[],
  metric: Metric,
  { mode, detect, alpha }: Pick<Study, "mode" | "detect" | "alpha">,
): Comparison[] {
  const all = arms.map(({ name, runs }) => {
    const { samples, diverged } = samplesOf(runs, metric);
    return { name, runs: samples, diverged };
  });
  const pairs = comparedPairs(arms.length, mode).map(([arm, against]) => [all[against], all[arm]] as const);
  return verdicts(pairs, { better: metric.better, detect, alpha }).map((verdict, i) => ({
    arm: pairs[i][1].name,
    against: pairs[i][0].name,
    ...verdict,
  }));
}
