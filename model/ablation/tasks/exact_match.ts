import { argmax } from "../../../components/samplers/sampler.ts";
import type { Model } from "../../decoder.ts";
import { countTargets } from "../../gradients.ts";
import { expectWhole, layOut, validationSamples } from "./examples.ts";
import type { Task } from "./task.ts";

/** Sequences run at a time; results do not depend on it. */
const BATCH = 128;

/** Options of {@linkcode exactMatch}. */
export interface ExactMatchOptions {
  /** Samples of validation. Default: 1024. */
  readonly count?: number;
  /** Decides which; none of them is trained on, whatever it is. Default: 0. */
  readonly seed?: number;
}

/** How well a model does a task. */
export interface TaskScore {
  /** Share of the samples whose whole answer is right, from 0 to 1. */
  readonly exactMatch: number;
  /** Mean loss of the answers, in nats for each of their tokens; not finite where the model's numbers are not. */
  readonly loss: number;
}

/**
 * Runs `model` on samples of validation and looks at its answers: right where the token of the largest logit, the first of
 * equals, is the right one at every position.
 *
 * The right answer is among the inputs (teacher forcing), so one pass is enough, and the share is the one that greedy
 * generation has. Where generation is right so far, it has the same tokens before it as the pass, and chooses by the same
 * logits, bit for bit; so the first mistake of one is the first mistake of the other, and an answer without a mistake in
 * one has none in the other. (After a mistake they may differ: shares of single tokens would not agree.)
 *
 * Throws a `RangeError` where the model is too small for the task.
 */
export async function exactMatch(
  model: Model,
  task: Task,
  { count = 1024, seed = 0 }: ExactMatchOptions = {},
): Promise<TaskScore> {
  const action = `score "${task.name}"`, { runtime } = model;
  expectWhole(action, "the count", count, 1);
  for (const size of ["vocab", "context"] as const) {
    const [actual, least] = [model.config[size], task[size]];
    if (actual < least) {
      throw new RangeError(`Cannot ${action}: the model's ${size} is ${actual}, expected at least ${least}`);
    }
  }
  const samples = validationSamples(task, count, seed);
  let matches = 0, total = 0, tokens = 0;
  for (let first = 0; first < count; first += BATCH) {
    const { inputs, targets } = layOut(task, samples.slice(first, first + BATCH));
    const [logits, losses] = await runtime.scope(() => {
      const logits = model.forward(inputs, { batch: inputs.length / task.context });
      return Promise.all([logits, runtime.ops.crossEntropy(logits, targets)].map((x) => runtime.read(x)));
    });
    for (const loss of losses) total += loss;
    tokens += countTargets(targets);
    matches += countMatches(logits, targets, task.context);
  }
  // Without a number that is the largest, no answer is right.
  return { exactMatch: Number.isFinite(total) ? matches / count : 0, loss: total / tokens };
}

/** How many rows `[context]` of `targets` have the largest of `logits [rows, context, vocab]` wherever one counts. */
function countMatches(logits: Float32Array, targets: Int32Array, context: number): number {
  const vocab = logits.length / targets.length;
  let matches = 0;
  for (let row = 0; row < targets.length; row += context) {
    const right = targets.subarray(row, row + context).every((target, t) =>
      target < 0 || argmax(logits.subarray((row + t) * vocab, (row + t + 1) * vocab)) === target
    );
    if (right) matches++;
  }
  return matches;
}
