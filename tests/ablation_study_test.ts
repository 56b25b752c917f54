import { Ajv2020 } from "ajv/2020";
import type { Component } from "../components/component.ts";
import { number } from "../components/options.ts";
import { rmsNorm } from "../components/norms/rms_norm.ts";
import { planArms } from "../model/ablation/plan.ts";
import { presetConfig } from "../model/ablation/presets.ts";
import {
  definitionOfStudy,
  type ResolveOptions,
  resolveStudy,
  studyBase,
  type StudyDefinition,
} from "../model/ablation/study_definition.ts";
import { studySchema } from "../model/ablation/study_schema.ts";
import type { Study } from "../model/ablation/study.ts";
import { tasks } from "../model/ablation/tasks/mod.ts";
import { defaultDefinition } from "../plugins/cli/ablate_default.ts";
import { definitionOf } from "../plugins/cli/ablate_definition.ts";
import { ablateFlags } from "../plugins/cli/ablate_flags.ts";
import { flagHelp, parseFlags, UsageError } from "../plugins/cli/flags.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

/** Whether the schema accepts what a file would hold. */
function validator(components: readonly Component[] = []): (definition: unknown) => boolean {
  const compiled = new Ajv2020({ strict: true, strictRequired: false }).compile(
    { ...studySchema(components) },
  );
  return (definition) => compiled(JSON.parse(JSON.stringify(definition)));
}

const fits = validator();
const range = [1, 2, 3];
const adamW = { type: "adamW", beta1: 0.9, beta2: 0.95, eps: 1e-8, decay: 0.1, decayEmbeddings: true };
const text = { files: ["a.txt"], tokenizer: null, validation: null };
const recall = { task: "associative recall", options: { keys: 8, values: 8, pairs: 4 }, questions: 1024 };
const standardMatch = { by: "parameters", path: "feedForward.hidden", tolerance: 0.01, multipleOf: 8 };
const training = {
  batch: 16,
  learningRate: 2e-3,
  warmup: 0.05,
  clip: 1,
  dropout: 0,
  smoothing: 0,
  zLoss: 0,
  order: "random",
  schedule: { type: "cosine", floor: 0.1 },
  optimizer: adamW,
} as const;

Deno.test("a study of text: every default", () => {
  assertEquals(resolveStudy({ data: "a.txt", vary: { norm: ["layerNorm"] } }), {
    title: "Ablation of norm",
    preset: null,
    base: { context: 64, dim: 64, depth: 2, heads: 4 },
    vary: [{ path: "norm", values: ["layerNorm"] }],
    mode: "one-at-a-time",
    seeds: range,
    budget: { steps: 300 },
    match: null,
    training,
    sweep: null,
    data: text,
    evaluations: 5,
    lengths: [],
    detect: 0.01,
    target: null,
    alpha: 0.05,
    costs: true,
  });
});

Deno.test("a study of a task: what its own model and training say, where nothing else does", () => {
  for (const make of tasks) {
    const task = make(), { name, model, options } = task;
    const study = resolveStudy({ data: name });
    assertEquals(study.data, { task: name, options, questions: 1024 });
    assertEquals({ ...study.base, vocab: task.vocab }, { ...model } as Study["base"]);
    assertEquals(study.budget, { steps: task.training.steps });
    const { batch, learningRate } = task.training;
    assertEquals(study.training, { ...training, batch, learningRate });
    assertEquals([study.detect, study.vary, study.title], [0.05, [], "The base alone"]);
  }
  const { base, budget, training: given, data } = resolveStudy({
    base: { preset: "gpt2", dim: 32, init: "normal" },
    data: { task: "copy", options: { longest: 20 }, questions: 64 },
    training: { batch: 8 },
    budget: { seconds: 2 },
  });
  assertEquals(base, { context: 41, dim: 32, depth: 2, heads: 4, init: "normal" });
  assertEquals([budget, given.batch, given.learningRate], [{ seconds: 2 }, 8, 3e-3]);
  assertEquals(data, { task: "copy", options: { symbols: 16, shortest: 4, longest: 20 }, questions: 64 });
});

