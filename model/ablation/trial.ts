import type { Component } from "../../components/component.ts";
import { breather } from "../breathe.ts";
import type { ResolvedConfig } from "../config.ts";
import { createModel, type Model } from "../decoder.ts";
import { dropoutEverywhere } from "../dropout.ts";
import { hashWeights } from "../save.ts";
import { createTrainer, type Trainer, TrainingError } from "../trainer.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { curveOf, endsAboveItsBeginning, evaluationSteps } from "./curve.ts";
import { type DataSource, type Learning, openLearning } from "./learning.ts";
import { type Additions, componentsOf } from "../additions.ts";
import type { Score, TrialResult } from "./outcome.ts";
import type { TrialTraining } from "./study.ts";
import { openTrialState, type TrialRecord, type TrialStateOptions } from "./trial_state.ts";

/** One training of an ablation: plain JSON, so that another thread can run it. */
export interface TrialSpec {
  /** See `trialKey`. */
  readonly key: string;
  /** Name of its arm. */
  readonly arm: string;
  /** Of data order and weights. */
  readonly seed: number;
  /** The model. */
  readonly config: ResolvedConfig;
  /** How it is trained. */
  readonly training: TrialTraining;
  /** What from. */
  readonly data: DataSource;
  /** Tells the code apart; see `codeVersion`. */
  readonly code: string;
}

/** How far a trial is. */
export interface TrialProgress {
  /** Steps made. */
  readonly step: number;
  /** Of all. */
  readonly steps: number;
  /** Training loss of the last step, in nats. */
  readonly loss?: number;
  /** What it does beside making steps: `evaluating`. */
  readonly doing?: string;
}

/** What a trial runs with. */
export interface TrialHost extends Additions {
  /** Not used by anything else meanwhile. */
  readonly runtime: Runtime;
  /** Where and how often checkpoints are written; none are where it is absent. */
  readonly state?: TrialStateOptions;
  /** Is told how far it is. */
  progress?(progress: TrialProgress): void;
  /** Ends it, after a checkpoint, once it says so. */
  stop?(): boolean;
}

/** Builds the model of a trial and what trains it. */
export function assembleTrial(
  { config, training, seed }: Pick<TrialSpec, "config" | "training" | "seed">,
  { runtime, components, plugins }: Pick<TrialHost, "runtime" | "components" | "plugins">,
): { model: Model; trainer: Trainer } {
  const model = createModel<Component>(runtime, config as never, {
    components,
    plugins: [...plugins, ...dropoutEverywhere(training.dropout, seed)],
    seed: seed + training.weights,
  });
  const { steps, warmup, learningRate, optimizer, schedule, clip, smoothing, zLoss } = training;
  try {
    const trainer = createTrainer<Component>(model, {
      steps,
      warmup,
      learningRate,
      optimizer: optimizer as never,
      schedule: schedule as never,
      clip: clip || Infinity,
      smoothing,
      zLoss,
      components: componentsOf({ components, plugins }),
    });
    return { model, trainer };
  } catch (error) {
    model.close();
    throw error;
  }
}

/**
 * Trains one model and scores it; goes on from its newest checkpoint if there is one. The same trial has the same result
 * to the last bit, however often it was interrupted, and on any number of threads. `undefined` once `stop` says so.
 *
 * A trial that diverges has a result as well. It has diverged if a loss or gradient is not finite, or if its training
 * ends more than a tenth above the loss that it began with.
 */
export async function runTrial(spec: TrialSpec, host: TrialHost): Promise<TrialResult | undefined> {
  const { seed, config: { context }, training } = spec, { runtime, stop = () => false } = host;
  using learning = await openLearning(spec.data, training, { context, seed });
  const { model, trainer } = assembleTrial(spec, host);
  try {
    const record: TrialRecord = { losses: [], evaluations: [] };
    const state = host.state && await openTrialState(host.state, spec.key, { model, trainer, record, runtime });
    const ending = await train(spec, { learning, model, trainer, record, host, save: state?.save });
    const progress = () => report(host, trainer, training, record, "evaluating longer windows");
    const lengths = ending?.outcome === "finished" ? await learning.lengths(model, host, { stop, progress }) : [];
    if (!ending || !lengths) {
      await state?.save(true);
      return undefined;
    }
    return {
      key: spec.key,
      arm: spec.arm,
      seed,
      ...ending,
      steps: trainer.step,
      ...scoreOf(record),
      evaluations: record.evaluations,
      curve: curveOf(record.losses, training.steps),
      ...(lengths.length && { lengths }),
      weights: await hashWeights(model),
      config: spec.config,
      training,
      data: spec.data.hash,
      code: spec.code,
    };
  } finally {
    trainer.close();
    model.close();
  }
}

interface Running {
  readonly learning: Learning;
  readonly model: Model;
  readonly trainer: Trainer;
  readonly record: TrialRecord;
  readonly host: TrialHost;
  readonly save: ((now?: boolean) => Promise<void>) | undefined;
}

/** How a training ended that was not stopped. */
type Ending = Pick<TrialResult, "outcome" | "reason">;

/** Trains to the end, or until it diverges; `undefined` if it is stopped. */
async function train({ training }: TrialSpec, running: Running): Promise<Ending | undefined> {
  const { learning, model, trainer, record: { losses, evaluations }, host, save } = running;
  const due = evaluationSteps(training), stop = host.stop ?? (() => false), rest = breather();
  const diverged = (reason: string): Ending => ({ outcome: "diverged", reason });
  for (;;) {
    const { step } = trainer;
    if (due.has(step) && evaluations.at(-1)?.step !== step) {
      report(host, trainer, training, running.record, "evaluating");
      const score = await learning.evaluate(model, { stop });
      if (!score) return undefined;
      if (!Number.isFinite(score.loss)) return diverged(`the validation loss after step ${step} is ${score.loss}`);
      evaluations.push({ step, ...score });
    }
    if (step === training.steps) {
      const rise = endsAboveItsBeginning(losses, training.steps);
      return rise === undefined ? { outcome: "finished" } : diverged(rise);
    }
    if (stop()) return undefined;
    try {
      const { loss } = await trainer.train([learning.example(step)], learning.batch);
      losses.push(loss);
    } catch (error) {
      if (error instanceof TrainingError) return diverged(error.message);
      throw error;
    }
    report(host, trainer, training, running.record);
    await save?.();
    await rest();
  }
}

function report(
  { progress }: TrialHost,
  { step }: Trainer,
  { steps }: TrialTraining,
  { losses }: TrialRecord,
  doing?: string,
): void {
  const loss = losses.at(-1);
  progress?.({ step, steps, ...(loss !== undefined && { loss }), ...(doing && { doing }) });
}

function scoreOf({ evaluations }: TrialRecord): { score?: Score } {
  const last = evaluations.at(-1);
  if (!last) return {};
  const { step: _, ...score } = last;
  return { score };
}
