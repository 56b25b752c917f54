import type { Additions } from "../additions.ts";
import { type Batches, batches } from "../data/batches.ts";
import { openData } from "../data/data_info.ts";
import type { TokenFile } from "../data/token_file.ts";
import type { Model } from "../decoder.ts";
import { evaluateTokens, type EvaluationWatch } from "../evaluate_tokens.ts";
import type { Example } from "../gradients.ts";
import { evaluateLengths } from "./lengths.ts";
import { makeTask } from "./data_forms.ts";
import type { LengthScore, Score } from "./outcome.ts";
import type { TrialTraining } from "./study.ts";
import { exactMatch } from "./tasks/exact_match.ts";
import { taskExamples } from "./tasks/examples.ts";

/** Where the data of trials is: plain JSON, so that threads can open it. */
export type DataSource =
  | {
    /** Folder of `prepareData`. */
    readonly directory: string;
    /** Of its tokens. */
    readonly hash: string;
  }
  | {
    /** Name of a task. */
    readonly task: string;
    /** Its options. */
    readonly options: Readonly<Record<string, number>>;
    /** Questions of an evaluation. */
    readonly questions: number;
    /** Of all of that. */
    readonly hash: string;
  };

/** What a trial learns from and is judged by. */
export interface Learning extends Disposable {
  /** Sequences of an example. */
  readonly batch: number;
  /** What a step learns from, from 0: the same whenever it is asked for. */
  example(step: number): Example;
  /** The score on everything that is held back; `undefined` once `stop` says so. */
  evaluate(model: Model, watch: EvaluationWatch): Promise<Score | undefined>;
  /** Scores on longer windows; `undefined` once `stop` says so. */
  lengths(model: Model, additions: Additions, watch: EvaluationWatch): Promise<LengthScore[] | undefined>;
}

/** Opens the data of a trial. */
export async function openLearning(
  source: DataSource,
  training: TrialTraining,
  { context, seed }: { readonly context: number; readonly seed: number },
): Promise<Learning> {
  return "task" in source
    ? taskLearning(source, training, seed)
    : await textLearning(source.directory, training, context, seed);
}

async function textLearning(
  directory: string,
  { batch, order, lengths, weights }: TrialTraining,
  context: number,
  seed: number,
): Promise<Learning> {
  const data = await openData(directory), held: TokenFile = data.validation;
  let draw: Batches;
  try {
    draw = batches(data.train, { batch, context, seed, order });
  } catch (error) {
    data.close();
    throw error;
  }
  return {
    batch,
    example: (step) => draw.at(step),
    async evaluate(model, watch) {
      const evaluation = await evaluateTokens(model, held, watch);
      return evaluation && { loss: evaluation.loss };
    },
    lengths: (model, additions, watch) =>
      evaluateLengths(model, held, lengths, { ...additions, ...watch, seed: seed + weights }),
    [Symbol.dispose]: () => data.close(),
  };
}

function taskLearning(
  { task: name, options, questions }: Extract<DataSource, { task: string }>,
  { batch }: TrialTraining,
  seed: number,
): Learning {
  const task = makeTask({ task: name, options });
  return {
    batch,
    example: (step) => taskExamples(task, seed, step, batch),
    evaluate: (model) => exactMatch(model, task, { count: questions }),
    lengths: () => Promise.resolve([]),
    [Symbol.dispose]() {},
  };
}
