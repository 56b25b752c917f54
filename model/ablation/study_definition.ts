import { builtins } from "../../components/builtins.ts";
import type { Component } from "../../components/component.ts";
import type { Json } from "../../components/options.ts";
import { type ModelConfig, resolveComponent } from "../config.ts";
import { expectJson } from "../json.ts";
import { defaultData, makeTask } from "./data_forms.ts";
import { inside, type Place, placed, within, wrong } from "./forms.ts";
import { defaultSizes, type GivenBase } from "./model_forms.ts";
import { type Arm, planArms } from "./plan.ts";
import { presetConfig, type PresetName, presetPath, presets } from "./presets.ts";
import type { Budget, Match, Study, Sweep, TrainingSettings } from "./study.ts";
import { type GivenStudy, studyForm, studyOptions, trainingOptions, trainingSlots } from "./study_forms.ts";
import type { Task } from "./tasks/mod.ts";

/** A component as a definition names it: its name, or an object with its name as `type` and some of its options. */
export type ComponentChoice = string | { readonly type: string; readonly [option: string]: Json };

/** The base of a definition: a config without `vocab`, which the data decides; all of it may be left out. */
export interface BaseDefinition {
  /** What it begins with; by default a config's own defaults. */
  readonly preset?: PresetName;
  /** A size. Default: 64, of a task what its model has. */
  readonly context?: number;
  /** A size. Default: 64. */
  readonly dim?: number;
  /** A size. Default: 2. */
  readonly depth?: number;
  /** A size. Default: 4. */
  readonly heads?: number;
  /** Default: `true`. */
  readonly tied?: boolean;
  /** See `ModelConfig`. */
  readonly position?: ComponentChoice;
  /** See `ModelConfig`. */
  readonly norm?: ComponentChoice | readonly ComponentChoice[];
  /** See `ModelConfig`. */
  readonly attention?: ComponentChoice | readonly ComponentChoice[];
  /** See `ModelConfig`. */
  readonly feedForward?: ComponentChoice | readonly ComponentChoice[];
  /** See `ModelConfig`. */
  readonly block?: ComponentChoice | readonly ComponentChoice[];
  /** Default: `"normal"`, of a task what its model has. */
  readonly init?: ComponentChoice;
}

/** Settings of a training as a definition has them. */
export interface TrainingDefinition extends Partial<Omit<TrainingSettings, "schedule" | "optimizer">> {
  /** Default: `"cosine"`. */
  readonly schedule?: ComponentChoice;
  /** Default: `"adamW"`. */
  readonly optimizer?: ComponentChoice;
}

/** Data as a definition has it. A text is a path, unless it is exactly the name of a task. */
export type DataDefinition =
  | string
  | readonly string[]
  | {
    /** Text files and folders. */
    readonly files: string | readonly string[];
    /** Default: `null`, by the size of the text. */
    readonly tokenizer?: ComponentChoice | null;
    /** Share that is held back. Default: `null`, a tenth, less of much text. */
    readonly validation?: number | null;
  }
  | {
    /** `"associative recall"` or `"associativeRecall"`. */
    readonly task: string;
    /** Some of its options. */
    readonly options?: Readonly<Record<string, number>>;
    /** Questions of an evaluation. Default: 1024. */
    readonly questions?: number;
  };

/** What is varied as a definition has it: an object of lists, or a list with texts as `parseVary` reads them. */
export type VaryDefinition =
  | { readonly [path: string]: readonly Json[] }
  | readonly (string | { readonly path: string; readonly values: readonly Json[] })[];

/** What a JSON file may say of an ablation. Everything may be left out; {@linkcode resolveStudy} fills it in. */
export interface StudyDefinition {
  /** For editors alone. */
  readonly $schema?: string;
  /** Default: what is varied. */
  readonly title?: string;
  /** A preset's name, or a config without `vocab`. */
  readonly base?: PresetName | BaseDefinition;
  /** Preset that a path leads to from the base's, one component at a time; instead of `vary`. */
  readonly to?: PresetName;
  /** What is changed. Default: nothing, the base alone. */
  readonly vary?: VaryDefinition;
  /** Default: `"one-at-a-time"`, with `to` `"path"`. */
  readonly mode?: Study["mode"];
  /** How many (1, 2, …), or which. Default: 3. */
  readonly seeds?: number | readonly number[];
  /** One of its fields. Default: 300 steps, of a task its own number. */
  readonly budget?: Budget;
  /** `true` is `"parameters"`. Default: `null`, sizes are not matched. */
  readonly match?: true | Match["by"] | Partial<Match> | null;
  /** Some of its fields. */
  readonly training?: TrainingDefinition;
  /** Learning rates to try. Default: `null`; of seeds: 1. */
  readonly sweep?: readonly number[] | (Pick<Sweep, "learningRates"> & Partial<Sweep>) | null;
  /** Default: the task associative recall. */
  readonly data?: DataDefinition;
  /** Default: 5. */
  readonly evaluations?: number;
  /** Of text alone. Default: none. */
  readonly lengths?: readonly number[];
  /** Default: `null`, what the base ends at. */
  readonly target?: number | null;
  /** Default: 0.01 nats of text, 0.05 of a task's answers. */
  readonly detect?: number;
  /** Default: 0.05. */
  readonly alpha?: number;
  /** Default: `true`. */
  readonly costs?: boolean;
}

/** Options of {@linkcode resolveStudy}. */
export interface ResolveOptions {
  /** Components beside those built in. */
  readonly components?: readonly Component[];
  /** Name of the file that the definition is from, for messages. */
  readonly where?: string;
}

