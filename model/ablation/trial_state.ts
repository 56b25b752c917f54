import type { Json } from "../../components/options.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Model } from "../decoder.ts";
import { CheckpointError } from "../source.ts";
import { newestStep, saveStep } from "../steps.ts";
import type { Trainer } from "../trainer.ts";
import { loadTrainingState, saveTrainingState, trainingTensors } from "../training_state.ts";
import type { Score } from "./outcome.ts";

/** What a trial has seen so far. */
export interface TrialRecord {
  /** Training loss of every step. */
  readonly losses: number[];
  /** Evaluations so far. */
  readonly evaluations: (Score & { readonly step: number })[];
}

/** Where and how often checkpoints of trials are written. */
export interface TrialStateOptions {
  /** Each trial has a folder of its own in it, named by its key. */
  readonly folder: string;
  /** Seconds between two checkpoints. */
  readonly seconds: number;
}

/** Goes on from the newest checkpoint of a trial, if there is one. Returns how to write the next. */
export async function openTrialState(
  { folder, seconds }: TrialStateOptions,
  key: string,
  { model, trainer, record, runtime }: {
    readonly model: Model;
    readonly trainer: Trainer;
    readonly record: TrialRecord;
    readonly runtime: Runtime;
  },
): Promise<{ save(now?: boolean): Promise<void> }> {
  const path = `${folder}/${key}`, tensors = trainingTensors(model, trainer), newest = await newestIn(path);
  const seen = () => `${trainer.step} steps, ${record.evaluations.length} evaluations`;
  let last = performance.now(), saved = "";
  if (newest !== undefined) {
    const { step, info } = await loadTrainingState(newest, tensors, runtime);
    const { losses, evaluations } = info as unknown as TrialRecord;
    if (info.key !== key || !Array.isArray(losses) || losses.length !== step) {
      throw new CheckpointError(`Cannot go on from ${newest}: it is of another trial, expected one of ${key}`);
    }
    record.losses.push(...losses);
    record.evaluations.push(...evaluations);
    trainer.step = step;
    saved = seen();
  }
  return {
    async save(now = false) {
      const { step } = trainer;
      if (seen() === saved || !step || !(now || performance.now() - last >= 1000 * seconds)) return;
      const info = { key, ...record } as unknown as Readonly<Record<string, Json>>;
      await saveStep(path, step, (sink) => saveTrainingState(sink, { step, info, tensors }, runtime));
      saved = seen();
      last = performance.now();
    },
  };
}

async function newestIn(path: string): Promise<string | undefined> {
  try {
    Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return await newestStep(path);
}
