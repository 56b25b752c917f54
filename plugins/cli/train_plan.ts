import { builtins } from "../../components/builtins.ts";
import type { Component } from "../../components/component.ts";
import { componentsOf } from "../../model/additions.ts";
import type { TrainingSettings } from "../../model/ablation/study.ts";
import { type ModelConfig, resolveConfig, type ResolvedConfig, type ResolvedOptions } from "../../model/config.ts";
import { describeModel } from "../../model/decoder.ts";
import { createSchedule } from "../../model/optimizing.ts";
import { openSource, readJson } from "../../model/source.ts";
import { bestSimd, type Simd } from "../../runtime/wasm.ts";
import { choose } from "./choose.ts";
import { UsageError } from "./flags.ts";
import type { Given } from "./train_flags.ts";
import type { Used } from "./use.ts";

/** What is to be done, but for what follows from the data and from the number of steps. */
export interface Settings extends Omit<TrainingSettings, "warmup"> {
  /** Without the number of tokens. */
  readonly model: Readonly<Record<string, unknown>> & { readonly context: number };
  /** Batches in a step. */
  readonly accumulate: number;
  /** Of weights, batches and dropout. */
  readonly seed: number;
  /** Build of the kernels of WASM: the two differ in the last bits. Other backends do, too, and are not in a plan. */
  readonly simd: Simd;
  /** Modules that `--use` named. */
  readonly use: readonly string[];
}

/** All that decides the weights at the end but the backend, as JSON: every checkpoint holds it. */
export interface Plan extends Settings {
  /** Whole. */
  readonly model: ResolvedConfig & Readonly<Record<string, unknown>>;
  /** Of the training. */
  readonly steps: number;
  /** Steps in which the learning rate rises. */
  readonly warmup: number;
  /** Steps from one evaluation to the next. */
  readonly evalEvery: number;
  /** What was chosen, and what tells it apart; see {@linkcode tokenizerHash}. */
  readonly tokenizer: { readonly choice: Readonly<Record<string, unknown>>; readonly hash: string };
  /** Ids that end a text. */
  readonly stopIds: readonly number[];
  /** Share that is held back. */
  readonly validation: number;
  /** Fingerprint of the text files. */
  readonly text: string;
  /** Fingerprint of the tokens, training and validation. */
  readonly tokens: string;
}

/** The model where no config is given: a Llama that learns in minutes. */
const MODEL = { dim: 128, depth: 4, heads: 4 }, CONTEXT = 128, BATCH = 16, RATE = 2e-3;

/** What the flags ask for, checked as far as it can be before any data is read. */
export async function readSettings(given: Given, used: Used): Promise<Settings> {
  const components = componentsOf(used), { simd = bestSimd() } = given;
  const settings: Settings = {
    model: await readModel(given, components),
    batch: given.batch ?? BATCH,
    accumulate: given.accumulate ?? 1,
    learningRate: given.lr ?? RATE,
    schedule: choose("schedule", "schedule", given.schedule ?? "cosine", components),
    optimizer: choose("optimizer", "optimizer", given.optimizer ?? "adamW", components),
    clip: given.clip ?? 1,
    dropout: given.dropout ?? 0,
    smoothing: given.smoothing ?? 0,
    zLoss: given["z-loss"] ?? 0,
    order: given.order ?? "random",
    seed: given.seed ?? 0,
    simd,
    use: given.use,
  };
  if (given.steps !== undefined && given.minutes !== undefined) {
    throw new UsageError("--steps and --minutes are both given, expected one of them");
  }
  checkModel(given, { vocab: 1, ...settings.model }, used);
  if (given.steps !== undefined) lengthOf(given, { steps: given.steps });
  return settings;
}

/** What follows from the number of steps. */
export function lengthOf(
  given: Given,
  { steps, evaluations = 10 }: { readonly steps: number; readonly evaluations?: number },
): Pick<Plan, "steps" | "warmup" | "evalEvery"> {
  const { warmup = Math.floor(steps / 20), "eval-every": evalEvery = Math.ceil(steps / evaluations) } = given;
  if (warmup > steps) throw new UsageError(`--warmup is "${warmup}", expected at most the ${steps} steps of all`);
  createSchedule("constant", { steps, warmup, learningRate: 0 });
  return { steps, warmup, evalEvery };
}

/** The model of a plan, now that the number of tokens is known. */
export function modelFor(given: Given, { model }: Settings, vocab: number, used: Used): Plan["model"] {
  if (typeof model.vocab === "number" && model.vocab < vocab) {
    throw new UsageError(`--config has a vocab of ${model.vocab}, expected at least the tokenizer's ${vocab}`);
  }
  return checkModel(given, { vocab, ...model }, used);
}

