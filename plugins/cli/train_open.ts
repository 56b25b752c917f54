import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import { componentsOf } from "../../model/additions.ts";
import { openData, type PreparedData } from "../../model/data/data_info.ts";
import { listTextFiles } from "../../model/data/files.ts";
import { fingerprint } from "../../model/data/fingerprint.ts";
import { prepareData } from "../../model/data/prepare.ts";
import { defaultValidation, sizeOfText } from "../../model/data/text_size.ts";
import { openRuntime } from "../../model/open_runtime.ts";
import { openSink } from "../../model/sink.ts";
import { CheckpointError, openSource, readJson } from "../../model/source.ts";
import { newestStep } from "../../model/steps.ts";
import { loadTrainingState, trainingTensors } from "../../model/training_state.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { bestSimd, type Simd } from "../../runtime/wasm.ts";
import { expectBackend } from "./backend.ts";
import { defined, UsageError } from "./flags.ts";
import type { Used } from "./use.ts";
import { chooseTokenizer, expectSameTokenizer } from "./train_data.ts";
import type { Given } from "./train_flags.ts";
import { fittingSteps } from "./train_pace.ts";
import { expectSamePlan, lengthOf, modelFor, type Plan, readSettings } from "./train_plan.ts";
import { assembleRun, type Run, type RunOptions } from "./train_run.ts";

/** Minutes that a training takes where nothing is said. */
const MINUTES = 5;

/** Opens the training in a folder where there is one and it is to be resumed, or begins one. */
export async function openRun(given: Given, options: RunOptions): Promise<Run> {
  expectBackend({ backend: given.backend, threads: given.threads }, options.used); // of SIMD the plan keeps account
  const { out } = options, checkpoint = await checkpointIn(out);
  if (checkpoint && !given.resume) {
    throw new UsageError(`${out} holds a training already: go on with it by --resume, or name another folder by --out`);
  }
  if (checkpoint) return await resume(given, checkpoint, options);
  if (!given.data.length) {
    const why = given.resume ? `nothing is saved in ${out} yet, so ` : "";
    throw new UsageError(`${why}--data is needed, a text file or a folder of them`);
  }
  using sink = openSink(out); // says at once if nothing can be written
  const other = ["config.json", "model.safetensors", "tokenizer.json"].find((file) => sink.files.includes(file));
  if (other) throw new UsageError(`${out} holds ${other} of something else: name another folder by --out`);
  return await begin(given, options);
}

async function begin(given: Given, options: RunOptions): Promise<Run> {
  const { out, used, progress } = options, { data: paths } = given;
  const settings = await readSettings(given, used), { model: { context }, seed, simd } = settings;
  const runtime = await openComputing(given, simd, used);
  const validation = given.validation ?? defaultValidation(sizeOfText(paths)), directory = `${out}/data`;
  const chosen = await chooseTokenizer(given.tokenizer, paths, componentsOf(used), progress);
  const { tokenizer: { json, stopIds, vocab }, tokenizer, choice, hash } = chosen;
  await prepareData({
    paths,
    tokenizer,
    directory,
    validation,
    seed,
    context,
    progress: (done, total) => progress(`encoding the text: ${Math.floor(100 * done / total)}%`),
  });
  const { steps, minutes = MINUTES } = given;
  const draft: Omit<Plan, "steps" | "warmup" | "evalEvery"> = {
    ...settings,
    model: modelFor(given, settings, vocab, used),
    validation,
    stopIds,
    tokenizer: { choice, hash },
    text: await fingerprint(listTextFiles(paths)),
    tokens: await fingerprint(tokenFiles(out)),
  };
  const data = await openData(directory);
  const fitting = async () => {
    progress("timing a few steps");
    using trial = assembleRun({ ...draft, steps: 1000, warmup: 0, evalEvery: 1 }, runtime, data, json, options);
    return await fittingSteps(trial, minutes);
  };
  const plan = { ...draft, ...lengthOf(given, steps === undefined ? await fitting() : { steps }) };
  return withRuntime(assembleRun(plan, runtime, data, json, options), runtime, data);
}

async function resume(given: Given, checkpoint: string, options: RunOptions): Promise<Run> {
  const { out, used } = options;
  using source = openSource(checkpoint);
  const { plan } = ((await readJson(source, "training.json")).info ?? {}) as { plan?: Plan };
  if (!plan) throw new CheckpointError(`Cannot resume from ${checkpoint}: it has no plan, expected one by train.ts`);
  await expectSamePlan(given, plan, out, used);
  if (given.tokenizer !== undefined) await expectSameTokenizer(given.tokenizer, plan.tokenizer, componentsOf(used));
  if (given.data.length && await fingerprint(listTextFiles(given.data)) !== plan.text) {
    throw new UsageError(`--data is not the text that the training in ${out} was begun with, expected that or nothing`);
  }
  const { backend = "wasm" } = given, needsWasm = backend === "wasm" || backend === "auto";
  if (needsWasm && plan.simd === "relaxed" && bestSimd() !== "relaxed") {
    throw new CheckpointError(`Cannot resume ${out}: it was begun with relaxed SIMD, which this machine does not have`);
  }
  const data = await openData(`${out}/data`);
  if (await fingerprint(tokenFiles(out)) !== plan.tokens) {
    throw new CheckpointError(`Cannot resume ${out}: ${out}/data is not what the training was begun with`);
  }
  const runtime = await openComputing(given, plan.simd, used);
  const json = await readJson(source, "tokenizer.json") as unknown as TokenizerJson;
  const run = assembleRun(plan, runtime, data, json, options);
  const { step } = await loadTrainingState(source, trainingTensors(run.model, run.trainer), runtime);
  run.trainer.step = step;
  run.saved = { step, path: checkpoint };
  return withRuntime(run, runtime, data);
}

/**
 * What the training runs on from now on. A checkpoint is the same for all backends: what was begun on one may go on on
 * another, with other last digits.
 */
async function openComputing({ backend, threads }: Given, simd: Simd, { plugins }: Used): Promise<Runtime> {
  return await openRuntime({ ...defined({ backend, threads }), simd, plugins });
}

function withRuntime(run: Run, runtime: Runtime, data: PreparedData): Run {
  return Object.assign(run, {
    [Symbol.dispose]() {
      data.close();
      runtime.close();
    },
  });
}

/** The newest checkpoint in a folder, if there is one. */
async function checkpointIn(out: string): Promise<string | undefined> {
  try {
    Deno.statSync(`${out}/state`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new CheckpointError(`Cannot open ${out}: ${(error as Error).message}`, { cause: error });
  }
  return await newestStep(`${out}/state`);
}

function tokenFiles(out: string): string[] {
  return ["train", "validation"].map((side) => `${out}/data/${side}.bin`);
}