/** Number of tokens that a plan is checked with before the data is read: components do not depend on it. */
const ANY_VOCAB = 256;

/**
 * Checks a {@linkcode StudyDefinition} and fills in every default. No data is read, but every arm is planned, so that a
 * component that cannot be built is found here. Throws a `TypeError` that names the file and the field, what it is and what
 * it may be; no unknown key is passed over.
 */
export function resolveStudy(definition: unknown, { components = [], where }: ResolveOptions = {}): Study {
  const at: Place = { where, path: "" }, known = [...builtins, ...components];
  within(at, /^Cannot read (it\.)?/, () => expectJson("it", definition, "read"));
  const given = studyForm(known).read(definition, at), { budget, match = null, sweep = null } = given;
  const data = given.data ?? defaultData, task = "task" in data ? makeTask(data) : undefined;
  const { preset = null, ...base } = given.base ?? {} as GivenBase;
  const standard = (slot: keyof typeof trainingSlots) =>
    resolveComponent(known, slot, trainingSlots[slot], slot).config;
  const study: Study = {
    title: given.title ?? titleOf(given, preset),
    preset,
    base: { ...(task ? taskBase(task) : defaultSizes), ...base },
    ...variations(given, preset, at),
    seeds: given.seeds ?? Array.from({ length: studyOptions.seeds.default }, (_, i) => i + 1),
    budget: budget ?? { steps: task?.training.steps ?? studyOptions.steps.default },
    match,
    training: {
      ...Object.fromEntries(Object.entries(trainingOptions).map(([name, option]) => [name, option.default])),
      schedule: standard("schedule"),
      optimizer: standard("optimizer"),
      ...(task && { batch: task.training.batch, learningRate: task.training.learningRate }),
      ...given.training,
    } as TrainingSettings,
    sweep,
    data,
    evaluations: given.evaluations ?? studyOptions.evaluations.default,
    lengths: given.lengths ?? [],
    target: given.target ?? null,
    detect: given.detect ?? (task ? 0.05 : studyOptions.detect.default),
    alpha: given.alpha ?? studyOptions.alpha.default,
    costs: given.costs ?? studyOptions.costs.default,
  };
  if (task && study.lengths.length) {
    throw wrong(inside(at, "lengths"), `is ${JSON.stringify(study.lengths)}`, "none, as the data is a task");
  }
  expectPlan(study, task, components, { where, path: given.to ? "to" : "vary" });
  return study;
}

/** The config that a study compares everything with, once its data has said how many tokens there are. */
export function studyBase({ preset, base }: Pick<Study, "preset" | "base">, vocab: number): ModelConfig {
  const config = { ...base, vocab } as unknown as ModelConfig;
  return preset === null ? config : presetConfig(preset, config, config);
}

/** The definition that resolves to `study`: what a file must hold to repeat it. */
export function definitionOfStudy({ preset, base, vary, ...study }: Study): StudyDefinition {
  const begin: BaseDefinition = preset === null ? {} : { preset };
  return { ...study, base: { ...begin, ...base }, ...(vary.length && { vary }) } as StudyDefinition;
}

/** What a task's own model says, but for its tokens. */
function taskBase({ model: { context, dim, depth, heads, init } }: Task): Study["base"] {
  return { context, dim, depth, heads, init: init as Json };
}

function titleOf({ to, vary }: GivenStudy, preset: PresetName | null): string {
  if (to !== undefined) return `From ${preset} to ${to}`;
  return vary ? `Ablation of ${vary.map(({ path }) => path).join(", ")}` : "The base alone";
}

function variations(
  { to, vary, mode }: GivenStudy,
  preset: PresetName | null,
  at: Place,
): Pick<Study, "vary" | "mode"> {
  if (to === undefined) return { vary: vary ?? [], mode: mode ?? studyOptions.mode.default };
  if (vary) throw wrong(at, 'has "to" and "vary"', "one of them");
  if (mode !== undefined && mode !== "path") {
    throw wrong(inside(at, "mode"), `is ${JSON.stringify(mode)}`, '"path" or nothing beside "to"');
  }
  if (preset === null) throw wrong(at, 'has "to", and base has no "preset"', "a preset that the path begins with");
  const changes = presetPath(preset, to);
  if (!changes.length) {
    const others = Object.keys(presets).filter((name) => name !== preset).map((name) => JSON.stringify(name));
    throw wrong(inside(at, "to"), `is ${JSON.stringify(to)}, which the base begins with`, others.join(" or "));
  }
  return { vary: changes.map(({ path, value }) => ({ path, values: [value] })), mode: "path" };
}

/** Throws where an arm cannot be built, or has no room for a task. */
function expectPlan(study: Study, task: Task | undefined, components: readonly Component[], at: Place): void {
  const top: Place = { ...at, path: "" };
  const base = studyBase(study, task?.vocab ?? ANY_VOCAB);
  const ofBase = /^Cannot plan arm "base": /;
  let arms: Arm[];
  try {
    arms = planArms({ base, vary: study.vary, mode: study.mode }, components);
  } catch (error) {
    const isBase = ofBase.test((error as Error).message);
    throw placed(isBase ? inside(top, "base") : at, isBase ? ofBase : /^Cannot plan (an ablation: )?/, error);
  }
  const small = task && arms.find(({ config }) => config.context < task.context);
  if (!small) return;
  const expected = `at least ${task.context} for the task "${task.name}"`;
  if (small === arms[0]) throw wrong(inside(inside(top, "base"), "context"), `is ${small.config.context}`, expected);
  throw wrong(at, `has an arm ${JSON.stringify(small.name)} with a context of ${small.config.context}`, expected);
}
