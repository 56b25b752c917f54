import { metricOf } from "./comparisons.ts";
import type { LearningRateChoice, Metric, TrialResult } from "./outcome.ts";
import type { PlannedArm } from "./planned_arms.ts";
import type { Sweep } from "./study.ts";

/** Seeds of a sweep begin here: what a rate is chosen on is not what arms are compared on. */
const FIRST_SEED = 2 ** 30;

/** Seeds on which learning rates are chosen, none of which is one of `compared`. */
export function sweepSeeds({ seeds }: Pick<Sweep, "seeds">, compared: readonly number[]): number[] {
  const candidates = Array.from({ length: seeds + compared.length }, (_, i) => FIRST_SEED + i);
  return candidates.filter((seed) => !compared.includes(seed)).slice(0, seeds);
}

/** Every arm with every learning rate of a sweep, rate by rate. */
export function sweptArms(arms: readonly PlannedArm[], { learningRates }: Sweep): PlannedArm[] {
  return arms.flatMap((arm) =>
    learningRates.map((learningRate) => ({ ...arm, training: { ...arm.training, learningRate } }))
  );
}

/**
 * Arms with the learning rate each that was best in the mean over the tuning seeds; a rate at which one of them diverged is
 * not chosen, unless every rate has. `results` are those of {@linkcode sweptArms}, seeds of each together.
 */
export function chooseRates(
  arms: readonly PlannedArm[],
  { learningRates }: Sweep,
  results: readonly (readonly TrialResult[])[],
  metric: Metric,
): PlannedArm[] {
  const sign = metric.better === "lower" ? 1 : -1;
  return arms.map((arm, a) => {
    const tried = learningRates.map((learningRate, i) => {
      const values = results[a * learningRates.length + i].map((result) => metricOf(result, metric));
      const value = values.includes(undefined)
        ? undefined
        : values.reduce<number>((sum, v) => sum + v!, 0) / values.length;
      return { learningRate, value };
    });
    const score = ({ value }: LearningRateChoice["tried"][number]) => value === undefined ? Infinity : sign * value;
    const best = tried.reduce((a, b) => score(b) < score(a) ? b : a);
    const atEdge = [Math.min(...learningRates), Math.max(...learningRates)].includes(best.learningRate);
    return {
      ...arm,
      training: { ...arm.training, learningRate: best.learningRate },
      sweep: { tried, atEdge },
    };
  });
}