/** Every form of a definition beside what it stands for. */
const forms: readonly (readonly [StudyDefinition, Partial<Study>])[] = [
  [{}, { data: recall, vary: [] }],
  [{ $schema: "study.schema.json" }, { title: "The base alone" }],
  [{ title: "A" }, { title: "A" }],
  [{ base: "gpt2", data: "a.txt" }, { preset: "gpt2", base: { context: 64, dim: 64, depth: 2, heads: 4 } }],
  [{ base: { preset: "vaswani", dim: 32, tied: false }, data: "a.txt" }, {
    preset: "vaswani",
    base: { context: 64, dim: 32, depth: 2, heads: 4, tied: false },
  }],
  [{ base: { norm: ["rmsNorm", { type: "layerNorm", bias: false }], position: "alibi" }, data: "a.txt" }, {
    base: {
      context: 64,
      dim: 64,
      depth: 2,
      heads: 4,
      norm: ["rmsNorm", { type: "layerNorm", bias: false }],
      position: "alibi",
    },
  }],
  [{ base: { position: { type: "rope", scaling: { type: "linear", factor: 2 } } } }, { preset: null }],
  [{ vary: { norm: ["layerNorm", ["rmsNorm", "none"]], dim: [32], tied: [false] } }, {
    vary: [
      { path: "norm", values: ["layerNorm", ["rmsNorm", "none"]] },
      { path: "dim", values: [32] },
      { path: "tied", values: [false] },
    ],
    title: "Ablation of norm, dim, tied",
  }],
  [{ base: { norm: ["rmsNorm", "none"] }, vary: { "norm[1]": ["layerNorm"], "feedForward.hidden": [8, null] } }, {
    vary: [{ path: "norm[1]", values: ["layerNorm"] }, { path: "feedForward.hidden", values: [8, null] }],
  }],
  [{ vary: ['feedForward={"type":"gelu","hidden":8},relu', { path: "depth", values: [1] }], mode: "factorial" }, {
    vary: [{ path: "feedForward", values: [{ type: "gelu", hidden: 8 }, "relu"] }, { path: "depth", values: [1] }],
    mode: "factorial",
  }],
  [{ base: "vaswani", to: "llama" }, {
    vary: [
      { path: "norm", values: ["rmsNorm"] },
      { path: "block", values: ["preNorm"] },
      { path: "position", values: ["rope"] },
      { path: "feedForward", values: ["swiglu"] },
    ],
    mode: "path",
    title: "From vaswani to llama",
  }],
  [{ base: { preset: "llama" }, to: "gpt2", mode: "path" }, { mode: "path", title: "From llama to gpt2" }],
  [{ seeds: 1 }, { seeds: [1] }],
  [{ seeds: [7, 0] }, { seeds: [7, 0] }],
  [{ budget: { flops: 1e12 } }, { budget: { flops: 1e12 } }],
  [{ match: true }, { match: standardMatch } as Partial<Study>],
  [{ match: "parameters" }, { match: standardMatch } as Partial<Study>],
  [{ match: "flops" }, { match: { ...standardMatch, by: "flops" } }],
  [{ match: {} }, { match: standardMatch } as Partial<Study>],
  [{ match: { path: "dim", multipleOf: 1 } }, {
    match: { by: "parameters", path: "dim", tolerance: 0.01, multipleOf: 1 },
  }],
  [{ match: null, sweep: null }, { match: null, sweep: null }],
  [{ data: "a.txt", training: { schedule: "constant", optimizer: { type: "adamW", decay: 0 }, clip: 0 } }, {
    training: { ...training, clip: 0, schedule: { type: "constant" }, optimizer: { ...adamW, decay: 0 } },
  }],
  [{ sweep: [1e-3, 2e-3] }, { sweep: { learningRates: [1e-3, 2e-3], seeds: 1 } }],
  [{ sweep: { learningRates: [1e-3, 2e-3], seeds: 2 } }, { sweep: { learningRates: [1e-3, 2e-3], seeds: 2 } }],
  [{ data: ["a.txt"] }, { data: text }],
  [{ data: { files: "a.txt" } }, { data: text }],
  [{ data: { files: ["a.txt", "b"], tokenizer: "bytes", validation: 0.2 } }, {
    data: { files: ["a.txt", "b"], tokenizer: { type: "bytes" }, validation: 0.2 },
  }],
  [{ data: { files: "copy" } }, { data: { ...text, files: ["copy"] } }],
  [{ data: "associativeRecall" }, { data: recall }],
  [{ data: { task: "modularAddition", options: { modulus: 7 } } }, {
    data: { task: "modular addition", options: { modulus: 7, validation: 0.2, split: 0 }, questions: 1024 },
  }],
  [{ data: "a.txt", lengths: [1, 4], evaluations: 2, target: 1.5, detect: 0.5, alpha: 0.01, costs: false }, {
    lengths: [1, 4],
    evaluations: 2,
    detect: 0.5,
    target: 1.5,
    alpha: 0.01,
    costs: false,
  }],
];

