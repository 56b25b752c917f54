import { integer, type Options } from "../../../components/options.ts";
import { choose, defineTask, type Task, taskOptions, type TaskTraining, wrongOption } from "./task.ts";

/** Options of the tasks that ask for a sequence again, in some order. */
export interface SequenceOptions {
  /** Number of different symbols, from 2. Default: 16. */
  symbols: number;
  /** Fewest symbols in a sequence, from 1. Default: 4. */
  shortest: number;
  /** Most symbols in a sequence, from `shortest`. Default: 8. */
  longest: number;
}

const options: Options<SequenceOptions> = {
  symbols: integer(16, { min: 2, max: 2 ** 16 }),
  shortest: integer(4, { min: 1, max: 2 ** 12 }),
  longest: integer(8, { min: 1, max: 2 ** 12 }),
};

/** What one of these tasks is. */
export interface SequenceTask {
  /** See {@linkcode Task.name}. */
  readonly name: string;
  /** See {@linkcode Task.description}. */
  readonly description: string;
  /** The answer to a sequence, which is as long; it may be changed in place. */
  readonly answer: (sequence: number[]) => number[];
  /** See {@linkcode Task.training}. */
  readonly training?: Partial<TaskTraining>;
}

/**
 * Symbols `0 … symbols − 1` drawn with replacement, `shortest` to `longest` of them, each length as likely as the others;
 * then the separator, `symbols`; then the answer.
 */
export function sequenceTask(definition: SequenceTask, given: Partial<SequenceOptions>): Task {
  const { name, description, answer, training = {} } = definition;
  const resolved = taskOptions(name, options, given), { symbols, shortest, longest } = resolved;
  if (shortest > longest) {
    throw wrongOption(name, "shortest", shortest, `at most the longest, which is ${longest}`);
  }
  return defineTask({
    name,
    description,
    vocab: symbols + 1,
    context: 2 * longest,
    options: { ...resolved },
    training,
    sample(random) {
      const length = shortest + choose(random, longest - shortest + 1);
      const sequence = Array.from({ length }, () => choose(random, symbols));
      return { prompt: [...sequence, symbols], answer: answer([...sequence]) };
    },
  });
}
