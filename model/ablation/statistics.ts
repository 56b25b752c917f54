import { tQuantile, tSurvival } from "./distributions.ts";

/** Squares of values up to this one are finite, so that no sum below overflows to a NaN. */
const LARGEST = 1e150;
/** Spread below this share of the values is rounding, not variance. */
const ROUNDING = 2 ** -50;

/** The result of one run, in the metric's unit: nats a token for a loss. */
export interface Sample {
  /** Of the run: data order and initial weights. */
  readonly seed: number;
  /** What the run came to. */
  readonly value: number;
}

/** See {@linkcode summary}. */
export interface Summary {
  /** How many values there are. */
  readonly n: number;
  /** Arithmetic mean, in the unit of the values. */
  readonly mean: number;
  /** Sample standard deviation, `√(Σ (x − mean)² / (n − 1))`, in the unit of the values; `undefined` for one value. */
  readonly sd: number | undefined;
}

/** Options of {@linkcode difference}. */
export interface DifferenceOptions {
  /** `true` refuses arms with unlike seeds, `false` never pairs; without it, arms with the same seeds are paired. */
  readonly paired?: boolean;
  /** Share of intervals that hold the true difference, 0.95 by default. */
  readonly confidence?: number;
}

/** See {@linkcode difference}. In the unit of the values where nothing else is said. */
export interface Difference {
  /** Which test: `"paired t test"` or `"Welch's t test"`. */
  readonly test: "paired t test" | "Welch's t test";
  /** Runs of the base. */
  readonly base: Summary;
  /** Runs of the arm. */
  readonly arm: Summary;
  /** Runs of an arm that the test rests on: pairs, or the runs of the smaller arm. */
  readonly n: number;
  /** Mean of the arm minus mean of the base. */
  readonly mean: number;
  /** What {@linkcode powerOf} needs: sd of the differences by seed where paired, else the pooled sd of the arms. */
  readonly sd: number | undefined;
  /** Standard error of `mean`. */
  readonly standardError: number | undefined;
  /** Of the test; not whole for Welch's. */
  readonly degreesOfFreedom: number | undefined;
  /** `mean / standardError`, without unit. */
  readonly t: number | undefined;
  /** Two-sided chance of a |t| as large as this one if there is no difference. */
  readonly p: number | undefined;
  /** Two-sided confidence interval of the difference. */
  readonly interval: readonly [number, number] | undefined;
  /** Why there is no p, or why it is 1. */
  readonly note?: string;
}

/** Mean and spread of at least one value. Throws a `RangeError` for a value that is not finite, or beyond ±1e150. */
export function summary(values: readonly number[]): Summary {
  if (!values.length) throw new RangeError("Cannot summarise values: there are none, expected at least one");
  for (const value of values) {
    if (Math.abs(value) <= LARGEST) continue;
    throw new RangeError(`Cannot summarise values: one is ${value}, expected finite numbers within ±${LARGEST}`);
  }
  // Counted from the first value, equal ones have their exact mean and a spread of exactly 0.
  const n = values.length,
    first = values[0],
    average = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / n;
  const mean = first + average(values.map((v) => v - first));
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : undefined };
}

/**
 * How far an arm is from the base, `arm − base`. Arms of the same seeds are compared by the paired t test, others by Welch's:
 *
 * - paired: `d = arm − base` of each seed, `t = mean(d) / (sd(d) / √n)`, `n − 1` degrees of freedom.
 *   Student 1908, https://doi.org/10.2307/2331554
 * - Welch: `t = (mean₂ − mean₁) / √(v₁ + v₂)` with `v = sd² / n` and `(v₁ + v₂)² / Σ (v² / (n − 1))` degrees of freedom.
 *   Welch 1947, https://doi.org/10.2307/2332510
 *
 * The seeds decide which, before any result is seen: choosing by the smaller p would find differences where there are none.
 *
 * With one run in an arm there is a mean difference and nothing else: the rest is `undefined`. Without variance, p is 1 if the
 * arms are equal; if they are not, it is `undefined` rather than 0, since seeds that change nothing cannot tell chance from
 * effect. Spread of the size of rounding is no variance. Throws a `RangeError` for a value that is not finite, for a seed that
 * occurs twice in an arm, and for `paired: true` with unlike seeds.
 */