Deno.test("every form of a definition: what it stands for, in the schema, and again from what it resolved to", () => {
  for (const [definition, expected] of forms) {
    const study = resolveStudy(definition), shown = JSON.stringify(definition);
    for (const key of Object.keys(expected) as (keyof Study)[]) assertEquals(study[key], expected[key], shown);
    assert(fits(definition), shown);
    const whole = definitionOfStudy(study);
    assert(fits(whole), `whole: ${shown}`);
    assertEquals(resolveStudy(JSON.parse(JSON.stringify(whole))), study, shown);
  }
});

Deno.test("the base of a study: its preset, what it says itself over that, and the tokens", () => {
  const sizes = { vocab: 11, context: 64, dim: 64, depth: 2, heads: 4 };
  const study = resolveStudy({ base: { preset: "vaswani", norm: "none" }, to: "llama", data: "a.txt" });
  assertEquals(studyBase(study, 11), presetConfig("vaswani", sizes, { norm: "none" }));
  assertEquals(studyBase(resolveStudy({ data: "a.txt" }), 11), sizes);
  assertEquals(planArms({ base: studyBase(study, 11), vary: study.vary, mode: study.mode }).map((arm) => arm.name), [
    "base",
    "+ norm=rmsNorm",
    "+ block=preNorm",
    "+ position=rope",
    "+ feedForward=swiglu",
  ]);
});

const known =
  '"$schema", "title", "base", "to", "vary", "mode", "seeds", "budget", "match", "training", "sweep", "data", ' +
  '"evaluations", "lengths", "target", "detect", "alpha", "costs"';
const fields =
  '"context", "dim", "depth", "heads", "tied", "stem", "position", "norm", "attention", "queryKey", "scores", "feedForward", "block", "head", "init"';
const settings =
  '"batch", "learningRate", "warmup", "schedule", "optimizer", "clip", "dropout", "smoothing", "zLoss", "order"';
const taskNames = '"copy", "reverse", "sort", "associative recall", "induction", "modular addition", "dyck"';

