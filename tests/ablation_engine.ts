/** Ablations so small that they take a moment: texts, studies, trials. */
import { componentsOf } from "../model/additions.ts";
import { ablate, type AblateOptions } from "../model/ablation/ablate.ts";
import type { AblationEvent } from "../model/ablation/laboratory.ts";
import type { AblationOutcome, TrialResult } from "../model/ablation/outcome.ts";
import { type PlannedArm, planStudy } from "../model/ablation/planned_arms.ts";
import { prepareStudyData } from "../model/ablation/study_data.ts";
import { resolveStudy, type StudyDefinition } from "../model/ablation/study_definition.ts";
import type { TrialSpec } from "../model/ablation/trial.ts";
import { trialSpecs } from "../model/ablation/trial_specs.ts";
import type { Component } from "../components/component.ts";
import { createRandom } from "../model/random.ts";
import type { Plugin } from "../model/plugin.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { inFolder } from "./disks.ts";

/** Words in an order that can be learned a little. */
export function story(lines = 120, seed = 1): string {
  const random = createRandom(seed, "story"), names = ["Ann", "Bob", "the cat", "a dog"], verbs = ["sees", "likes"];
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)];
  return Array.from({ length: lines }, () => `${pick(names)} ${pick(verbs)} ${pick(names)}.\n`).join("");
}

/** A folder with a text, `story.txt`. */
export function withStory<T>(f: (folder: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/story.txt`, story());
    return await f(folder);
  });
}

/** What most of the studies vary: two arms. */
export const norms = { norm: ["layerNorm"] };

/** A study of {@linkcode withStory}'s text: one block, eight tokens, four steps, the base alone. */
export function tinyStudy(folder: string, others: StudyDefinition = {}): StudyDefinition {
  const { base, training, ...rest } = others;
  return {
    base: { dim: 16, depth: 1, heads: 2, context: 8, ...(base as object) },
    training: { batch: 4, learningRate: 0.02, ...training },
    data: `${folder}/story.txt`,
    seeds: 2,
    evaluations: 2,
    budget: { steps: 4 },
    costs: false,
    ...rest,
  };
}

/** What an ablation did. */
export interface Watched {
  readonly outcome: AblationOutcome;
  /** `base 1` for each trial that ran, sorted. */
  readonly ran: readonly string[];
  /** The bytes of `results.jsonl`. */
  readonly lines: string;
}

/** {@linkcode ablate} in `out` of a folder, with one thread, and what it trained. */
export async function watched(
  folder: string,
  definition: StudyDefinition,
  options: Partial<AblateOptions> = {},
): Promise<Watched> {
  const ran: string[] = [], out = `${folder}/out`;
  const onEvent = (event: AblationEvent) => {
    if (event.type === "result") ran.push(`${event.spec.arm} ${event.spec.seed}`);
    options.onEvent?.(event);
  };
  const outcome = await ablate(definition, { folder: out, threads: 1, ...options, onEvent });
  return { outcome, ran: ran.sort(), lines: linesIn(options.folder ?? out) };
}

/** The text of a folder's results. */
export function linesIn(folder: string): string {
  return Deno.readTextFileSync(`${folder}/results.jsonl`);
}

/** Results as an object by arm and seed: `base 1`. */
export function byTrial(results: readonly TrialResult[]): Record<string, TrialResult> {
  return Object.fromEntries(results.map((result) => [`${result.arm} ${result.seed}`, result]));
}

/** Additions and a runtime that trials are planned with. */
export interface TrialHostParts {
  readonly runtime: Runtime;
  readonly components?: readonly Component[];
  readonly plugins?: readonly Plugin[];
}

/** The arms of a study whose budget is no time, and the trials that train them, ready to run. */
export async function plannedTrials(
  folder: string,
  definition: StudyDefinition,
  { runtime, components = [], plugins = [] }: TrialHostParts,
): Promise<{ arms: PlannedArm[]; specs: TrialSpec[] }> {
  const all = componentsOf({ components, plugins });
  const study = resolveStudy(definition, { components: all }), context = study.base.context as number;
  const options = { folder: `${folder}/data`, components: all, context: context * Math.max(1, ...study.lengths) };
  const data = await prepareStudyData(study, options), additions = { components, plugins };
  const arms = await planStudy(study, data, additions, () => Promise.resolve([])), host = { runtime, ...additions };
  return { arms, specs: await trialSpecs(arms, study.seeds, { data: data.source, host, build: "baseline" }) };
}

/** A norm that only scales, by `factor`: what it computes is no part of its name. */
export function scalingNorm(factor: number): Component<"norm", "scaling", Record<never, never>> {
  return {
    slot: "norm",
    type: "scaling",
    options: {},
    build: (_, { ops }) => ({ forward: (x) => ops.scale(x, factor) }),
  };
}
