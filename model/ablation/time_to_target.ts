import type { CurvePoint } from "./outcome.ts";

/**
 * Seconds of training until a curve first comes down to `target`; `undefined` if it never does. Between two points the loss
 * is taken to change in a straight line; before the first one nothing is known, so a curve that begins below the target has
 * reached it at its first point. `curve` is in order of steps: the evaluations of a trial, or its training loss as
 * `TrialResult.curve` has it, which is smooth already: of single steps, the luckiest one would decide.
 */
export function timeToTarget(
  curve: readonly CurvePoint[],
  target: number,
  secondsPerStep: number,
): number | undefined {
  if (!Number.isFinite(target)) throw new RangeError(`Cannot find the loss ${target}, expected a finite number`);
  if (!(secondsPerStep > 0 && secondsPerStep < Infinity)) {
    throw new RangeError(`Cannot find a time: a step takes ${secondsPerStep} s, expected a number above 0`);
  }
  const index = curve.findIndex(({ loss }) => loss <= target);
  if (index < 0) return undefined;
  const reached = curve[index], before = curve[index - 1];
  // A straight line needs two numbers.
  if (!Number.isFinite(before?.loss) || reached.loss === -Infinity) return reached.step * secondsPerStep;
  const share = (before.loss - target) / (before.loss - reached.loss);
  return (before.step + share * (reached.step - before.step)) * secondsPerStep;
}
