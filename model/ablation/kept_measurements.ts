import { createRuntime } from "../../runtime/runtime.ts";
import { writeTextAtomic } from "../data/token_file.ts";
import { sha256 } from "../sha256.ts";
import type { Laboratory } from "./laboratory.ts";
import { openLearning } from "./learning.ts";
import { measureCosts } from "./costs.ts";
import type { Costs } from "./outcome.ts";
import type { PlannedArm } from "./planned_arms.ts";
import type { StudyData } from "./study_data.ts";
import { assembleTrial } from "./trial.ts";
import { canonicalJson } from "./trial_key.ts";

/** Rounds in which every arm is timed once, and seconds of each time. */
const ROUNDS = 5, SECONDS = 0.4;

/**
 * Costs of arms, on the threads of all trials together. They are measured once and kept in `folder`: a second measurement
 * would differ a little.
 */
export async function armCosts(
  { additions, simd, threads, say, stop }: Laboratory,
  arms: readonly PlannedArm[],
  folder: string,
): Promise<Costs[] | undefined> {
  const kept = openKept<Costs>(`${folder}/costs.json`);
  const names = await Promise.all(arms.map(({ config, training }) => {
    const { batch, optimizer, dropout, smoothing, zLoss } = training;
    return hashOf({ config, batch, optimizer, dropout, smoothing, zLoss, threads, simd });
  }));
  const missing = arms.map((arm, i) => ({ ...arm, ...arm.training, i })).filter(({ i }) => !kept.has(names[i]));
  const progress = (share: number) => say({ type: "doing", what: `measuring costs: ${Math.floor(100 * share)}%` });
  const found = missing.length ? await measureCosts(missing, { ...additions, threads, simd, progress, stop }) : [];
  if (!found) return undefined;
  missing.forEach(({ i }, at) => kept.set(names[i], found[at]));
  kept.save();
  return names.map((name) => kept.get(name)!);
}

/**
 * Seconds that a step of each arm takes on the threads of one job: in turn, medians of several rounds. They are kept in
 * `folder`, so that the number of steps that a budget of time allows stays what it was.
 */
export async function timeSteps(
  { additions, simd, threads, jobs, say, stop }: Laboratory,
  arms: readonly PlannedArm[],
  { source }: StudyData,
  folder: string,
): Promise<number[]> {
  const share = Math.max(1, Math.floor(threads / jobs)), kept = openKept<number>(`${folder}/step_times.json`);
  const names = await Promise.all(
    arms.map(({ config, training }) => hashOf({ config, training, share, simd } as never)),
  );
  if (names.every((name) => kept.has(name))) return names.map((name) => kept.get(name)!);

  using runtime = await createRuntime({ threads: share, simd });
  const opened = await Promise.all(arms.map(async ({ config, training }) => ({
    learning: await openLearning(source, training, { context: config.context, seed: 0 }),
    ...assembleTrial({ config, training, seed: 0 }, { runtime, ...additions }),
    times: [] as number[],
  })));
  try {
    for (let round = -1; round < ROUNDS; round++) { // the first one warms up
      say({ type: "doing", what: `timing steps: ${Math.round(100 * (round + 1) / (ROUNDS + 1))}%` });
      for (const { learning, trainer, times } of opened) {
        const begun = performance.now(), seconds = () => (performance.now() - begun) / 1000;
        let steps = 0;
        do await trainer.train([learning.example(steps++)], learning.batch); while (seconds() < SECONDS && !stop());
        if (round >= 0) times.push(seconds() / steps);
      }
    }
    opened.forEach(({ times }, i) => kept.set(names[i], times.sort((a, b) => a - b)[times.length >> 1]));
    kept.save();
    return names.map((name) => kept.get(name)!);
  } finally {
    for (const { learning, trainer, model } of opened) {
      learning[Symbol.dispose]();
      trainer.close();
      model.close();
    }
  }
}

/** What a JSON file holds by name, which can be added to. */
function openKept<T>(path: string): Map<string, T> & { save(): void } {
  let text = "{}";
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const kept = new Map<string, T>(Object.entries(JSON.parse(text)));
  const save = () => writeTextAtomic(path, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
  return Object.assign(kept, { save });
}

async function hashOf(value: object): Promise<string> {
  return await sha256(new TextEncoder().encode(canonicalJson("measurement", value)));
}