/** What is wrong in itself, so that the schema refuses it too. */
const wrongShapes: readonly (readonly [definition: unknown, message: string])[] = [
  [5, `it is 5, expected an object with some of ${known}`],
  [{ steps: 3 }, `it has "steps", expected ${known}`],
  [{ $schema: 5 }, "$schema is 5, expected the address of a JSON Schema"],
  [{ title: "" }, 'title is "", expected a text that is not empty'],
  [{ base: "bert" }, 'base is "bert", expected "vaswani" or "gpt2" or "llama"'],
  [{ base: 3 }, "base is 3, expected the name of a preset or an object"],
  [{ base: { preset: "bert" } }, 'base.preset is "bert", expected "vaswani" or "gpt2" or "llama"'],
  [{ base: { width: 64 } }, `base has "width", expected "preset", ${fields}`],
  [{ base: { vocab: 100 } }, `base has "vocab", which the data decides, expected "preset", ${fields}`],
  [{ base: { dim: "64" } }, 'base.dim is "64", expected a whole number from 1 up to 1048576'],
  [
    { base: { norm: "batchNorm" } },
    'base.norm: unknown type "batchNorm", expected one of "layerNorm", "rmsNorm", "none"',
  ],
  [
    { base: { norm: { type: "rmsNorm", epsilon: 1 } } },
    'base.norm: "rmsNorm" has no option "epsilon", expected "eps", "weight", "offset"',
  ],
  [
    { base: { norm: ["none", { type: "rmsNorm", eps: -1 }] } },
    "base.norm[1].eps: current value is -1, expected a number from 0",
  ],
  [{ base: { norm: [] } }, "base.norm is [], expected a list that is not empty"],
  [
    { base: { stem: ["plain"] } },
    'base.stem: unknown type ["plain"], expected one of "plain"',
  ],
  [{ vary: 5 }, "vary is 5, expected an object of lists, or a list"],
  [{ vary: {} }, "vary is {}, expected at least one path"],
  [{ vary: [] }, "vary is [], expected a list that is not empty"],
  [{ vary: { norm: "rmsNorm" } }, 'vary.norm is "rmsNorm", expected a list that is not empty'],
  [{ vary: { "norm.eps": [] } }, 'vary["norm.eps"] is [], expected a list that is not empty'],
  [{ vary: { vocab: [8] } }, `vary has "vocab", expected a path that begins with ${fields}`],
  [{ vary: { "dim.x": [1] } }, `vary has "dim.x", expected a path that begins with ${fields}`],
  [
    { vary: { norm: ["batchNorm"] } },
    'vary: arm "norm=batchNorm": norm: unknown type "batchNorm", expected one of "layerNorm", "rmsNorm", "none"',
  ],
  [
    { vary: { dim: [0] } },
    'vary: arm "dim=0": dim: current value is 0, expected a whole number from 1 up to 1048576',
  ],
  [{ vary: [3] }, 'vary[0] is 3, expected an object with "path" and "values", or a text such as "norm=rmsNorm"'],
  [
    { vary: ["norm"] },
    'vary[0]: "norm": the text ends at character 5, expected "=" and values, as in norm=layerNorm,rmsNorm',
  ],
  [{ vary: ["nrm=a"] }, `vary[0] is "nrm=a", expected a path that begins with ${fields}`],
  [{ vary: [{ path: "norm" }] }, 'vary[0] has no "values", expected "path", "values"'],
  [
    { vary: [{ path: "norm", values: ["none"], value: 1 }] },
    'vary[0] has "value", expected "path", "values"',
  ],
  [{ base: "vaswani", to: "bert" }, 'to is "bert", expected "vaswani" or "gpt2" or "llama"'],
  [{ base: "vaswani", to: "llama", vary: { norm: ["none"] } }, 'it has "to" and "vary", expected one of them'],
  [{ to: "llama" }, 'it has "to", and base has no "preset", expected a preset that the path begins with'],
  [
    { base: { dim: 64 }, to: "llama" },
    'it has "to", and base has no "preset", expected a preset that the path begins with',
  ],
  [
    { base: "vaswani", to: "llama", mode: "factorial" },
    'mode is "factorial", expected "path" or nothing beside "to"',
  ],
  [{ mode: "all" }, 'mode is "all", expected "one-at-a-time" or "path" or "factorial"'],
  [{ seeds: 0 }, "seeds is 0, expected a whole number from 1 up to 1000"],
  [{ seeds: "3" }, 'seeds is "3", expected a whole number or a list of them'],
  [{ seeds: [1, 1] }, "seeds[1] is 1 again, expected each of the list once"],
  [{ seeds: [1, -2] }, "seeds[1] is -2, expected a whole number from 0 up to 4294967295"],
  [{ budget: 300 }, 'budget is 300, expected an object with some of "steps", "flops", "seconds"'],
  [{ budget: {} }, 'budget is {}, expected exactly one of "steps", "flops", "seconds"'],
  [
    { budget: { steps: 1, flops: 1 } },
    'budget has "steps" and "flops", expected exactly one of "steps", "flops", "seconds"',
  ],
  [{ budget: { flops: 0 } }, "budget.flops is 0, expected a number above 0"],
  [{ match: false }, 'match is false, expected true, "parameters", "flops", null or an object'],
  [{ match: { by: "size" } }, 'match.by is "size", expected "parameters" or "flops"'],
  [{ match: { path: "hidden" } }, `match.path is "hidden", expected a path that begins with ${fields}`],
  [{ match: { tolerance: 1 } }, "match.tolerance is 1, expected a number from 0 up to 0.5"],
  [{ training: { lr: 0.001 } }, `training has "lr", expected ${settings}`],
  [{ training: { batch: 1.5 } }, "training.batch is 1.5, expected a whole number from 1 up to 1048576"],
  [{ training: { order: "shuffled" } }, 'training.order is "shuffled", expected "random" or "epoch"'],
  [
    { training: { optimizer: "adam" } },
    'training.optimizer: unknown type "adam", expected one of "adamW", "sgd", "lion", "adafactor", "muon"',
  ],
  [
    { training: { schedule: { type: "cosine", floor: 2 } } },
    "training.schedule.floor: current value is 2, expected a number from 0 up to 1",
  ],
  [{ sweep: [0.001] }, "sweep is [0.001], expected a list of at least 2"],
  [{ sweep: { seeds: 2 } }, 'sweep has no "learningRates", expected "learningRates"'],
  [
    { data: 5 },
    `data is 5, expected a path, a list of paths, the name of a task (${taskNames}) or an object with "files" or "task"`,
  ],
  [{ data: "" }, 'data is "", expected a path that is not empty'],
  [{ data: ["a", 3] }, "data[1] is 3, expected a path that is not empty"],
  [{ data: {} }, 'data has no "files", expected "files"'],
  [{ data: { files: "a", task: "copy" } }, 'data has "files", expected "task", "options", "questions"'],
  [
    { data: { files: "a", tokenizer: "words" } },
    'data.tokenizer: unknown type "words", expected one of "characters", "bytes", "byteLevelBpe"',
  ],
  [{ data: { files: "a", validation: 0 } }, "data.validation is 0, expected a number above 0 up to 0.9"],
  [{ data: { task: "paste" } }, `data.task is "paste", expected ${taskNames}`],
  [
    { data: { task: "copy", options: { pairs: 3 } } },
    'data.options: it has no option "pairs", expected symbols, shortest, longest',
  ],
  [{ data: { task: "copy", options: 3 } }, "data.options is 3, expected an object"],
  [{ lengths: 3 }, "lengths is 3, expected a list"],
  [{ lengths: [2, 2] }, "lengths[1] is 2 again, expected each of the list once"],
  [{ alpha: 1 }, "alpha is 1, expected a number above 0 up to 0.5"],
  [{ target: "1.5" }, 'target is "1.5", expected a number'],
  [{ costs: "no" }, 'costs is "no", expected true or false'],
];

