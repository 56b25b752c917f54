import type { Component } from "../../components/component.ts";
import { boolean, choice, integer, number } from "../../components/options.ts";
import { dataForm, orNull } from "./data_forms.ts";
import {
  component,
  either,
  type Form,
  isObject,
  listOf,
  meanings,
  objectOf,
  plain,
  quoted,
  way,
  words,
  wrong,
} from "./forms.ts";
import { baseForm, type GivenBase, pathForm, presetForm, varyForm } from "./model_forms.ts";
import type { AblationMode, Variation } from "./plan.ts";
import type { PresetName } from "./presets.ts";
import type { Budget, Match, Study, Sweep, TrainingSettings } from "./study.ts";

/** A definition as it was read: every form turned into one, what was left out still missing. */
export interface GivenStudy extends Omit<Partial<Study>, "preset" | "base" | "vary" | "training"> {
  /** For editors alone. */
  readonly $schema?: string;
  /** With its preset. */
  readonly base?: GivenBase;
  /** What is varied. */
  readonly vary?: readonly Variation[];
  /** Preset that a path leads to. */
  readonly to?: PresetName;
  /** What was given of it. */
  readonly training?: Partial<TrainingSettings>;
}

/** Settings of a training that are no components: what they may be, and what they are by default. */
export const trainingOptions = {
  batch: integer(16, { min: 1, max: 2 ** 20 }),
  learningRate: number(2e-3, { above: 0 }),
  warmup: number(0.05, { min: 0, max: 1 }),
  clip: number(1, { min: 0 }),
  dropout: number(0, { min: 0, max: 0.99 }),
  smoothing: number(0, { min: 0, max: 0.99 }),
  zLoss: number(0, { min: 0 }),
  order: choice("random", "epoch"),
};

/** Settings of a training that are components, and which by default. */
export const trainingSlots = { schedule: "cosine", optimizer: "adamW" } as const;

/** As {@linkcode trainingOptions}, of a study. */
export const studyOptions = {
  mode: choice<AblationMode>("one-at-a-time", "path", "factorial"),
  seeds: integer(3, { min: 1, max: 1000 }),
  steps: integer(300, { min: 1, max: 2 ** 31 - 1 }),
  evaluations: integer(5, { min: 1, max: 1000 }),
  detect: number(0.01, { above: 0 }),
  alpha: number(0.05, { above: 0, max: 0.5 }),
  costs: boolean(true),
};

/** As {@linkcode trainingOptions}, of matched sizes. */
const matchOptions = {
  by: choice("parameters", "flops"),
  tolerance: number(0.01, { min: 0, max: 0.5 }),
  multipleOf: integer(8, { min: 1, max: 2 ** 20 }),
};
const standardMatch: Match = { by: "parameters", path: "feedForward.hidden", tolerance: 0.01, multipleOf: 8 };

/** A whole definition, for components that are known. */
export function studyForm(known: readonly Component[]): Form<GivenStudy> {
  const { mode, evaluations, alpha, costs } = studyOptions,
    { default: _, ...detect } = plain(studyOptions.detect, "").schema;
  return objectOf<Required<GivenStudy>>({
    $schema: words("For editors alone.", "the address of a JSON Schema"),
    title: words("For headings.", "a text that is not empty"),
    base: baseForm(known),
    to: presetForm("Preset that a path leads to from the base's preset, one component at a time; instead of vary."),
    vary: varyForm(known),
    mode: plain(mode, "How changes are combined: alone, each on top of those before it, or all with all."),
    seeds: seedsForm(),
    budget: budgetForm(),
    match: matchForm(),
    training: trainingForm(known),
    sweep: sweepForm(),
    data: dataForm(known),
    evaluations: plain(evaluations, "Evaluations of each trial, the last one at its end."),
    lengths: listOf(
      plain(integer(1, { min: 1, max: 1024 }), "As many contexts."),
      "Multiples of the context on which trained models are evaluated; text alone. Default: none.",
      { least: 0, distinct: true },
    ),
    target: orNull(
      withoutDefault(plain(number(0), "Loss, or share of a task's answers, whose time of training is told.")),
      "what the base ends at",
    ),
    detect: {
      ...plain(studyOptions.detect, ""),
      schema: {
        ...detect,
        description: "Smallest difference that would matter. Default: 0.01 nats of text, 0.05 of a task.",
      },
    },
    alpha: plain(alpha, "Largest chance of finding a difference where there is none, over all comparisons."),
    costs: plain(costs, "Whether speed and memory are measured."),
  }, "An ablation: a base, what is changed, and how it is trained. Everything may be left out.");
}

