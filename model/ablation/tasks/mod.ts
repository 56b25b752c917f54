/**
 * Synthetic skills as training tasks: small, exact and endless, so that in a minute an ablation shows what a change to a
 * model does to copying, recalling, inducing, counting.
 *
 * ```ts ignore
 * const task = associativeRecall({ pairs: 8 });
 * const model = createModel(runtime, { ...task.model, attention: "multiQuery" });
 * const { steps, batch, learningRate } = task.training;
 * const trainer = createTrainer(model, { steps, learningRate });
 * for (let i = 0; i < steps; i++) await trainer.train([taskExamples(task, seed, i, batch)], batch);
 * const { exactMatch: share, loss } = await exactMatch(model, task);
 * ```
 *
 * @module
 */
import { associativeRecall } from "./associative_recall.ts";
import { copy } from "./copy.ts";
import { dyck } from "./dyck.ts";
import { induction } from "./induction.ts";
import { modularAddition } from "./modular_addition.ts";
import { reverse } from "./reverse.ts";
import { sort } from "./sort.ts";
import type { Task } from "./task.ts";

export type { Batch } from "../../data/batches.ts";
export type { Side } from "../../data/split.ts";
export type { AssociativeRecallOptions } from "./associative_recall.ts";
export type { DyckOptions } from "./dyck.ts";
export { exactMatch, type ExactMatchOptions, type TaskScore } from "./exact_match.ts";
export { sideOf, taskExamples, validationSamples } from "./examples.ts";
export type { InductionOptions } from "./induction.ts";
export type { ModularAdditionOptions } from "./modular_addition.ts";
export type { SequenceOptions } from "./sequences.ts";
export type { Sample, Task, TaskTraining } from "./task.ts";
export { associativeRecall, copy, dyck, induction, modularAddition, reverse, sort };

/** Every task, to be made with its default options. */
export const tasks: readonly (() => Task)[] = [
  copy,
  reverse,
  sort,
  associativeRecall,
  induction,
  modularAddition,
  dyck,
];
