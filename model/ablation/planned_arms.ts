import type { Component } from "../../components/component.ts";
import { type Additions, componentsOf } from "../additions.ts";
import { trainingFlopsPerToken, trainingFor } from "./budgets.ts";
import type { ArmOutcome } from "./outcome.ts";
import { type Arm, planArms } from "./plan.ts";
import { matchFlops, matchParams } from "./solver.ts";
import type { Match, Study } from "./study.ts";
import type { StudyData } from "./study_data.ts";
import { studyBase } from "./study_definition.ts";

/** An arm that is ready to be trained. */
export type PlannedArm = Pick<ArmOutcome, "name" | "config" | "changes" | "matched" | "training" | "sweep">;

/** Seconds that a step of an arm takes: what a budget of time is divided by. */
export type TimeSteps = (arms: readonly PlannedArm[]) => Promise<number[]>;

/**
 * The arms of a study: planned, matched in size if that is asked for, and with as many steps as the budget gives each.
 * Nothing is trained, but for the few steps that `timeSteps` makes where the budget is time.
 */
export async function planStudy(
  study: Study,
  data: StudyData,
  additions: Additions,
  timeSteps: TimeSteps,
): Promise<PlannedArm[]> {
  const components = componentsOf(additions), { summary: { vocab } } = data;
  const planned = planArms({ base: studyBase(study, vocab), vary: study.vary, mode: study.mode }, components);
  const arms = planned.map((arm) =>
    study.match && arm !== planned[0]
      ? matchedArm(arm, planned[0], study.match, components)
      : { name: arm.name, config: arm.config, changes: arm.changes }
  );
  const { steps, flops, seconds } = study.budget;
  if (steps !== undefined) return arms.map((arm) => ({ ...arm, training: trainingFor(study, steps) }));
  if (flops !== undefined) {
    return arms.map((arm) => {
      const perToken = trainingFlopsPerToken(arm.config, components);
      const perStep = perToken * study.training.batch * (data.rowTokens ?? arm.config.context);
      return { ...arm, training: trainingFor(study, atLeastOne(flops / perStep, arm, "operations")) };
    });
  }
  const draft = arms.map((arm) => ({ ...arm, training: trainingFor(study, 1000) })), each = await timeSteps(draft);
  return arms.map((arm, i) => ({
    ...arm,
    training: trainingFor(study, atLeastOne(seconds! / each[i], arm, "seconds")),
  }));
}

/** An arm of the size of the base, and what was chosen for it. */
function matchedArm(
  arm: Arm,
  base: Arm,
  match: Match,
  components: readonly Component[],
): Omit<PlannedArm, "training"> {
  const { path, tolerance } = match, all = match.by === "parameters" ? matchParams : matchFlops;
  for (let multipleOf = match.multipleOf;; multipleOf /= 2) {
    try {
      const [, found] = all([base, arm], { path, tolerance, multipleOf, components });
      const { name, config, changes, resized, value, deviation } = found;
      return { name, config, changes, ...(resized && { matched: { path, value: value as number, deviation } }) };
    } catch (error) {
      if (!(error instanceof RangeError) || multipleOf % 2) throw error;
    }
  }
}

function atLeastOne(steps: number, { name }: { readonly name: string }, what: string): number {
  if (steps >= 1) return Math.floor(steps);
  throw new RangeError(
    `Cannot train ${name}: one step takes more ${what} than the budget has, expected at least one step`,
  );
}
