import type {
  AblationOutcome,
  ArmOutcome,
  Comparison,
  Costs,
  Score,
  TrialResult,
} from "../../../model/ablation/outcome.ts";
import { samplesOf } from "../../../model/ablation/comparisons.ts";
import { type Summary, summary } from "../../../model/ablation/statistics.ts";
import { shortNames } from "./names.ts";

/** What is shown of an arm. Values of the metric are in the unit of its {@linkcode MetricFacts}. */
export interface ArmFacts {
  /** In full. */
  readonly name: string;
  /** For plots; no two arms share one. */
  readonly label: string;
  /** Its place among the arms; the base has 0. */
  readonly index: number;
  /** Everything else. */
  readonly arm: ArmOutcome;
  /** Of the metric. */
  readonly summary: Summary | undefined;
  /** Runs that came to an end, by seed. */
  readonly finished: readonly TrialResult[];
  /** The others. */
  readonly diverged: readonly TrialResult[];
  /** Tokens of a step. */
  readonly tokensPerStep: number;
  /** Floating-point operations of training on a token; absent without costs. */
  readonly trainingFlops: number | undefined;
  /** As measured, if it was. */
  readonly costs: Costs | undefined;
  /** Of the whole training, in seconds; absent without costs. */
  readonly seconds: number | undefined;
  /**
   * Seconds until the mean of the runs is as good as the base in the end, `"not reached"` if it never is; absent without costs
   * or where the base learnt nothing that could be reached.
   */
  readonly toTarget: number | "not reached" | undefined;
}

/** What is shown of a comparison, in the unit of {@linkcode MetricFacts.differenceUnit}. */
export interface ComparisonFacts extends Pick<Comparison, "arm" | "against" | "kind" | "words" | "adjusted"> {
  /** Of the arm; says what it is compared with where that is not what the other arms are compared with. */
  readonly name: string;
  /** The same, for plots. */
  readonly label: string;
  /** Whether the arm has an earlier comparison. */
  readonly further: boolean;
  /** Of the arms' means. */
  readonly mean: number | undefined;
  /** Of 95 %. */
  readonly interval: readonly [number, number] | undefined;
  /** Before it is adjusted. */
  readonly p: number | undefined;
  /** By seed, where the runs are paired. */
  readonly seeds: readonly number[];
}

/** How values of the metric are written. */
export interface MetricFacts {
  /** `validation loss`. */
  readonly label: string;
  /** `nats per token`, `%`. */
  readonly unit: string;
  /** `nats per token`, `percentage points`. */
  readonly differenceUnit: string;
  /** What values of the outcome are multiplied with: 100 for a share. */
  readonly scale: number;
  /** Behind the point, so that spread has two of them. */
  readonly digits: number;
}

/** Everything that the parts of a report show. */
export interface Facts {
  /** What it is about. */
  readonly outcome: AblationOutcome;
  /** In its order. */
  readonly arms: readonly ArmFacts[];
  /** In its order. */
  readonly comparisons: readonly ComparisonFacts[];
  /** How values are written. */
  readonly metric: MetricFacts;
  /** What an arm is compared with: `base`, `the step before`. */
  readonly against: string;
  /** Tokens that models see at once, each number once, the smallest first. */
  readonly contexts: readonly number[];
}

/** A mean over seeds somewhere on a line. */
export interface LinePoint {
  /** Where. */
  readonly x: number;
  /** Of the runs. */
  readonly mean: number;
  /** Mean minus and plus the standard deviation; both the mean for one run. */
  readonly low: number;
  /** See {@linkcode LinePoint.low}. */
  readonly high: number;
}

/** Prepares an outcome for showing. */
export function factsOf(outcome: AblationOutcome): Facts {
  const metric = metricFacts(outcome), labels = shortNames(outcome.arms.map((arm) => arm.name));
  const target = targetOf(outcome);
  const arms = outcome.arms.map((arm, index) => armFacts(outcome, arm, index, labels[index], metric.scale, target));
  const path = outcome.study.mode === "path", seen = new Set<string>();
  const comparisons = outcome.comparisons.map((comparison): ComparisonFacts => {
    const { arm, against, kind, words, adjusted, difference } = comparison, at = arms.findIndex((a) => a.name === arm);
    const usual = against === arms[path ? at - 1 : 0]?.name, further = seen.has(arm);
    seen.add(arm);
    const scaled = (value: number) => value * metric.scale;
    return {
      arm,
      against,
      kind,
      words,
      adjusted,
      name: usual && !further ? arm : `${arm} against ${against}`,
      label: usual && !further ? arms[at].label : `${arms[at]?.label ?? arm} against ${against}`,
      further,
      mean: difference && scaled(difference.mean),
      interval: difference?.interval && [scaled(difference.interval[0]), scaled(difference.interval[1])],
      p: difference?.p,
      seeds: difference?.test === "paired t test" ? differencesBySeed(outcome, comparison).map(scaled) : [],
    };
  });
  const contexts = [...new Set(arms.map(({ arm }) => arm.config.context))].sort((a, b) => a - b);
  return { outcome, arms, comparisons, metric, against: path ? "the step before" : arms[0].name, contexts };
}

