import type { Component } from "../../components/component.ts";
import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import type { Json } from "../../components/options.ts";
import { batches, evaluationWindows } from "../../model/data/batches.ts";
import type { PreparedData } from "../../model/data/data_info.ts";
import { createModel, type Model } from "../../model/decoder.ts";
import type { Example } from "../../model/gradients.ts";
import { saveModel } from "../../model/save.ts";
import { jsonPieces } from "../../model/sink.ts";
import { saveStep } from "../../model/steps.ts";
import { createTrainer, evaluate, type Evaluation, type Trainer } from "../../model/trainer.ts";
import { saveTrainingState } from "../../model/training_state.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { dropout } from "../../model/dropout.ts";
import { huggingface } from "../huggingface/mod.ts";
import { componentsOf, type Plan } from "./train_plan.ts";
import type { Used } from "./use.ts";

/** Checkpoints that are kept. */
const KEEP = 2;

/** A training, ready for its next step. */
export interface Run extends Disposable {
  /** The folder of all that it writes. */
  readonly out: string;
  /** What is to be done. */
  readonly plan: Plan;
  /** What it learns from. */
  readonly data: PreparedData;
  /** What learns. */
  readonly model: Model;
  /** Where it stands. */
  readonly trainer: Trainer;
  /** The newest checkpoint; `undefined` before the first. */
  saved: { readonly step: number; readonly path: string } | undefined;
  /** What step `step + 1` learns from: its windows, `batch` at a time. */
  examples(step: number): Example[];
  /** Writes a checkpoint, then publishes the model. */
  save(): Promise<void>;
  /** Writes the model as a folder that others load. Checkpoints do not depend on it. */
  publish(): Promise<void>;
}

/** What a run needs beside flags. */
export interface RunOptions {
  /** Where to write. */
  readonly out: string;
  /** From `--use`. */
  readonly used: Used;
  /** See {@linkcode LossOptions}. */
  readonly recompute: boolean;
  /** Is told what takes time. */
  progress(text: string): void;
}

/** Builds what a plan asks for. */
export function assembleRun(
  plan: Plan,
  runtime: Runtime,
  data: PreparedData,
  tokenizer: TokenizerJson,
  { out, used, recompute }: RunOptions,
): Run {
  const { seed, batch, accumulate, order, smoothing, zLoss, learningRate, steps, warmup } = plan;
  const rate = plan.dropout, drops = rate ? [dropout({ attention: rate, residual: rate, embedding: rate, seed })] : [];
  const model = createModel(runtime, plan.model as never, {
    components: used.components as readonly never[],
    plugins: [...used.plugins, ...drops],
    seed,
  });
  const trainer = createTrainer<Component>(model, {
    steps,
    warmup,
    learningRate,
    optimizer: plan.optimizer as never,
    schedule: plan.schedule as never,
    clip: plan.clip || Infinity,
    smoothing,
    zLoss,
    recompute,
    components: componentsOf(used),
  });
  const { context } = model.config, each = batch * context;
  const draw = batches(data.train, { batch: batch * accumulate, context, seed, order });
  const run: Run = {
    out,
    plan,
    data,
    model,
    trainer,
    saved: undefined,
    examples(step) {
      const { inputs, targets } = draw.at(step);
      return Array.from({ length: accumulate }, (_, i) => ({
        inputs: inputs.subarray(i * each, (i + 1) * each),
        targets: targets.subarray(i * each, (i + 1) * each),
      }));
    },
    async save() {
      const { step } = trainer, info = { plan: plan as unknown as Json };
      const path = await saveStep(`${out}/state`, step, async (sink) => {
        await sink.write("tokenizer.json", jsonPieces(tokenizer));
        await saveTrainingState(sink, { step, info, tensors: tensorsOf(run) }, runtime);
      }, { keep: KEEP });
      run.saved = { step, path };
      await run.publish();
    },
    async publish() {
      await saveModel(out, model, {
        plugins: [...used.plugins, huggingface],
        tokenizer: tokenizer as unknown as { readonly [key: string]: Json },
        ...(plan.stopIds.length && { stopIds: plan.stopIds }),
      });
    },
    [Symbol.dispose]() {
      trainer.close();
      model.close();
    },
  };
  return run;
}

/** What a checkpoint must hold: parameters, and what the optimizer remembers. */
export function tensorsOf({ model, trainer }: Pick<Run, "model" | "trainer">): Map<string, Tensor> {
  const params = [...model.params].map(([name, { tensor }]): [string, Tensor] => [`model.${name}`, tensor]);
  const state = [...trainer.optimizer.state].map(([name, tensor]): [string, Tensor] => [`optimizer.${name}`, tensor]);
  return new Map([...params, ...state]);
}

/**
 * The mean loss over all that is held back; `undefined` if nothing is, or once `stop` says so. The windows are always the
 * same ones.
 */
export async function validate(
  { model, plan: { batch }, data: { validation } }: Run,
  { stop = () => false, progress = () => {} }: { stop?: () => boolean; progress?: (share: number) => void } = {},
): Promise<Evaluation | undefined> {
  const { context } = model.config;
  let total = 0, tokens = 0;
  if (validation.length < 2) return undefined;
  for (const { inputs, targets } of evaluationWindows(validation, context, batch)) {
    const part = await evaluate(model, [{ inputs, targets, batch: inputs.length / context }]);
    total += part.loss * part.tokens;
    tokens += part.tokens;
    progress(tokens / (validation.length - 1));
    await breathe();
    if (stop()) return undefined;
  }
  return { loss: total / tokens, tokens };
}

/** Lets signals and timers be served. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
