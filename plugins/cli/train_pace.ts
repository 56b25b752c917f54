import { evaluationWindows } from "../../model/data/batches.ts";
import { evaluate } from "../../model/trainer.ts";
import type { Run } from "./train_run.ts";

/** Seconds that steps are timed for, or a twentieth of all time; and how many steps at most. */
const SECONDS = 3, STEPS = 50;
/** Evaluations of a training: one before the first step, then after each tenth. */
const EVALUATIONS = 11;

/** How many steps of `trial`, which is not used further, take so many minutes with their evaluations: at least one. */
export async function fittingSteps(trial: Run, minutes: number): Promise<number> {
  const { trainer, plan: { batch }, model, data: { validation } } = trial, { context } = model.config;
  const started = performance.now(), seconds = (since: number) => (performance.now() - since) / 1000;
  await trainer.train(trial.examples(0), batch); // memory is taken and code compiled
  const first = performance.now();
  let done = 0;
  const enough = Math.min(SECONDS, 3 * minutes);
  do await trainer.train(trial.examples(++done), batch); while (seconds(first) < enough && done < STEPS);
  const step = seconds(first) / done, windows = Math.ceil((validation.length - 1) / context / batch);
  let evaluation = 0;
  for (const { inputs, targets } of validation.length > 1 ? evaluationWindows(validation, context, batch) : []) {
    const start = performance.now();
    await evaluate(model, [{ inputs, targets, batch: inputs.length / context }]);
    evaluation = seconds(start) * windows;
    break;
  }
  const left = 60 * minutes - seconds(started);
  return Math.max(1, Math.floor(Math.max(left / 2, left - EVALUATIONS * evaluation) / step));
}
