import { VERSION } from "../version.ts";
import { allComponents } from "./budgets.ts";
import { compareArms, summarize } from "./comparisons.ts";
import { type Laboratory, type LaboratoryOptions, openLaboratory } from "./laboratory.ts";
import type { AblationOutcome, ArmOutcome, Metric } from "./outcome.ts";
import { armCosts, timeSteps } from "./kept_measurements.ts";
import { type PlannedArm, planStudy } from "./planned_arms.ts";
import type { Study } from "./study.ts";
import { prepareStudyData, type StudyData } from "./study_data.ts";
import { resolveStudy, type StudyDefinition } from "./study_definition.ts";
import { chooseRates, sweepSeeds, sweptArms } from "./sweep.ts";
import { trialSpecs } from "./trial_specs.ts";

/** Options of {@linkcode ablate}. */
export interface AblateOptions extends LaboratoryOptions {
  /** The command that this is, for the report. */
  readonly command?: string;
}

/** What an ablation is going to do. */
export interface AblationPlan {
  /** Every default filled in. */
  readonly study: Study;
  /** What is learned from. */
  readonly data: StudyData;
  /** The models, and how each is trained; the base first. */
  readonly arms: readonly PlannedArm[];
}

/** See `ablate` of `@tenon/tenon`, which loads this. */
export async function ablate(definition: StudyDefinition, options: AblateOptions): Promise<AblationOutcome> {
  using laboratory = await openLaboratory(options);
  const plan = await planIn(laboratory, definition, options), { study, data } = plan, metric = metricFor(study);
  const { additions, runtime, simd, store, say, threads } = laboratory;
  const setting = { data: data.source, host: { runtime, ...additions }, simd };
  const keys: string[] = [],
    run = async (arms: readonly PlannedArm[], seeds: readonly number[]) => {
      say({ type: "doing", what: "looking at what the code does" });
      const specs = await trialSpecs(arms, seeds, setting), results = await laboratory.run(specs);
      keys.push(...specs.map(({ key }) => key));
      return arms.map((_, i) => results.filter((_, at) => at % arms.length === i));
    };
  let { arms } = plan;
  if (study.sweep) {
    const tried = await run(sweptArms(arms, study.sweep), sweepSeeds(study.sweep));
    arms = chooseRates(arms, study.sweep, tried, metric);
  }
  const runs = await run(arms, study.seeds);
  store.arrange(keys);
  const costs = study.costs ? await armCosts(laboratory, arms, options.folder) : undefined;
  options.signal?.throwIfAborted();
  const outcomes = arms.map((arm, i): ArmOutcome => ({
    ...arm,
    runs: runs[i],
    ...summarize(runs[i], metric),
    ...(costs && { costs: costs[i] }),
  }));
  return {
    title: study.title,
    ...(options.command !== undefined && { command: options.command }),
    study,
    data: data.summary,
    metric,
    code: `${VERSION} ${simd}`,
    machine: `${threads} ${
      threads === 1 ? "thread" : "threads"
    }, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
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
  const plan = await planIn(laboratory, definition, options);
  const stepSeconds = await timeSteps(laboratory, plan.arms, plan.data, options.folder);
  return { ...plan, stepSeconds, jobs: laboratory.jobs };
}

async function planIn(
  laboratory: Laboratory,
  definition: StudyDefinition,
  { folder }: LaboratoryOptions,
): Promise<AblationPlan> {
  const { additions, say } = laboratory, components = allComponents(additions);
  const study = resolveStudy(definition, { components });
  const context = study.base.context as number;
  const data = await prepareStudyData(study, {
    folder: `${folder}/data`,
    components,
    context: context * Math.max(1, ...study.lengths),
    progress: (what) => say({ type: "doing", what }),
  });
  const arms = await planStudy(study, data, additions, (arms) => timeSteps(laboratory, arms, data, folder));
  return { study, data, arms };
}

/** What arms are compared by. */
export function metricFor({ data }: Pick<Study, "data">): Metric {
  return "task" in data
    ? { key: "exactMatch", label: "exact match", unit: "", better: "higher" }
    : { key: "loss", label: "validation loss", unit: "nats per token", better: "lower" };
}
