import { VERSION } from "../version.ts";
import { compareArms, summarize } from "./comparisons.ts";
import { type AblationPlan, metricFor, planIn } from "./ablation_plan.ts";
import { type LaboratoryOptions, openLaboratory } from "./laboratory.ts";
import type { AblationOutcome, ArmOutcome } from "./outcome.ts";
import { armCosts, timeSteps } from "./kept_measurements.ts";
import type { PlannedArm } from "./planned_arms.ts";
import type { StudyDefinition } from "./study_definition.ts";
import { chooseRates, sweepSeeds, sweptArms } from "./sweep.ts";
import { trialSpecs } from "./trial_specs.ts";

/** Options of {@linkcode ablate}. */
export interface AblateOptions extends LaboratoryOptions {
  /** The command that this is, for the report. */
  readonly command?: string;
}

/** See `ablate` of `@tenon/tenon`, which loads this. */
export async function ablate(definition: StudyDefinition, options: AblateOptions): Promise<AblationOutcome> {
  using laboratory = await openLaboratory(options);
  const plan = await planIn(laboratory, definition), { study, data } = plan, metric = metricFor(study);
  const { additions, runtime, build, store, say, machine } = laboratory;
  const between = laboratory.throwIfStopped;
  const setting = { data: data.source, host: { runtime, ...additions }, build, between };
  const keys: string[] = [],
    run = async (arms: readonly PlannedArm[], seeds: readonly number[]) => {
      say({ type: "doing", what: "looking at what the code does" });
      const specs = await trialSpecs(arms, seeds, setting), results = await laboratory.run(specs);
      keys.push(...specs.map(({ key }) => key));
      return arms.map((_, i) => results.filter((_, at) => at % arms.length === i));
    };
  let { arms } = plan;
  if (study.sweep) {
    const tried = await run(sweptArms(arms, study.sweep), sweepSeeds(study.sweep, study.seeds));
    arms = chooseRates(arms, study.sweep, tried, metric);
  }
  const runs = await run(arms, study.seeds);
  store.arrange(keys);
  // An arm whose numbers are not finite at the very first step has nothing that could be timed.
  const timed = arms.flatMap((arm, i) =>
    runs[i].some(({ steps }) => steps > 0) ? { ...arm, code: runs[i][0].code } : []
  );
  const found = study.costs ? await armCosts(laboratory, timed) : undefined;
  const costs = new Map(found?.map((cost, i) => [timed[i].name, cost]));
  laboratory.throwIfStopped();
  const outcomes = arms.map((arm, i): ArmOutcome => ({
    ...arm,
    runs: runs[i],
    ...summarize(runs[i], metric),
    ...(costs.has(arm.name) && { costs: costs.get(arm.name)! }),
  }));
  return {
    title: study.title,
    ...(options.command !== undefined && { command: options.command }),
    study,
    data: data.summary,
    metric,
    code: `${VERSION} ${build}`,
    machine: `${machine}, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
    arms: outcomes,
    comparisons: compareArms(outcomes, metric, study),
    unused: store.results.size - new Set(keys).size,
  };
}

/** An {@linkcode AblationPlan} and how long it will take. */
export interface TimedPlan extends AblationPlan {
  /** Seconds of a step of each arm, on the threads of one trial. */
  readonly stepSeconds: readonly number[];
  /** Trials side by side. */
  readonly jobs: number;
}

/** What {@linkcode ablate} would do: arms, their sizes and steps. Trains nothing but the steps that are timed. */
export async function planAblation(definition: StudyDefinition, options: LaboratoryOptions): Promise<TimedPlan> {
  using laboratory = await openLaboratory(options);
  const plan = await planIn(laboratory, definition);
  const stepSeconds = await timeSteps(laboratory, plan.arms, plan.data);
  return { ...plan, stepSeconds, jobs: laboratory.jobs };
}
