import { breathe } from "../breathe.ts";
import { writeTextAtomic } from "../data/token_file.ts";
import { openRuntime } from "../open_runtime.ts";
import { CheckpointError } from "../source.ts";
import { type Trainer, TrainingError } from "../trainer.ts";
import type { Laboratory } from "./laboratory.ts";
import { type Learning, openLearning } from "./learning.ts";
import { measureCosts } from "./costs.ts";
import type { Costs } from "./outcome.ts";
import type { PlannedArm } from "./planned_arms.ts";
import type { StudyData } from "./study_data.ts";
import { assembleTrial } from "./trial.ts";
import { hashJson } from "./trial_key.ts";

/** Rounds in which every arm is timed once, and seconds of each time. */
const ROUNDS = 5, SECONDS = 0.4;

/**
 * Costs of arms, on the threads of all trials together. They are measured once for the same `code` and kept: a second
 * measurement would differ a little.
 */
export async function armCosts(
  { folder, additions, backend, simd, build, threads, say, stop }: Laboratory,
  arms: readonly (PlannedArm & { readonly code: string })[],
): Promise<Costs[] | undefined> {
  const kept = openKept<Costs>(`${folder}/costs.json`);
  const names = await Promise.all(arms.map(({ config, training, code }) => {
    const { batch, optimizer, dropout, smoothing, zLoss } = training;
    return hashJson("measurement", { config, batch, optimizer, dropout, smoothing, zLoss, threads, simd: build, code });
  }));
  const missing = arms.map((arm, i) => ({ ...arm, ...arm.training, i })).filter(({ i }) => !kept.has(names[i]));
  const progress = (share: number) => say({ type: "doing", what: `measuring costs: ${Math.floor(100 * share)}%` });
  if (missing.length) {
    const found = await measureCosts(missing, { ...additions, backend, threads, simd, progress, stop });
    if (!found) return undefined;
    missing.forEach(({ i }, at) => kept.set(names[i], found[at]));
    kept.save();
  }
  return names.map((name) => kept.get(name)!);
}

/**
 * Seconds that a step of each arm takes on the threads of one job: in turn, medians of several rounds. They are kept,
 * so that the number of steps that a budget of time allows stays what it was. Steps are of length 0: an arm that would
 * diverge takes its time like any other.
 */
export async function timeSteps(
  { folder, additions, backend, simd, build, threads, jobs, say, throwIfStopped }: Laboratory,
  arms: readonly PlannedArm[],
  { source }: StudyData,
): Promise<number[]> {
  const share = Math.max(1, Math.floor(threads / jobs)), kept = openKept<number>(`${folder}/step_times.json`);
  const names = await Promise.all(
    arms.map(({ config, training: { batch, optimizer, dropout, smoothing, zLoss } }) =>
      hashJson("measurement", { config, batch, optimizer, dropout, smoothing, zLoss, share, simd: build })
    ),
  );
  if (names.every((name) => kept.has(name))) return names.map((name) => kept.get(name)!);

  using runtime = await openRuntime({ backend, plugins: additions.plugins, threads: share, simd });
  const opened: (ReturnType<typeof assembleTrial> & { readonly learning: Learning; readonly times: number[] })[] = [];
  using held = new DisposableStack();
  for (const { config, training } of arms) {
    const learning = held.use(await openLearning(source, training, { context: config.context, seed: 0 }));
    const still = { ...training, learningRate: 0 };
    const { model, trainer } = assembleTrial({ config, training: still, seed: 0 }, { runtime, ...additions });
    held.defer(() => model.close());
    held.defer(() => trainer.close());
    opened.push({ learning, model, trainer, times: [] });
  }
  for (let round = -1; round < ROUNDS; round++) { // the first one warms up
    say({ type: "doing", what: `timing steps: ${Math.round(100 * (round + 1) / (ROUNDS + 1))}%` });
    for (const { learning, trainer, times } of opened) {
      const begun = performance.now(), seconds = () => (performance.now() - begun) / 1000;
      let steps = 0;
      do await timedStep(trainer, learning, steps++); while (seconds() < SECONDS);
      if (round >= 0) times.push(seconds() / steps);
      await breathe();
      throwIfStopped(); // before anything is kept
    }
  }
  opened.forEach(({ times }, i) => kept.set(names[i], times.sort((a, b) => a - b)[times.length >> 1]));
  kept.save();
  return names.map((name) => kept.get(name)!);
}

async function timedStep(trainer: Trainer, learning: Learning, step: number): Promise<void> {
  try {
    await trainer.train([learning.example(step)], learning.batch);
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error; // not finite from the start: its trials have a row that says so
  }
}

/** What a JSON file holds by name, which can be added to. Throws a {@linkcode CheckpointError} where it cannot. */
function openKept<T>(path: string): Map<string, T> & { save(): void } {
  const kept = new Map<string, T>();
  try {
    for (const [name, value] of Object.entries<T>(JSON.parse(Deno.readTextFileSync(path)))) kept.set(name, value);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const { message } = error as Error;
      throw new CheckpointError(`Cannot read ${path}: ${message}; without it, it is measured anew`, { cause: error });
    }
  }
  const save = () => {
    try {
      writeTextAtomic(path, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
    } catch (error) {
      throw new CheckpointError(`Cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  return Object.assign(kept, { save });
}
