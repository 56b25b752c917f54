import type { Builtin } from "../components/builtins.ts";
import type { Component, ConfigOf } from "../components/component.ts";
import type { Schedule } from "../components/schedules/schedule.ts";
import { clipByNorm } from "../runtime/clip.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Model } from "./decoder.ts";
import { countTargets, createGradients, type Example, type LossOptions } from "./gradients.ts";
import { type BuiltOptimizer, createOptimizer, createSchedule, paramKind } from "./optimizing.ts";
import { whileTraining } from "./plugin.ts";

/** Options of {@linkcode createTrainer}. */
export interface TrainerOptions<C extends Component = Component> extends Omit<LossOptions, "batch" | "count"> {
  /** Steps of the whole training: schedules end there. */
  readonly steps: number;
  /** The largest learning rate. */
  readonly learningRate: number;
  /** Steps in which it rises to that. Default: a twentieth of all. */
  readonly warmup?: number;
  /** Default: `"adamW"`. */
  readonly optimizer?: ConfigOf<Builtin | C, "optimizer">;
  /** Default: `"cosine"`. */
  readonly schedule?: ConfigOf<Builtin | C, "schedule"> | Schedule;
  /** The norm that gradients are shortened to; `Infinity` for none. Default: 1. */
  readonly clip?: number;
  /** Components beside those built in. */
  readonly components?: readonly C[];
}

/** What a step did. */
export interface StepReport {
  /** Its number, from 1. */
  readonly step: number;
  /** Mean loss before it, in nats for each target. */
  readonly loss: number;
  /** Norm of the gradient before it was clipped. */
  readonly norm: number;
  /** Learning rate that it was made with. */
  readonly learningRate: number;
}

/** A training has gone wrong: a loss or gradient is not finite. The model is as it was before the step. */
export class TrainingError extends Error {
  /** For messages. */
  override readonly name = "TrainingError";
  /** The step that could not be made. */
  readonly step: number;

  /** A new one. */
  constructor(step: number, message: string) {
    super(message);
    this.step = step;
  }
}

/** Trains a model, step by step. */
export interface Trainer extends Disposable {
  /** Steps made so far. Set it to go on with a saved training. */
  step: number;
  /** The optimizer and its state: what a checkpoint must hold beside the model. */
  readonly optimizer: BuiltOptimizer;
  /**
   * Makes one step along the mean gradient of `examples`, each `batch` sequences: several small ones give what one large
   * one would. Throws a {@linkcode TrainingError} that names step and layer where a number is not finite.
   */
  train(examples: readonly Example[], batch: number): Promise<StepReport>;
  /** Gives gradients and state back. */
  close(): void;
}

/**
 * Prepares the training of `model`: gradients, optimizer and schedule.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, createTrainer } from "@tenon/tenon";
 * import { assert } from "@std/assert";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 10, context: 8, dim: 32, depth: 1, heads: 2 });
 * using trainer = createTrainer(model, { steps: 40, learningRate: 1e-2 });
 * const example = { inputs: [1, 2, 3, 1, 2], targets: [2, 3, 1, 2, 3] };
 * let loss = Infinity;
 * for (let i = 0; i < 40; i++) ({ loss } = await trainer.train([example], 1));
 * assert(loss < 1);
 * ```
 */
export function createTrainer<const C extends Component = never>(
  model: Model,
  options: TrainerOptions<C>,
): Trainer {
  const { steps, learningRate, clip = 1, components = [], recompute = false, smoothing = 0, zLoss = 0 } = options;
  const { warmup = Math.floor(steps / 20), optimizer: choice = "adamW", schedule: plan = "cosine" } = options;
  const schedule = typeof plan === "object" && "at" in plan
    ? plan as Schedule
    : createSchedule<C>(plan as ConfigOf<Builtin | C, "schedule">, { steps, warmup, learningRate }, { components });
  const gradients = createGradients(model), { runtime } = model;
  const params = gradients.params.map((p) => ({ ...p, kind: paramKind(p.name, p.param.shape) }));
  const optimizer = createOptimizer<C>(runtime, choice as ConfigOf<Builtin | C, "optimizer">, params, { components });
  const all = gradients.params.map((p) => p.gradient);
  let done = 0;

  return {
    optimizer,
    get step() {
      return done;
    },
    set step(step) {
      if (!Number.isInteger(step) || step < 0) throw new RangeError(`Cannot go on from step ${step}`);
      done = step;
    },
    async train(examples, batch) {
      const step = done + 1, count = examples.reduce((sum, { targets }) => sum + countTargets(targets), 0);
      if (!count) throw new RangeError(`Cannot make step ${step}: no target counts, expected at least one`);
      let loss = 0;
      for (const [i, example] of examples.entries()) {
        loss += await whileTraining(
          model.plugins,
          { step, example: i },
          () => gradients.add(example, { batch, recompute, smoothing, zLoss, count, fresh: i === 0 }),
        );
      }
      const norm = await clipByNorm(runtime, all, clip === Infinity ? Number.MAX_VALUE : clip);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
        const what = Number.isFinite(loss) ? `the norm of the gradient is ${norm}` : `the loss is ${loss}`;
        throw new TrainingError(
          step,
          `Cannot make step ${step}: ${what}; ${await culprit(model, examples[0], batch, gradients.params)}`,
        );
      }
      const rate = schedule.at(step);
      optimizer.step(step, rate);
      done = step;
      return { step, loss, norm, learningRate: rate };
    },
    close() {
      gradients.close();
      optimizer.close();
    },
    [Symbol.dispose]() {
      this.close();
    },
  };
}

/** Where the first number that is not finite comes from. */
async function culprit(
  model: Model,
  { inputs }: Example,
  batch: number,
  params: readonly { readonly name: string; readonly gradient: Tensor }[],
): Promise<string> {
  const { runtime } = model;
  const finite = async (t: Tensor) => (await runtime.read(t)).every(Number.isFinite);
  for (const [name, { tensor }] of model.params) {
    if (!await finite(tensor)) return `${name} is the first parameter that is not finite`;
  }
  const outputs: { path: string; values: Promise<Float32Array> }[] = [];
  runtime.scope(() =>
    model.forward(inputs, { batch, watch: (path, x) => outputs.push({ path, values: runtime.read(x) }) })
  );
  for (const { path, values } of outputs) {
    if (!(await values).every(Number.isFinite)) return `${path} is the first layer whose output is not finite`;
  }
  for (const { name, gradient } of params.toReversed()) {
    if (!await finite(gradient)) return `the gradient of ${name} is the first that is not finite, from the end`;
  }
  return "every output and gradient of the first example is finite";
}

/** A loss over many tokens. */
export interface Evaluation {
  /** Mean, in nats for each target. */
  readonly loss: number;
  /** Targets that it is the mean of. */
  readonly tokens: number;
}

/** The mean loss of `model` over `examples` of `batch` sequences each. */
export async function evaluate(
  model: Model,
  examples: Iterable<Example & { readonly batch: number }>,
): Promise<Evaluation> {
  const { runtime } = model;
  let total = 0, tokens = 0;
  for (const { inputs, targets, batch } of examples) {
    const losses = await runtime.scope(() =>
      runtime.read(runtime.ops.crossEntropy(model.forward(inputs, { batch }), targets))
    );
    for (const loss of losses) total += loss;
    tokens += countTargets(targets);
  }
  if (!tokens) throw new RangeError("Cannot evaluate: no target counts, expected at least one");
  return { loss: total / tokens, tokens };
}