/** What is wrong in how parts go together, which a schema does not see. */
const wrongTogether: readonly (readonly [definition: unknown, message: string])[] = [
  [{ base: { dim: 30 } }, "base: blocks.0.attention: heads 4 does not divide dim 30: set attention.headDim"],
  [
    { vary: { dim: [30] } },
    'vary: arm "dim=30": blocks.0.attention: heads 4 does not divide dim 30: set attention.headDim',
  ],
  [
    { vary: { "norm.epsilon": [1] } },
    'vary: arm "norm.epsilon=1": norm: "rmsNorm" has no option "epsilon", expected "eps", "weight", "offset"',
  ],
  [{ vary: ["norm=layerNorm", "norm=none"] }, "vary: norm is varied twice, expected each path once"],
  [
    { base: { preset: "vaswani", dim: 12 }, to: "llama" },
    'to: arm "+ position=rope": position: "rope" turns pairs of channels, but attention.headDim is 3',
  ],
  [
    { base: "llama", to: "llama" },
    'to is "llama", which the base begins with, expected "vaswani" or "gpt2"',
  ],
  [
    { data: { task: "copy", options: { symbols: 1 } } },
    "data.options: symbols is 1, expected a whole number from 2 up to 65536",
  ],
  [{ data: "copy", base: { context: 8 } }, 'base.context is 8, expected at least 16 for the task "copy"'],
  [
    { data: "copy", vary: { context: [8] } },
    'vary has an arm "context=8" with a context of 8, expected at least 16 for the task "copy"',
  ],
  [{ data: "copy", lengths: [2] }, "lengths is [2], expected none, as the data is a task"],
];

const refused = (definition: unknown, options?: ResolveOptions) =>
  assertThrows(() => resolveStudy(definition, options), TypeError).message;