export function difference(
  base: readonly Sample[],
  arm: readonly Sample[],
  { paired, confidence = 0.95 }: DifferenceOptions = {},
): Difference {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`Cannot compare runs: confidence is ${confidence}, expected 0 < confidence < 1`);
  }
  const summaries = { base: summary(base.map((s) => s.value)), arm: summary(arm.map((s) => s.value)) };
  const values = valuesBySeed(base, "base"), others = valuesBySeed(arm, "arm");
  // One seed has one data order and the same initial weights in both arms, as far as their shapes agree. What the two have in
  // common leaves the difference.
  const shared = base.length === arm.length && base.every(({ seed }) => others.has(seed));
  if (paired && !shared) {
    throw new RangeError("Cannot pair runs: the arms have different seeds, expected the same ones");
  }
  const scale = Math.max(...base.map((s) => Math.abs(s.value)), ...arm.map((s) => Math.abs(s.value)));
  const estimate = paired ?? shared
    ? pairedEstimate(arm.map(({ seed, value }) => value - values.get(seed)!))
    : welchEstimate(summaries.base, summaries.arm);
  return { ...summaries, ...estimate, ...tested(estimate, scale, confidence) };
}

/** What both tests come to. */
type Estimate = Pick<Difference, "test" | "n" | "mean" | "sd" | "standardError" | "degreesOfFreedom">;

function pairedEstimate(differences: readonly number[]): Estimate {
  const { n, mean, sd } = summary(differences);
  const spread = sd === undefined
    ? { standardError: undefined, degreesOfFreedom: undefined }
    : { standardError: sd / Math.sqrt(n), degreesOfFreedom: n - 1 };
  return { test: "paired t test", n, mean, sd, ...spread };
}

function welchEstimate(a: Summary, b: Summary): Estimate {
  const common = { test: "Welch's t test", n: Math.min(a.n, b.n), mean: b.mean - a.mean } as const;
  if (a.sd === undefined || b.sd === undefined) {
    return { ...common, sd: undefined, standardError: undefined, degreesOfFreedom: undefined };
  }
  const standardError = Math.hypot(a.sd / Math.sqrt(a.n), b.sd / Math.sqrt(b.n));
  // By shares of the variance, whose squares do not underflow.
  const share = standardError ? (a.sd / Math.sqrt(a.n) / standardError) ** 2 : 0.5;
  return {
    ...common,
    sd: Math.sqrt(((a.n - 1) * a.sd ** 2 + (b.n - 1) * b.sd ** 2) / (a.n + b.n - 2)),
    standardError,
    degreesOfFreedom: 1 / (share ** 2 / (a.n - 1) + (1 - share) ** 2 / (b.n - 1)),
  };
}

/** The test of an estimate. `scale` is the largest of the values that it was made of. */
function tested(
  { mean, standardError, degreesOfFreedom: df }: Estimate,
  scale: number,
  confidence: number,
): Pick<Difference, "t" | "p" | "interval" | "note"> {
  const none = { t: undefined, p: undefined, interval: undefined };
  if (standardError === undefined || df === undefined) return { ...none, note: "an arm has one run" };
  if (standardError <= ROUNDING * scale) {
    const equal = Math.abs(mean) <= ROUNDING * scale;
    return equal
      ? { ...none, p: 1, interval: [mean, mean], note: "the runs are equal" }
      : { ...none, note: "no variance: the seeds change nothing" };
  }
  const t = mean / standardError, margin = tQuantile((1 + confidence) / 2, df) * standardError;
  return { t, p: 2 * tSurvival(Math.abs(t), df), interval: [mean - margin, mean + margin] };
}

function valuesBySeed(samples: readonly Sample[], name: string): Map<number, number> {
  const values = new Map<number, number>();
  for (const { seed, value } of samples) {
    if (!Number.isInteger(seed)) {
      throw new RangeError(`Cannot compare runs: a seed is ${seed}, expected a whole number`);
    }
    if (values.has(seed)) {
      throw new RangeError(`Cannot compare runs: seed ${seed} occurs twice in the ${name}, expected each seed once`);
    }
    values.set(seed, value);
  }
  return values;
}

/**
 * p-values adjusted for being `m`, in their order: the k-th smallest becomes `min(1, (m − k + 1) p)`, or what a smaller one
 * became if that is more. With them at most α, the chance that any true null hypothesis is rejected is at most α, however the
 * tests depend on each other. An `undefined` one stays so and counts: an arm without a result was planned with the others.
 * Holm 1979, "A simple sequentially rejective multiple test procedure", https://www.jstor.org/stable/4615733
 */
export function holm(pValues: readonly (number | undefined)[]): (number | undefined)[] {
  const known = pValues.flatMap((p, i) => p === undefined ? [] : [{ p, i }]).sort((a, b) => a.p - b.p);
  const adjusted: (number | undefined)[] = pValues.map(() => undefined);
  let largest = 0;
  known.forEach(({ p, i }, rank) => {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`Cannot adjust p-values: one is ${p}, expected 0 to 1`);
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * p));
    adjusted[i] = largest;
  });
  return adjusted;
}
