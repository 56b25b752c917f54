import type { Json } from "../../components/options.ts";
import { createRuntime } from "../../runtime/runtime.ts";
import { writeTextAtomic } from "../data/token_file.ts";
import { sha256 } from "../sha256.ts";
import type { Laboratory } from "./laboratory.ts";
import { openLearning } from "./learning.ts";
import type { Costs } from "./outcome.ts";
import type { PlannedArm } from "./planned_arms.ts";
import type { StudyData } from "./study_data.ts";
import { assembleTrial } from "./trial.ts";
import { canonicalJson } from "./trial_key.ts";

/** Rounds in which every arm is timed once, and seconds of each time. */
const ROUNDS = 5, SECONDS = 0.4;

/** Costs of arms: measured once and kept in `folder`, since a second measurement would differ a little. */
export async function armCosts(
  _l: Laboratory,
  _arms: readonly PlannedArm[],
  _folder: string,
): Promise<Costs[]> {
  return await Promise.reject(new Error("placeholder"));
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
  const share = Math.max(1, Math.floor(threads / jobs)), path = `${folder}/step_times.json`;
  const names = await Promise.all(
    arms.map(({ config, training }) => hashOf({ config, training, share, simd } as never)),
  );
  const kept = readTimes(path);
  if (names.every((name) => kept[name] !== undefined)) return names.map((name) => kept[name]);

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
    opened.forEach(({ times }, i) => kept[names[i]] = times.sort((a, b) => a - b)[times.length >> 1]);
    writeTextAtomic(path, `${JSON.stringify(kept, null, 2)}\n`);
    return names.map((name) => kept[name]);
  } finally {
    for (const { learning, trainer, model } of opened) {
      learning[Symbol.dispose]();
      trainer.close();
      model.close();
    }
  }
}

function readTimes(path: string): Record<string, number> {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

async function hashOf(value: Json): Promise<string> {
  return await sha256(new TextEncoder().encode(canonicalJson("measurement", value)));
}
