import { runsToDetect } from "./power.ts";
import { type Difference, difference, holm, type Sample } from "./statistics.ts";

/** The runs of one variant. */
export interface ArmRuns {
  /** As messages name it. */
  readonly name: string;
  /** Runs that came to an end. */
  readonly runs: readonly Sample[];
  /** Seeds of the runs that diverged. */
  readonly diverged: readonly number[];
}

/** Options of {@linkcode verdict} and {@linkcode verdicts}. */
export interface VerdictOptions {
  /** Which values are better, `"lower"` by default: losses. */
  readonly better?: "lower" | "higher";
  /** The smallest difference that would matter, in the unit of the values. */
  readonly detect: number;
  /** Highest adjusted p of a difference that is called one, 0.05 by default. */
  readonly alpha?: number;
  /** Chance to find `detect` that the named number of seeds has, 0.8 by default. */
  readonly power?: number;
}

/** What may be said of an arm. */
export interface Verdict {
  /** `untested`: there is no p, and `words` says why. */
  readonly kind: "better" | "worse" | "no difference shown" | "untested" | "diverged";
  /** The verdict in words. */
  readonly words: string;
  /** From the base; `undefined` where a run of either arm diverged: those that are left are a selection. */
  readonly difference: Difference | undefined;
  /** Its p, adjusted for all arms. */
  readonly adjusted: number | undefined;
}

/**
 * A difference in words. It is better or worse only if `adjusted`, its p after {@linkcode holm}, is at most `alpha`; the sign
 * alone says nothing. Otherwise `no difference shown; n = 9 seeds would show 0.01`: the n of {@linkcode runsToDetect} for
 * `detect`, with the sd of these runs and `alpha / comparisons`, the strictest level that Holm's procedure asks for. That sd is
 * an estimate, and so is n. The interval of the difference is of one comparison, and so may leave out 0 where the verdict is
 * that none is shown.
 */
export function verdict(
  found: Difference,
  adjusted: number | undefined,
  { better = "lower", detect, alpha = 0.05, power = 0.8, comparisons = 1 }: VerdictOptions & {
    /** How many p-values were adjusted together, 1 by default. */
    readonly comparisons?: number;
  },
): Verdict {
  const { test, n, mean, p, sd, note } = found;
  if (!(detect > 0 && detect < Infinity)) {
    throw new RangeError(`Cannot judge a difference: detect is ${detect}, expected a positive number`);
  }
  if ((p === undefined) !== (adjusted === undefined) || adjusted! < p!) {
    throw new RangeError(`Cannot judge a difference: p is ${p} and adjusted ${adjusted}, expected at least p`);
  }
  const result = { difference: found, adjusted };
  if (adjusted === undefined || sd === undefined) return { ...result, kind: "untested", words: `not tested: ${note}` };
  if (adjusted <= alpha) {
    const kind = mean < 0 === (better === "lower") ? "better" : "worse";
    return { ...result, kind, words: kind };
  }
  const kind = "no difference shown";
  if (note) return { ...result, kind, words: `${kind}: ${note}` };
  const paired = test === "paired t test";
  const needed = runsToDetect({ delta: detect, sd, alpha: alpha / comparisons, power, paired });
  if (needed <= n) return { ...result, kind, words: `${kind}; these ${n} seeds were enough to show ${detect}` };
  const seeds = needed === Infinity ? "more than 1,000,000 seeds" : `n = ${needed} seeds`;
  return { ...result, kind, words: `${kind}; ${seeds} would show ${detect}` };
}

/**
 * What may be said of each pair of a base and an arm, in their order, with {@linkcode difference} and {@linkcode holm} over all
 * of them. A pair of which a run diverged is `3 of 5 runs diverged`, whatever the others came to, and counts in Holm's
 * adjustment.
 */
export function verdicts(
  pairs: readonly (readonly [base: ArmRuns, arm: ArmRuns])[],
  options: VerdictOptions,
): Verdict[] {
  const lost = pairs.map((pair) => pair.map(describeDiverged));
  const differences = pairs.map(([base, arm], i) =>
    lost[i].some(Boolean) ? undefined : difference(base.runs, arm.runs)
  );
  const adjusted = holm(differences.map((d) => d?.p));
  return differences.map((found, i) => {
    if (found) return verdict(found, adjusted[i], { ...options, comparisons: pairs.length });
    const [base, arm] = lost[i], words = [arm, base && `${pairs[i][0].name}: ${base}`].filter(Boolean).join("; ");
    return { kind: "diverged", words, difference: undefined, adjusted: undefined };
  });
}

/** `3 of 5 runs diverged`, or `undefined` if none did. */
function describeDiverged({ name, runs, diverged }: ArmRuns): string | undefined {
  const seeds = [...runs.map((r) => r.seed), ...diverged];
  if (!seeds.length) throw new RangeError(`Cannot judge ${name}: it has no runs, expected at least one`);
  if (new Set(seeds).size < seeds.length) {
    throw new RangeError(`Cannot judge ${name}: a seed occurs twice, expected each seed once`);
  }
  return diverged.length ? `${diverged.length} of ${seeds.length} runs diverged` : undefined;
}