Deno.test("wrong definitions, message by message; the schema refuses those whose shape is wrong", () => {
  for (const [definition, message] of [...wrongShapes, ...wrongTogether]) {
    assertEquals(refused(definition, { where: "s.json" }), `Cannot read the study in s.json: ${message}`);
  }
  for (const [definition] of wrongShapes) assert(!fits(definition), `accepted: ${JSON.stringify(definition)}`);
  for (const [definition] of wrongTogether) assert(fits(definition), `refused: ${JSON.stringify(definition)}`);
  assertEquals(refused({ seeds: 0 }), "Cannot read the study: seeds is 0, expected a whole number from 1 up to 1000");
  assertEquals(
    refused({ training: { clip: NaN } }),
    "Cannot read the study: training.clip: it is NaN, expected what JSON can hold",
  );
});

Deno.test("components of others: in definitions and in the schema, with their options", () => {
  const mine: Component<"norm", "mine", { gain: number }> = {
    slot: "norm",
    type: "mine",
    options: { gain: number(1, { above: 0 }) },
    build: (_, context) => rmsNorm.build({ eps: 1e-5, weight: true, offset: 0 }, context),
  };
  const components = [mine as Component], definition = { vary: { norm: ["mine", { type: "mine", gain: 2 }] } };
  assertEquals(resolveStudy(definition, { components }).vary, [{ path: "norm", values: definition.vary.norm }]);
  assert(validator(components)(definition));
  assert(!validator(components)({ vary: { norm: [{ type: "mine", gain: 0 }] } }));
  assert(!fits(definition));
  assertThrows(() => resolveStudy(definition), TypeError, 'unknown type "mine"');
});

Deno.test("the schema says what every field is and, where it has one, its default", () => {
  interface Part {
    readonly description?: string;
    readonly default?: unknown;
    readonly properties?: Readonly<Record<string, Part>>;
    readonly anyOf?: readonly Part[];
  }
  const schema = studySchema() as unknown as Part & { readonly $defs: Readonly<Record<string, Part>> };
  for (const part of [schema, ...["budget", "training"].map((name) => schema.properties![name])]) {
    for (const [name, { description }] of Object.entries(part.properties!)) assert(description, name);
  }
  const defaults = (part: Part) =>
    Object.fromEntries(
      Object.entries(part.properties!).filter(([, p]) => "default" in p).map(([k, p]) => [k, p.default]),
    );
  const { base, training: settings, match } = schema.properties!, { optimizer: _, schedule: __, ...plain } = training;
  assertEquals(defaults(schema), { mode: "one-at-a-time", evaluations: 5, target: null, alpha: 0.05, costs: true });
  assertEquals(defaults(settings), plain);
  assertEquals(defaults(base.anyOf![1]), { context: 64, dim: 64, depth: 2, heads: 4, tied: true });
  assertEquals(defaults(match.anyOf![1]), standardMatch);
  const standards = Object.entries(schema.$defs).map(([slot, part]) => [slot, part.default]);
  assertEquals(Object.fromEntries(standards), {
    stem: "plain",
    position: "rope",
    norm: "rmsNorm",
    attention: "multiHead",
    queryKey: "plain",
    scores: "softmax",
    head: "linear",
    feedForward: "swiglu",
    block: "preNorm",
    init: "normal",
    optimizer: "adamW",
    schedule: "cosine",
    tokenizer: undefined,
  });
});

const read = (args: readonly string[], file?: unknown) => definitionOf(parseFlags(args, ablateFlags), file);
const folder = Deno.makeTempDirSync();
const baseFile = `${folder}/base.json`;
Deno.writeTextFileSync(baseFile, '{"norm":"layerNorm","dim":32}');
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const { title, base: standardBase, to } = defaultDefinition;

