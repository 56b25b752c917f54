import { evaluationWindows } from "../../model/data/batches.ts";
import { evaluate } from "../../model/trainer.ts";
import type { Run } from "./train_run.ts";

/** Seconds that steps are timed for, or a twentieth of all time; and how many steps at most. */
const SECONDS = 3, STEPS = 50;
/** Share of the time that evaluations may take, as far as there are two. */
const SHARE = 0.1;

/** What fits into a time. */
export interface Fitting {
  /** At least one. */
  readonly steps: number;
  /** After so many equal parts of the steps, beside the one before the first: from 2 to 10. */
  readonly evaluations: number;
}

/** How many steps of `trial`, which is not used further, take so many minutes with their evaluations. */
export async function fittingSteps(trial: Run, minutes: number): Promise<Fitting> {
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
  const evaluations = Math.max(2, Math.min(10, Math.floor(SHARE * left / evaluation) - 1));
  const steps = Math.floor(Math.max(left / 2, left - (evaluations + 1) * evaluation) / step);
  return { steps: Math.max(1, steps), evaluations };
}
