import { metricFor, planIn } from "./ablation_plan.ts";
import { samplesOf } from "./comparisons.ts";
import { type LaboratoryOptions, openLaboratory } from "./laboratory.ts";
import { difference, type Sample } from "./statistics.ts";
import type { Study } from "./study.ts";
import type { StudyDefinition } from "./study_definition.ts";
import { trialSpecs } from "./trial_specs.ts";

/** What the second side adds to the seeds of weights; its data order is that of the first. */
const OTHER_WEIGHTS = 2 ** 24;

/** How often a test found a difference where there is none. */
export interface FalsePositives {
  /** Which test. */
  readonly test: "paired t test" | "Welch's t test";
  /** Comparisons that came to a p of at most alpha. */
  readonly found: number;
  /** Their share of all. */
  readonly rate: number;
  /** 95 % confidence interval of that share; see {@linkcode wilson}. */
  readonly interval: readonly [number, number];
  /** p of every comparison, in order. */
  readonly p: readonly number[];
}

/** What {@linkcode measureFalsePositives} found. */
export interface AaOutcome {
  /** The base was its own opponent. */
  readonly study: Study;
  /** Comparisons. */
  readonly pairs: number;
  /** Runs of each side of a comparison. */
  readonly runs: number;
  /** Runs that diverged; a comparison with one is left out. */
  readonly diverged: number;
  /** The test of arms with the same seeds, which ablations use. */
  readonly paired: FalsePositives;
  /** The test of arms with other seeds. */
  readonly welch: FalsePositives;
}

/**
 * Compares the base with itself, `pairs` times with new seeds: A with A, where every difference that is found is a false
 * one. So many should be found as alpha says; more would mean that differences between variants are not to be believed.
 * Each side of a pair has as many runs as the definition has seeds, whichever those are.
 *
 * Both sides of a pair have the same data order and other initial weights, as two variants have that share few tensors.
 * For Welch's test each first side meets the second side of the next pair, with which it shares nothing.
 */
export async function measureFalsePositives(
  definition: StudyDefinition,
  pairs: number,
  options: LaboratoryOptions,
): Promise<AaOutcome> {
  if (!(Number.isSafeInteger(pairs) && pairs > 1)) {
    throw new RangeError(`Cannot compare the base with itself ${pairs} times, expected a whole number from 2`);
  }
  using laboratory = await openLaboratory(options);
  const { additions, runtime, build, store, throwIfStopped: between } = laboratory;
  const { study, data, arms: [base] } = await planIn(laboratory, definition, {
    vary: [],
    match: null,
    sweep: null,
    lengths: [],
  });
  const runs = study.seeds.length;
  if (runs < 2) {
    throw new RangeError("Cannot compare the base with itself by 1 run of each side, expected at least 2 seeds");
  }
  const sides = [0, OTHER_WEIGHTS].map((weights, i) => ({
    ...base,
    name: ["A", "A again"][i],
    training: { ...base.training, weights },
  }));
  const seeds = Array.from({ length: pairs * runs }, (_, i) => i + 1);
  const specs = await trialSpecs(sides, seeds, { data: data.source, host: { runtime, ...additions }, build, between });
  const results = await laboratory.run(specs), metric = metricFor(study);
  store.arrange(specs.map(({ key }) => key));
  const [a, again] = [0, 1].map((side) =>
    Array.from({ length: pairs }, (_, pair) => {
      const own = results.filter((_, i) => i % 2 === side && Math.floor(i / 2 / runs) === pair);
      return samplesOf(own, metric);
    })
  );
  const p = (paired: boolean) =>
    a.flatMap((side, i) => {
      const other = again[paired ? i : (i + 1) % pairs];
      if (side.diverged.length || other.diverged.length) return [];
      return difference(side.samples, other.samples as Sample[], { paired }).p ?? [];
    });
  return {
    study,
    pairs,
    runs,
    diverged: [...a, ...again].reduce((sum, { diverged }) => sum + diverged.length, 0),
    paired: counted("paired t test", p(true), study.alpha),
    welch: counted("Welch's t test", p(false), study.alpha),
  };
}

function counted(test: FalsePositives["test"], p: readonly number[], alpha: number): FalsePositives {
  if (!p.length) {
    throw new RangeError(
      "Cannot count false differences: every comparison has a run that diverged, expected one without",
    );
  }
  const found = p.filter((value) => value <= alpha).length;
  return { test, found, rate: found / p.length, interval: wilson(found, p.length), p };
}

/** 95 % confidence interval of a share of which `found` of `count` were seen. Wilson 1927, https://doi.org/10.2307/2276774 */
export function wilson(found: number, count: number): [low: number, high: number] {
  const z = 1.959963984540054, share = found / count, scale = 1 + z * z / count;
  const middle = share + z * z / (2 * count),
    half = z * Math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2);
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