/** Flags, what a file holds, and the definition that the two are. */
const commands: readonly (readonly [args: readonly string[], file: unknown, definition: unknown])[] = [
  [[], undefined, defaultDefinition],
  [["--data", "a.txt", "--data", "copy"], undefined, { ...defaultDefinition, data: { files: ["a.txt", "copy"] } }],
  [["--task", "copy", "--dim", "32", "--init", '{"type":"normal","std":0.1}'], undefined, {
    title,
    base: { ...standardBase as object, dim: 32, init: { type: "normal", std: 0.1 } },
    to,
    data: { task: "copy" },
  }],
  [["--seeds", "9"], { data: "a.txt" }, { ...defaultDefinition, data: "a.txt", seeds: 9 }],
  [["--seeds", "9"], { data: "copy" }, { title, base: standardBase, to, data: "copy", seeds: 9 }],
  [["--base", "vaswani", "--to", "gpt2", "--mode", "path"], undefined, { base: "vaswani", to: "gpt2" }],
  [["--base", "gpt2", "--heads", "2", "--vary", "norm=none", "--vary", "dim=16,32"], undefined, {
    base: { preset: "gpt2", heads: 2 },
    vary: [{ path: "norm", values: ["none"] }, { path: "dim", values: [16, 32] }],
  }],
  [["--base", baseFile, "--vary", "norm=none", "--dim", "16", "--depth", "1", "--context", "16"], undefined, {
    base: { norm: "layerNorm", dim: 16, depth: 1, context: 16 },
    vary: [{ path: "norm", values: ["none"] }],
  }],
  [["--to", "gpt2"], { base: "vaswani", vary: { norm: ["none"] }, mode: "factorial" }, { base: "vaswani", to: "gpt2" }],
  [["--vary", "norm=none"], { base: "vaswani", to: "llama" }, {
    base: "vaswani",
    vary: [{ path: "norm", values: ["none"] }],
  }],
  [["--vary", "norm=none", "--mode", "path"], { mode: "factorial" }, {
    vary: [{ path: "norm", values: ["none"] }],
    mode: "path",
  }],
  [["--vary", "norm=none", "--seeds", "1,2,7"], undefined, {
    vary: [{ path: "norm", values: ["none"] }],
    seeds: [1, 2, 7],
  }],
  [["--seeds", "7,", "--flops", "1e12"], { vary: ["norm=none"], budget: { steps: 3 } }, {
    vary: ["norm=none"],
    seeds: [7],
    budget: { flops: 1e12 },
  }],
  [["--seconds", "2.5", "--match", "flops"], { vary: ["norm=none"], match: { tolerance: 0.02 } }, {
    vary: ["norm=none"],
    budget: { seconds: 2.5 },
    match: { tolerance: 0.02, by: "flops" },
  }],
  [["--match", "none", "--steps", "5"], { vary: ["norm=none"], match: true }, {
    vary: ["norm=none"],
    match: null,
    budget: { steps: 5 },
  }],
  [["--match-path", "dim"], { vary: ["norm=none"], match: "flops" }, {
    vary: ["norm=none"],
    match: { by: "flops", path: "dim" },
  }],
  [["--batch", "2", "--lr", "1e-3", "--warmup", "0", "--schedule", "wsd", "--clip", "0", "--dropout", "0.1"], {
    vary: ["norm=none"],
    training: { zLoss: 1e-4, batch: 8 },
  }, {
    vary: ["norm=none"],
    training: { zLoss: 1e-4, batch: 2, learningRate: 1e-3, warmup: 0, schedule: "wsd", clip: 0, dropout: 0.1 },
  }],
  [["--optimizer", '{"type":"adamW","decay":0}', "--sweep", "1e-3,2e-3"], {
    vary: ["norm=none"],
    sweep: { learningRates: [1, 2], seeds: 2 },
  }, {
    vary: ["norm=none"],
    training: { optimizer: { type: "adamW", decay: 0 } },
    sweep: { learningRates: [1e-3, 2e-3], seeds: 2 },
  }],
  [["--tokenizer", "bytes"], { vary: ["norm=none"], data: "a.txt" }, {
    vary: ["norm=none"],
    data: { files: ["a.txt"], tokenizer: "bytes" },
  }],
  [["--data", "b.txt", "--validation", "0.2"], { vary: ["norm=none"], data: { files: "a.txt", tokenizer: "bytes" } }, {
    vary: ["norm=none"],
    data: { files: ["b.txt"], tokenizer: "bytes", validation: 0.2 },
  }],
  [["--task", "dyck"], { vary: ["norm=none"], data: "a.txt" }, { vary: ["norm=none"], data: { task: "dyck" } }],
  [[
    "--evaluations",
    "2",
    "--extrapolate",
    "1,2",
    "--target",
    "1.5",
    "--detect",
    "0.1",
    "--alpha",
    "0.01",
    "--skip-costs",
  ], {
    vary: ["norm=none"],
    data: "a.txt",
  }, {
    vary: ["norm=none"],
    data: "a.txt",
    evaluations: 2,
    lengths: [1, 2],
    detect: 0.1,
    target: 1.5,
    alpha: 0.01,
    costs: false,
  }],
  [["--aa", "8", "--seeds", "4", "--base", "llama"], undefined, { base: "llama", seeds: 4 }],
];

