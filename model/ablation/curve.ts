import type { CurvePoint } from "./outcome.ts";
import type { TrialTraining } from "./study.ts";

/** Points of a curve, at most. */
const POINTS = 100;
/** A training has diverged where it ends at more than so many times its first loss: a few steps go up and down. */
const RISE = 1.1;

/** Means of up to 100 equal parts of all `steps`, each at its last step; parts that were not reached are left out. */
export function curveOf(losses: readonly number[], steps: number): CurvePoint[] {
  const parts = Math.min(POINTS, steps), end = (part: number) => Math.round((part + 1) * steps / parts);
  const points: CurvePoint[] = [];
  for (let part = 0, begin = 0; part < parts && begin < losses.length; begin = end(part++)) {
    const of = losses.slice(begin, end(part));
    points.push({ step: begin + of.length, loss: of.reduce((sum, loss) => sum + loss, 0) / of.length });
  }
  return points;
}

/** Steps after which a trial is evaluated: equal parts, the last one at the end. */
export function evaluationSteps({ steps, evaluations }: Pick<TrialTraining, "steps" | "evaluations">): Set<number> {
  return new Set(Array.from({ length: evaluations }, (_, i) => Math.max(1, Math.round((i + 1) * steps / evaluations))));
}

/** Why a training that came to its end has diverged all the same, if it has. */
export function endsAboveItsBeginning(losses: readonly number[], steps: number): string | undefined {
  const first = losses[0], last = curveOf(losses, steps).at(-1)!.loss;
  return steps > 1 && last > RISE * first
    ? `the training loss rose from ${first.toFixed(4)} to ${last.toFixed(4)}`
    : undefined;
}
