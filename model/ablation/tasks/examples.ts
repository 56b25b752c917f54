import type { Batch } from "../../data/batches.ts";
import { hash } from "../../data/permutation.ts";
import type { Side } from "../../data/split.ts";
import { createRandom } from "../../random.ts";
import type { Sample, Task } from "./task.ts";

/** Share of all prompts whose hash puts them into validation. */
const VALIDATION = 0.1;
/** Draws after which a side counts as empty. */
const PATIENCE = 10_000;

/**
 * The batch `index`, from 0, of a training on `task`: `inputs` and `targets`, both `[batch, task.context]`, what every
 * machine makes of the same seed and index. Each row is a prompt and its answer, then zeros; attention is causal, so they
 * change nothing before them. Targets are −1 but for the answers, so that the loss counts answers only, in nats for each
 * of their tokens. No prompt of validation is among them (see {@linkcode sideOf}), whatever the seeds.
 *
 * Throws a `RangeError` for numbers that are not whole or too small, and where the task has too few prompts for both sides.
 */
export function taskExamples(task: Task, seed: number, index: number, batch: number): Batch {
  const action = `make batch ${index} of ${batch} samples of "${task.name}"`;
  expectWhole(action, "the index", index, 0);
  expectWhole(action, "the batch", batch, 1);
  const random = createRandom(seed, `${task.name}, batch ${index}`);
  return layOut(task, Array.from({ length: batch }, () => draw(task, "train", random)));
}

/** `count` samples of validation, drawn independently: in a small task some occur several times. */
export function validationSamples(task: Task, count: number, seed: number): Sample[] {
  const random = createRandom(seed, `${task.name}, validation`);
  return Array.from({ length: count }, () => draw(task, "validation", random));
}

/**
 * The side that a prompt belongs to: what the task itself says, or else validation for the tenth of all prompts with the
 * smallest hash of their tokens. It depends on nothing but the prompt, so two runs share it whatever their seeds.
 */
export function sideOf({ side }: Task, prompt: readonly number[]): Side {
  if (side) return side(prompt);
  return prompt.reduce(hash, prompt.length) < VALIDATION * 2 ** 32 ? "validation" : "train";
}

/** Samples as rows `[samples.length, task.context]`. The last token of an answer is a target and no input. */
export function layOut({ context }: Task, samples: readonly Sample[]): Batch {
  const inputs = new Int32Array(samples.length * context), targets = new Int32Array(inputs.length).fill(-1);
  for (const [row, { prompt, answer }] of samples.entries()) {
    const start = row * context;
    inputs.set(prompt, start);
    inputs.set(answer.slice(0, -1), start + prompt.length);
    targets.set(answer, start + prompt.length - 1);
  }
  return { inputs, targets };
}

/** Throws a `RangeError` unless `value` is a whole number from `min`. */
export function expectWhole(action: string, what: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw new RangeError(`Cannot ${action}: ${what} is ${value}, expected a whole number from ${min}`);
}

function draw(task: Task, side: Side, random: () => number): Sample {
  for (let i = 0; i < PATIENCE; i++) {
    const sample = task.sample(random);
    if (sideOf(task, sample.prompt) === side) return sample;
  }
  throw new RangeError(
    `Cannot draw a sample of "${task.name}" for ${side}: ${PATIENCE} draws had none, expected a task with more prompts`,
  );
}
