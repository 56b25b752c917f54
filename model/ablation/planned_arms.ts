import type { Additions } from "../additions.ts";
import { allComponents, trainingFlopsPerToken, trainingFor } from "./budgets.ts";
import type { ArmOutcome } from "./outcome.ts";
import { type Arm, planArms } from "./plan.ts";
import { matchFlops, matchParams } from "./solver.ts";
import type { Study } from "./study.ts";
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
  const components = allComponents(additions), { summary: { vocab } } = data;
  const arms = matched(planArms({ base: studyBase(study, vocab), vary: study.vary, mode: study.mode }, components));
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

  function matched(planned: readonly Arm[]): Omit<PlannedArm, "training">[] {
    const { match } = study;
    if (!match) return planned.map(({ name, config, changes }) => ({ name, config, changes }));
    const { by, path, tolerance, multipleOf } = match;
    return (by === "parameters" ? matchParams : matchFlops)(planned, { path, tolerance, multipleOf, components })
      .map(({ name, config, changes, resized, value, deviation }) => ({
        name,
        config,
        changes,
        ...(resized && { matched: { path, value: value as number, deviation } }),
      }));
  }
}

function atLeastOne(steps: number, { name }: { readonly name: string }, what: string): number {
  if (steps >= 1) return Math.floor(steps);
  throw new RangeError(
    `Cannot train ${name}: one step takes more ${what} than the budget has, expected at least one step`,
  );
}