/** The config whole. Throws where a model could not be built. */
function checkModel(given: Given, config: object, { components, plugins }: Used): Plan["model"] {
  try {
    describeModel(config as ModelConfig, { components: components as readonly never[], plugins });
    const known = [...builtins, ...componentsOf({ components, plugins })];
    return resolveConfig(known, config) as Plan["model"];
  } catch (error) {
    if (given.config === undefined || !(error instanceof TypeError)) throw error;
    throw new TypeError(`${given.config}: ${error.message}`, { cause: error });
  }
}

async function readModel(given: Given, components: readonly Component[]): Promise<Settings["model"]> {
  const file = given.config === undefined ? MODEL : await readConfig(given.config);
  for (const flag of ["context", "init"] as const) {
    if (given[flag] !== undefined && flag in file) {
      throw new UsageError(`--${flag} is given, and ${given.config} has a ${flag} too, expected one of them`);
    }
  }
  const init = given.init === undefined ? {} : { init: choose("init", "init", given.init, components) };
  return { context: given.context ?? CONTEXT, ...file, ...init };
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  using source = openSource(path);
  if (source.file === undefined) throw new UsageError(`--config is "${path}", which is a folder, expected a JSON file`);
  return await readJson(source, source.file);
}

/**
 * Whether a training that was begun with `plan` is what the flags ask for: those that are given must say the same, so
 * that the command that began it goes on with it. Throws a {@linkcode UsageError} that names the first difference.
 */
export async function expectSamePlan(given: Given, plan: Plan, out: string, used: Used): Promise<void> {
  const components = componentsOf(used);
  const differs = (flag: string, now: unknown, begun: unknown) => {
    if (now === undefined || JSON.stringify(now) === JSON.stringify(begun)) return;
    throw new UsageError(
      `--${flag} says ${JSON.stringify(now)}, but the training in ${out} was begun with ${JSON.stringify(begun)}, ` +
        "expected the same or nothing",
    );
  };
  if (JSON.stringify(given.use) !== JSON.stringify(plan.use)) {
    const begun = plan.use.map((module) => `--use ${module}`).join(" ") || "no --use";
    throw new UsageError(`the training in ${out} was begun with ${begun}, expected the same modules`);
  }
  const { steps, batch, accumulate, warmup, clip, dropout, smoothing, order, validation, seed, simd } = plan;
  const same = { steps, batch, accumulate, warmup, clip, dropout, smoothing, order, validation, seed, simd };
  for (const [flag, begun] of Object.entries(same)) differs(flag, given[flag as keyof typeof same], begun);
  differs("lr", given.lr, plan.learningRate);
  differs("z-loss", given["z-loss"], plan.zLoss);
  differs("eval-every", given["eval-every"], plan.evalEvery);
  differs("context", given.context, plan.model.context);
  for (const slot of ["schedule", "optimizer", "init"] as const) {
    const text = given[slot], begun = slot === "init" ? plan.model.init : plan[slot];
    if (text !== undefined) differs(slot, choose(slot, slot, text, components), begun);
  }
  if (given.config === undefined) return;
  const model = modelFor(given, { ...plan, model: await readModel(given, components) }, plan.model.vocab, used);
  for (const key of Object.keys(model)) differs(`config ${given.config}: ${key}`, model[key], plan.model[key]);
}

/** The plan for a person, before the first step. */
export function describePlan(
  plan: Plan,
  about: { parameters: number; data: string; tokens: readonly [train: number, validation: number] },
): string[] {
  const { model, batch, accumulate, steps, dropout } = plan, n = (value: number) => value.toLocaleString("en-US");
  const perStep = batch * accumulate * model.context, [train, validation] = about.tokens;
  const rows = accumulate === 1 ? `${batch}` : `${accumulate} × ${batch}`;
  return [
    `data       ${about.data}`,
    `tokens     ${n(train)} to train on, ${n(validation)} to validate on; ${n(model.vocab)} different ones`,
    `model      ${n(about.parameters)} parameters: ${model.depth} blocks of dim ${model.dim}, ${model.heads} heads, ` +
    `context ${model.context}, ${[model.position].flat().map((p) => (p as ResolvedOptions).type).join(" and ")}`,
    `training   ${n(steps)} steps of ${rows} × ${model.context} tokens, ${
      (steps * perStep / train).toFixed(1)
    } times ` +
    `the data; ${plan.optimizer.type}, ${plan.schedule.type}, learning rate ${plan.learningRate}` +
    `${dropout ? `, dropout ${dropout}` : ""}, seed ${plan.seed}`,
  ];
}