/** Means by `x` over runs, where each has a value. */
export function meanLine(lines: readonly (readonly { readonly x: number; readonly y: number }[])[]): LinePoint[] {
  const values = new Map<number, number[]>();
  for (const line of lines) for (const { x, y } of line) values.set(x, [...values.get(x) ?? [], y]);
  return [...values].filter(([, ys]) => ys.length === lines.length).sort(([a], [b]) => a - b).map(([x, ys]) => {
    const { mean, sd = 0 } = summary(ys);
    return { x, mean, low: mean - sd, high: mean + sd };
  });
}

/** Means of the metric at each evaluation of the runs that finished, in the unit of the outcome. */
function evaluated(arm: ArmOutcome, key: keyof Score): LinePoint[] {
  const finished = arm.runs.filter((run) => run.outcome === "finished");
  return meanLine(
    finished.map((run) => run.evaluations.flatMap((at) => at[key] === undefined ? [] : [{ x: at.step, y: at[key] }])),
  );
}

/** What was asked for, or the mean of the base in the end; `undefined` where that is no better than at its first evaluation. */
function targetOf({ arms: [base], metric, study: { target } }: AblationOutcome): number | undefined {
  if (target !== null) return target;
  const sign = metric.better === "lower" ? 1 : -1, first = evaluated(base, metric.key)[0], end = base.summary?.mean;
  return first && end !== undefined && sign * (end - first.mean) < 0 ? end : undefined;
}

function armFacts(
  { metric }: AblationOutcome,
  arm: ArmOutcome,
  index: number,
  label: string,
  scale: number,
  target: number | undefined,
): ArmFacts {
  const { name, costs, config, training, runs, summary: all } = arm;
  const tokensPerStep = training.batch * config.context;
  const seconds = (step: number) => costs && step * tokensPerStep / costs.trainingRate;
  const finished = runs.filter((run) => run.outcome === "finished");
  const step = target === undefined || arm.diverged || !finished.length
    ? undefined
    : stepTo(evaluated(arm, metric.key), target, metric.better === "lower" ? 1 : -1);
  return {
    name,
    label,
    index,
    arm,
    costs,
    finished,
    tokensPerStep,
    summary: all && { n: all.n, mean: scale * all.mean, sd: all.sd === undefined ? undefined : scale * all.sd },
    diverged: runs.filter((run) => run.outcome === "diverged"),
    trainingFlops: costs && 3 * costs.flopsPerToken,
    seconds: seconds(training.steps),
    toTarget: typeof step === "number" ? seconds(step) : costs && step,
  };
}

/** Where a line first reaches `target`, between two of its points by a straight line. */
function stepTo(line: readonly LinePoint[], target: number, sign: number): number | "not reached" {
  // A mean that was made from the same numbers in another order may be off by a rounding.
  const limit = sign * target + 1e-12 * Math.abs(target), at = line.findIndex((p) => sign * p.mean <= limit);
  if (at < 0) return "not reached";
  const { x, mean } = line[at], before = line[at - 1];
  if (!before) return x;
  return x - (x - before.x) * Math.max(0, (target - mean) / (before.mean - mean));
}

function metricFacts({ metric, comparisons, arms }: AblationOutcome): MetricFacts {
  const share = metric.key === "exactMatch", scale = share ? 100 : 1, [least, most] = share ? [1, 3] : [2, 5];
  const known = (values: readonly (number | undefined)[]) => values.filter((v) => v).map(Number).sort((a, b) => a - b);
  const ofDifferences = known(comparisons.map((c) => c.difference?.sd));
  const spreads = ofDifferences.length ? ofDifferences : known(arms.map((arm) => arm.summary?.sd));
  const spread = spreads.length ? scale * spreads[spreads.length >> 1] : 0.01;
  return {
    label: metric.label,
    unit: share ? "%" : metric.unit,
    differenceUnit: share ? "percentage points" : metric.unit,
    scale,
    digits: Math.min(most, Math.max(least, 1 - Math.floor(Math.log10(spread)))),
  };
}

function differencesBySeed({ arms, metric }: AblationOutcome, { arm, against }: Comparison): number[] {
  const values = (name: string) => {
    const runs = arms.find((a) => a.name === name)?.runs ?? [];
    return new Map(samplesOf(runs, metric).samples.map(({ seed, value }) => [seed, value]));
  };
  const base = values(against);
  return [...values(arm)].flatMap(([seed, value]) => base.has(seed) ? [value - base.get(seed)!] : []);
}
