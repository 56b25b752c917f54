import type { Component } from "../../components/component.ts";
import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import type { Json } from "../../components/options.ts";
import { componentsOf } from "../../model/additions.ts";
import { batches } from "../../model/data/batches.ts";
import type { PreparedData } from "../../model/data/data_info.ts";
import { createModel, type Model } from "../../model/decoder.ts";
import type { Example } from "../../model/gradients.ts";
import { saveModel } from "../../model/save.ts";
import { jsonPieces } from "../../model/sink.ts";
import { saveStep } from "../../model/steps.ts";
import { evaluateTokens, type EvaluationWatch } from "../../model/evaluate_tokens.ts";
import { createTrainer, type Evaluation, type Trainer } from "../../model/trainer.ts";
import { saveTrainingState, trainingTensors } from "../../model/training_state.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { dropoutEverywhere } from "../../model/dropout.ts";
import { huggingface } from "../huggingface/mod.ts";
import type { Plan } from "./train_plan.ts";
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
  const model = createModel(runtime, plan.model as never, {
    components: used.components as readonly never[],
    plugins: [...used.plugins, ...dropoutEverywhere(plan.dropout, seed)],
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
        await saveTrainingState(sink, { step, info, tensors: trainingTensors(model, trainer) }, runtime);
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

/** The mean loss over all that is held back; `undefined` if nothing is, or once `stop` says so. */
export async function validate(
  { model, plan: { batch }, data: { validation } }: Run,
  watch: EvaluationWatch = {},
): Promise<Evaluation | undefined> {
  return validation.length < 2 ? undefined : await evaluateTokens(model, validation, { rows: batch, ...watch });
}
