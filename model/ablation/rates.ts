import type { Component } from "../../components/component.ts";
import { bytesOf } from "../../runtime/tensor.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { ResolvedConfig } from "../config.ts";
import { createModel, type Model } from "../decoder.ts";
import type { Description } from "../describe.ts";
import { dropoutEverywhere } from "../dropout.ts";
import type { ModelCache } from "../cache.ts";
import type { Example } from "../gradients.ts";
import { openRuntime, type OpenRuntimeOptions } from "../open_runtime.ts";
import type { Plugin } from "../plugin.ts";
import { createRandom } from "../random.ts";
import { createTrainer, type Trainer } from "../trainer.ts";
import { componentsOf } from "../additions.ts";
import type { TrainingSettings } from "./study.ts";

/** Prompt tokens that run at a time, as in `generate`. */
const PIECE = 512;
/** Most tokens that are generated after one prompt. */
const RUN = 64;
/** What each measurement begins with, untimed, as a share of it: threads wake up or are started, caches fill. */
const LEAD = 0.5;

/** A model whose costs are measured, and how it trains. */
export interface CostArm
  extends
    Pick<TrainingSettings, "batch" | "optimizer">,
    Partial<Pick<TrainingSettings, "clip" | "dropout" | "smoothing" | "zLoss">> {
  /** For messages. */
  readonly name: string;
  /** The model. */
  readonly config: ResolvedConfig;
}

/** What arms are built with. */
export interface ArmOptions extends Pick<OpenRuntimeOptions, "backend" | "threads" | "simd"> {
  /** Components beside those built in. Default: none. */
  readonly components?: readonly Component[];
  /** Of the models. Default: none. */
  readonly plugins?: readonly Plugin[];
}

/** Tokens, and the milliseconds that they took. */
interface Lap {
  readonly tokens: number;
  readonly time: number;
}

/** The rates of a {@linkcode OpenArm}. */
export type RateName = "trainingRate" | "prefillRate" | "decodeRate";

/** An arm in memory, ready to be timed. */
export interface OpenArm extends Disposable {
  /** Measures each rate for at least `seconds`, in tokens a second; asks `between` before each, which may end it. */
  measure(seconds: number, between: () => Promise<boolean>): Promise<Readonly<Record<RateName, number>> | undefined>;
}

/**
 * Opens an arm to be timed. Training has a runtime of its own beside that of the rest, as in two processes: kernels choose
 * their way by how much memory is in use.
 */
