import type { Options } from "../../../components/options.ts";
import type { ModelConfig } from "../../config.ts";
import type { Side } from "../../data/split.ts";
import { show } from "../../json.ts";

/** One question and its only right answer, as token ids. */
export interface Sample {
  /** What the model is given, `[promptLength]`. */
  readonly prompt: readonly number[];
  /** What has to follow it, `[answerLength]`, at least one token. The length follows from the prompt: no end is marked. */
  readonly answer: readonly number[];
}

/** How a task's base model is trained. */
export interface TaskTraining {
  /** Steps. */
  readonly steps: number;
  /** Sequences in a step. */
  readonly batch: number;
  /** The largest learning rate; the other options of a trainer at their defaults. */
  readonly learningRate: number;
}

/** A synthetic skill: samples without end, of which one part is for training and the rest for validation. */
export interface Task {
  /** `"associative recall"`. */
  readonly name: string;
  /** What is asked, for a person. */
  readonly description: string;
  /** Number of tokens: ids are from 0 to below it. */
  readonly vocab: number;
  /** Most tokens that a model is run on: the longest prompt and its answer without the last token, which is only predicted. */
  readonly context: number;
  /** Every option, defaults filled in. */
  readonly options: Readonly<Record<string, number>>;
  /** A base model to vary, trained in less than a minute. Its context has room for a whole answer to be generated. */
  readonly model: ModelConfig;
  /** How that model is trained. */
  readonly training: TaskTraining;
  /** The side that a prompt belongs to, where the task has few enough samples to divide them. Default: by hash. */
  readonly side?: (prompt: readonly number[]) => Side;
  /** Draws a sample of either side. `random` gives numbers in [0, 1): the same ones give the same sample. */
  sample(random: () => number): Sample;
}

/** What a task says of itself; {@linkcode defineTask} adds the rest. */
export interface TaskDefinition extends Omit<Task, "model" | "training"> {
  /** Where it differs from 500 steps of 64 sequences at a learning rate of 3e-3. */
  readonly training?: Partial<TaskTraining>;
  /** How the weights of the base model start, where it is not the usual deviation of 0.02. */
  readonly init?: NonNullable<ModelConfig["init"]>;
}

/** A task with a base model: two blocks, the fewest in which attention can find what followed something. */
export function defineTask({ training, init = "normal", ...task }: TaskDefinition): Task {
  const { vocab, context } = task;
  return {
    ...task,
    model: { vocab, context: context + 1, dim: 64, depth: 2, heads: 4, init },
    training: { steps: 500, batch: 64, learningRate: 3e-3, ...training },
  };
}

/**
 * The options of a task with defaults filled in. Throws a `RangeError` for a value that is not allowed and a `TypeError`
 * for a key that there is not.
 */
export function taskOptions<T extends { readonly [K in keyof T]: number }>(
  name: string,
  options: Options<T>,
  given: Partial<T>,
): T {
  const keys = Object.keys(options) as (keyof T & string)[];
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(options, key)) continue;
    throw new TypeError(`Cannot make the task "${name}": it has no option "${key}", expected ${keys.join(", ")}`);
  }
  return Object.fromEntries(keys.map((key) => {
    const { default: standard, expected, accepts } = options[key], value: unknown = given[key] ?? standard;
    if (!accepts(value)) throw wrongOption(name, key, value, expected);
    return [key, value];
  })) as unknown as T;
}

/** A `RangeError` about an option. */
export function wrongOption(name: string, key: string, value: unknown, expected: string): RangeError {
  // JSON has no NaN.
  const shown = typeof value === "number" ? value : show(value);
  return new RangeError(`Cannot make the task "${name}": ${key} is ${shown}, expected ${expected}`);
}

/** One of the whole numbers from 0 to below `n`. */
export function choose(random: () => number, n: number): number {
  return Math.floor(random() * n);
}
