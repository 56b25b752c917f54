import { componentsOf } from "../additions.ts";
import { timeSteps } from "./kept_measurements.ts";
import type { Laboratory } from "./laboratory.ts";
import type { Metric } from "./outcome.ts";
import { type PlannedArm, planStudy } from "./planned_arms.ts";
import type { Study } from "./study.ts";
import { prepareStudyData, type StudyData } from "./study_data.ts";
import { resolveStudy, type StudyDefinition } from "./study_definition.ts";

/** What an ablation is going to do. */
export interface AblationPlan {
  /** Every default filled in. */
  readonly study: Study;
  /** What is learned from. */
  readonly data: StudyData;
  /** The models, and how each is trained; the base first. */
  readonly arms: readonly PlannedArm[];
}

/** Plans what a definition asks for, and prepares its data; `others` take the place of what it says. */
export async function planIn(
  laboratory: Laboratory,
  definition: StudyDefinition,
  others: Partial<Study> = {},
): Promise<AblationPlan> {
  const { folder, additions, say } = laboratory, components = componentsOf(additions);
  const study = { ...resolveStudy(definition, { components }), ...others };
  const data = await prepareStudyData(study, {
    folder: `${folder}/data`,
    components,
    context: Math.max(...contextsOf(study)) * Math.max(1, ...study.lengths),
    progress: (what) => say({ type: "doing", what }),
  });
  const arms = await planStudy(study, data, additions, (arms) => timeSteps(laboratory, arms, data));
  return { study, data, arms };
}

/** Contexts of the arms, that of the base first. */
function contextsOf({ base, vary }: Study): number[] {
  const varied = vary.flatMap(({ path, values }) => path === "context" ? values : []);
  return [base.context, ...varied] as number[];
}

/** What arms are compared by. */
export function metricFor({ data }: Pick<Study, "data">): Metric {
  return "task" in data
    ? { key: "exactMatch", label: "exact match", unit: "", better: "higher" }
    : { key: "loss", label: "validation loss", unit: "nats per token", better: "lower" };
}