export async function openArm(arm: CostArm, options: ArmOptions): Promise<OpenArm> {
  const held: Disposable[] = [], hold = <T extends Disposable>(what: T) => (held.push(what), what);
  const close = () => held.splice(0).reverse().forEach((what) => what[Symbol.dispose]());
  try {
    const training = build(hold(await openRuntime(options)), arm, options), example = randomExample(arm);
    const trainer = hold(trainerOf(training, arm, options));
    const model = build(hold(await openRuntime(options)), arm, options), ids = randomIds(arm, 1);
    const laps: readonly [RateName, () => Promise<Lap>][] = [
      ["trainingRate", () => trainingLap(trainer, example, arm.batch)],
      ["prefillRate", () => prefillLap(model, ids)],
      ["decodeRate", () => decodeLap(model, ids)],
    ];
    return {
      async measure(seconds, between) {
        const rates: Record<RateName, number> = { trainingRate: 0, prefillRate: 0, decodeRate: 0 };
        for (const [name, lap] of laps) {
          if (!await between()) return undefined;
          await repeated(lap, LEAD * seconds);
          rates[name] = await repeated(lap, seconds);
        }
        return rates;
      },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** What a training step of an arm needs, counted on the first one of a runtime of its own. */
export async function trainingMemory(
  arm: CostArm,
  options: ArmOptions,
): Promise<{ description: Description; peakBytes: number }> {
  using runtime = await openRuntime(options);
  const model = build(runtime, arm, options), description = model.describe();
  using trainer = trainerOf(model, arm, options);
  await trainer.train([randomExample(arm)], arm.batch);
  // Setting initial weights took scratch memory too, but no more than their transposes on the way back do.
  let peakBytes = description.bytes + runtime.backend.scratch.peak;
  for (const { tensor, trainable } of model.params.values()) if (trainable) peakBytes += bytesOf(tensor);
  for (const tensor of trainer.optimizer.state.values()) peakBytes += bytesOf(tensor);
  return { description, peakBytes };
}

function build(
  runtime: Runtime,
  { config, dropout: rate = 0 }: CostArm,
  { components = [], plugins = [] }: ArmOptions,
): Model {
  return createModel(runtime, config as never, {
    components: components as readonly never[],
    plugins: [...plugins, ...dropoutEverywhere(rate)],
  });
}

/** Steps of length 0: they cost the same, and weights that learn from noise stay finite. */
function trainerOf(
  model: Model,
  { optimizer, clip = 1, smoothing = 0, zLoss = 0 }: CostArm,
  { components = [], plugins = [] }: ArmOptions,
): Trainer {
  return createTrainer<Component>(model, {
    steps: 1,
    learningRate: 0,
    schedule: { at: () => 0 },
    optimizer: optimizer as never,
    clip: clip || Infinity,
    smoothing,
    zLoss,
    components: componentsOf({ components, plugins }),
  });
}

function randomExample(arm: CostArm): Example {
  const ids = randomIds(arm, 2 * arm.batch), half = ids.length / 2;
  return { inputs: ids.subarray(0, half), targets: ids.subarray(half) };
}

function randomIds({ config: { vocab, context } }: CostArm, windows: number): Int32Array {
  const random = createRandom(0, "tokens that costs are measured on");
  return Int32Array.from({ length: windows * context }, () => Math.floor(random() * vocab));
}

/** Tokens in a second, over laps that take at least `seconds` together. */
async function repeated(lap: () => Promise<Lap>, seconds: number): Promise<number> {
  let tokens = 0, time = 0;
  do {
    const one = await lap();
    tokens += one.tokens;
    time += one.time;
  } while (time < 1000 * seconds || time === 0);
  return 1000 * tokens / time;
}

async function trainingLap(trainer: Trainer, example: Example, batch: number): Promise<Lap> {
  const before = performance.now();
  await trainer.train([example], batch);
  return { tokens: example.inputs.length, time: performance.now() - before };
}

/** A prompt that leaves room for one token. */
async function prefillLap(model: Model, ids: Int32Array): Promise<Lap> {
  const tokens = Math.max(1, ids.length - 1);
  using cache = model.newCache(1, tokens);
  const before = performance.now();
  await prefill(model, cache, ids.subarray(0, tokens));
  return { tokens, time: performance.now() - before };
}

/** The tokens after half a context, which is there already. */
async function decodeLap(model: Model, ids: Int32Array): Promise<Lap> {
  const half = Math.floor(ids.length / 2), tokens = Math.min(RUN, ids.length - half);
  using cache = model.newCache(1, half + tokens);
  await prefill(model, cache, ids.subarray(0, half));
  const before = performance.now();
  for (let at = half; at < half + tokens; at++) await lastLogits(model, cache, ids.subarray(at, at + 1), at);
  return { tokens, time: performance.now() - before };
}

async function prefill(model: Model, cache: ModelCache, ids: Int32Array): Promise<void> {
  for (let start = 0; start < ids.length; start += PIECE) {
    await lastLogits(model, cache, ids.subarray(start, start + PIECE), start);
  }
}

/** Logits are read, as a sampler would: a backend may have computed nothing before. */
function lastLogits(model: Model, cache: ModelCache, ids: Int32Array, start: number): Promise<Float32Array> {
  const { runtime } = model;
  return runtime.scope(() => runtime.read(model.forward(ids, { start, cache, last: true })));
}