Deno.test("flags and a file: one definition, which resolves and fits the schema", () => {
  for (const [args, file, expected] of commands) {
    const definition = read(args, file), shown = args.join(" ");
    assertEquals(definition, expected, shown);
    resolveStudy(definition);
    assert(fits(definition), shown);
  }
});

Deno.test("what is no object in a file stays as it is, for resolveStudy to refuse", () => {
  assertEquals(read(["--dim", "3"], [1]), [1]);
  const file = { base: 5, vary: ["norm=none"], training: "fast", match: 3 };
  assertEquals(read(["--dim", "3", "--lr", "1", "--match", "flops"], file), file);
});

/** Command lines that cannot be honoured. */
const wrongCommands: readonly (readonly [args: readonly string[], message: string, file?: unknown])[] = [
  [["--steps", "1", "--flops", "1"], "--steps and --flops are both given, expected one of them"],
  [["--steps", "1", "--seconds", "1"], "--steps and --seconds are both given, expected one of them"],
  [["--flops", "1", "--seconds", "1"], "--flops and --seconds are both given, expected one of them"],
  [["--task", "copy", "--data", "a"], "--task and --data are both given, expected one of them"],
  [["--task", "copy", "--tokenizer", "bytes"], "--task and --tokenizer are both given, expected one of them"],
  [["--task", "copy", "--validation", "0.1"], "--task and --validation are both given, expected one of them"],
  [["--task", "copy", "--extrapolate", "2"], "--task and --extrapolate are both given, expected one of them"],
  [["--to", "llama", "--vary", "norm=none"], "--to and --vary are both given, expected one of them"],
  [
    ["--to", "llama", "--mode", "factorial"],
    "--to and --mode factorial are both given, expected --mode path or none with --to",
  ],
  [["--aa", "4", "--to", "llama"], "--aa and --to are both given, expected one of them"],
  [["--aa", "4", "--vary", "norm=none"], "--aa and --vary are both given, expected one of them"],
  [["--aa", "4", "--target", "2"], "--aa and --target are both given, expected one of them"],
  [["--aa", "4", "--seeds", "1,2"], "--aa and a list of --seeds are both given, expected how many runs each side has"],
  [["--aa", "4", "--mode", "path"], "--aa and --mode are both given, expected one of them"],
  [["--match", "none", "--match-path", "dim"], "--match none and --match-path are both given, expected one of them"],
  [["--base", "bert"], '--base is "bert", expected vaswani, gpt2, llama or a JSON file'],
  [
    ["--vary", "norm"],
    '--vary is "norm": Cannot read "norm": the text ends at character 5, expected "=" and values, as in ' +
    "norm=layerNorm,rmsNorm",
  ],
  [["--seeds", "1,x"], '--seeds is "1,x", expected whole numbers with commas between'],
  [["--sweep", "fast"], '--sweep is "fast", expected numbers with commas between'],
  [["--extrapolate", "1.5"], '--extrapolate is "1.5", expected whole numbers with commas between'],
  [["--tokenizer", "bytes"], "--tokenizer is given, and there is no text to learn from, expected --data too"],
  [
    ["--validation", "0.1"],
    "--validation is given, and there is no text to learn from, expected --data too",
    { data: "copy" },
  ],
  [["--base", "gpt2"], "nothing is varied, expected --vary or --to, or --aa to compare the base with itself"],
];

Deno.test("command lines that contradict themselves, message by message", () => {
  for (const [args, message, file] of wrongCommands) {
    assertEquals(assertThrows(() => read(args, file), UsageError).message, message);
  }
  assertThrows(() => read(["--base", `${folder}/none.json`]), UsageError, `--base is "${folder}/none.json": `);
  assertThrows(() => read(["--optimizer", "{"]), UsageError, '--optimizer is "{": ');
});

Deno.test("the help of ablate.ts: a line for each flag", () => {
  const lines = flagHelp(ablateFlags).split("\n");
  assertEquals(lines.length, Object.keys(ablateFlags).length);
  for (const line of lines) assert(line.length <= 140, line);
});
