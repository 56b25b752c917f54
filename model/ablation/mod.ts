/**
 * Ablations: what each component of a model is worth. {@linkcode ablate} does all of it; here is also what it is made of,
 * each part for itself: plans of arms, models of equal size, presets, statistics and power, costs, longer windows,
 * synthetic tasks, A against A.
 *
 * @example
 * ```ts
 * import { difference, runsToDetect } from "@tenon/tenon/ablation";
 * import { assertEquals } from "@std/assert";
 *
 * const runs = (...values: number[]) => values.map((value, i) => ({ seed: i + 1, value }));
 * const { mean, p, sd } = difference(runs(1.898, 1.906, 1.895), runs(1.816, 1.821, 1.815));
 * assertEquals([mean.toFixed(4), p! < 0.01], ["-0.0823", true]);
 * assertEquals(runsToDetect({ delta: 0.01, sd: sd!, paired: true }), 3);
 * ```
 *
 * Types that `ablate` takes and returns are exported by `@tenon/tenon` itself.
 *
 * @module
 */
export { type AaOutcome, type FalsePositives, measureFalsePositives, wilson } from "./a_a.ts";
export { ablate, planAblation, type TimedPlan } from "./ablate.ts";
export type { AblationPlan } from "./ablation_plan.ts";
export { compareArms } from "./comparisons.ts";
export { type CostOptions, measureCosts } from "./costs.ts";
export { evaluateLengths, type LengthOptions } from "./lengths.ts";
export { type AblationDefinition, type Arm, planArms } from "./plan.ts";
export type { PlannedArm } from "./planned_arms.ts";
export { type Effect, powerOf, runsToDetect } from "./power.ts";
export { type Preset, presetConfig, presetPath, presets } from "./presets.ts";
export type { ArmOptions, CostArm } from "./rates.ts";
export { type MatchedArm, matchFlops, type MatchOptions, matchParams } from "./solver.ts";
export { difference, type DifferenceOptions, holm, type Sample as RunSample, summary } from "./statistics.ts";
export type { StudyData } from "./study_data.ts";
export { type ResolveOptions, resolveStudy } from "./study_definition.ts";
export { studySchema } from "./study_schema.ts";
export {
  associativeRecall,
  type AssociativeRecallOptions,
  copy,
  dyck,
  type DyckOptions,
  exactMatch,
  type ExactMatchOptions,
  induction,
  type InductionOptions,
  modularAddition,
  type ModularAdditionOptions,
  reverse,
  type Sample,
  type SequenceOptions,
  sideOf,
  sort,
  type Task,
  taskExamples,
  tasks,
  type TaskScore,
  type TaskTraining,
  validationSamples,
} from "./tasks/mod.ts";
export { type ArmRuns, verdict, type VerdictOptions, verdicts } from "./verdict.ts";