function seedsForm(): Form<readonly number[]> {
  const count = plain(studyOptions.seeds, "How many: 1, 2, 3 and so on.");
  const seed = plain(integer(1, { min: 0, max: 2 ** 32 - 1 }), "Of data order and weights.");
  const list = listOf(withoutDefault(seed), "Which.", { distinct: true });
  return either<readonly number[]>("Every arm is trained once with each.", "a whole number or a list of them", [
    way((value) => typeof value === "number", count, (n) => Array.from({ length: n }, (_, i) => i + 1)),
    { takes: Array.isArray, ...list },
  ]);
}

function budgetForm(): Form<Budget> {
  const fields = {
    steps: plain(studyOptions.steps, "The same number of steps for every arm."),
    flops: withoutDefault(
      plain(number(1, { above: 0 }), "The same floating-point operations; cheaper arms make more steps."),
    ),
    seconds: withoutDefault(
      plain(number(1, { above: 0 }), "The same time: steps are timed and their numbers then fixed."),
    ),
  };
  const form = objectOf<Required<Budget>>(fields, "How long each trial trains: one of these.");
  return {
    schema: { ...form.schema, minProperties: 1, maxProperties: 1 },
    read(value, at) {
      const budget = form.read(value, at), given = Object.keys(budget);
      if (given.length === 1) return budget;
      const state = given.length ? `has ${given.map((key) => JSON.stringify(key)).join(" and ")}` : "is {}";
      throw wrong(at, state, `exactly one of ${quoted(Object.keys(fields))}`);
    },
  };
}

function matchForm(): Form<Match | null> {
  const form = objectOf<Match>({
    by: plain(matchOptions.by, "What is counted."),
    path: withDefault(pathForm("The whole number that is chosen for each arm."), standardMatch.path),
    tolerance: plain(matchOptions.tolerance, "Largest deviation from the base, as a share."),
    multipleOf: plain(matchOptions.multipleOf, "Only multiples of it are chosen."),
  }, "Sizes that arms are to have in common.");
  const expected = 'true, "parameters", "flops", null or an object';
  return either<Match | null>("Whether all arms are made the size of the base. Default: null, no.", expected, [
    meanings([
      [true, standardMatch],
      ["parameters", standardMatch],
      ["flops", { ...standardMatch, by: "flops" }],
      [null, null],
    ]),
    way(isObject, form, (given) => ({ ...standardMatch, ...given })),
  ]);
}

function trainingForm(known: readonly Component[]): Form<Partial<TrainingSettings>> {
  const { batch, learningRate, warmup, clip, dropout, smoothing, zLoss, order } = trainingOptions;
  return objectOf<TrainingSettings>({
    batch: plain(batch, "Sequences in a step."),
    learningRate: plain(learningRate, "The largest learning rate."),
    warmup: plain(warmup, "Share of the steps in which it rises to that."),
    schedule: component(known, "schedule", "How it goes on."),
    optimizer: component(known, "optimizer", "What turns gradients into steps."),
    clip: plain(clip, "Norm that gradients are shortened to, 0 for never."),
    dropout: plain(dropout, "Share of attention probabilities, embeddings and what layers add that is dropped."),
    smoothing: plain(smoothing, "Label smoothing."),
    zLoss: plain(zLoss, "Weight of the squared log of the softmax's sum."),
    order: plain(order, "Windows of the text anywhere, or side by side, each once in an epoch."),
  }, "How a trial trains; a task has a batch, a learning rate and a number of steps of its own.");
}

function sweepForm(): Form<Sweep | null> {
  const rate = withoutDefault(plain(number(1, { above: 0 }), "The largest learning rate."));
  const rates = listOf(rate, "To try.", { least: 2, distinct: true });
  const form = objectOf<Sweep>(
    {
      learningRates: rates,
      seeds: plain(
        integer(1, { min: 1, max: 1000 }),
        "How many seeds try each, other ones than those of the comparison.",
      ),
    },
    "Learning rates to try.",
    ["learningRates"],
  );
  return either<Sweep | null>(
    "Learning rates that every arm tries before it is compared. Default: null, the same rate for all.",
    "a list of learning rates, an object or null",
    [
      way(Array.isArray, rates, (learningRates): Sweep => ({ learningRates, seeds: 1 })),
      way(isObject, form, (given): Sweep => ({ seeds: 1, ...given } as Sweep)),
      meanings([[null, null]]),
    ],
  );
}

function withoutDefault<T>(form: Form<T>): Form<T> {
  const { default: _, ...schema } = form.schema;
  return { ...form, schema };
}

function withDefault<T extends string>(form: Form<T>, value: T): Form<T> {
  return { ...form, schema: { ...form.schema, default: value } };
}
