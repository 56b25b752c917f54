import type { Component } from "../components/component.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type CacheType, size, type WeightType } from "../runtime/tensor.ts";
import type { ModelConfig } from "./config.ts";
import { createModel, expectCached, type Model, type ModelOptions } from "./decoder.ts";
import type { Checkpoint, StoredTensor } from "./format.ts";
import { type Plugin, pluginError } from "./plugin.ts";
import { CheckpointError, openSource, type Source } from "./source.ts";
import { expectStored, storedWeights } from "./weights.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadOptions {
  /** Components beside those built in. */
  readonly components?: readonly Component[];
  /** Their checkpoint formats are tried in order. */
  readonly plugins: readonly Plugin[];
  /**
   * Positions to make room for; at most, and by default, what the checkpoint has. If it is given, a model that leaves no
   * room for a cache of so many is refused.
   */
  readonly context?: number;
  /**
   * How matrices of weights are stored: `stored` keeps each as the checkpoint has it, as far as the backend can (blocks of
   * other types than it has become `q8_0`, all else `f32`). Default: `f32`. See {@linkcode ModelOptions}.
   */
  readonly weights?: WeightType | "stored";
  /** What caches keep keys and values as. Default: `f32`. See {@linkcode ModelOptions}. */
  readonly cacheType?: CacheType;
  /** Called after each tensor with the bytes loaded so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A model with its weights. */
export interface LoadedModel {
  /** Ready to run. Close it to free its memory. */
  readonly model: Model;
  /** Where it came from. */
  readonly checkpoint: Checkpoint;
}

/** Finds the format of `source` and opens it. */
export async function openCheckpoint(source: Source, plugins: readonly Plugin[]): Promise<Checkpoint> {
  const formats = plugins.flatMap((plugin) => (plugin.checkpoints ?? []).map((format) => ({ plugin, format })));
  for (const { plugin, format } of formats) {
    try {
      if (await format.detect(source)) return await format.open(source);
    } catch (error) {
      if (error instanceof CheckpointError) throw error;
      throw pluginError(plugin, "checkpoints", error);
    }
  }
  const known = formats.map(({ format }) => format.name).join(", ") || "none (pass plugins)";
  throw new CheckpointError(`Cannot open ${source.path}: not a checkpoint that is known, expected one of ${known}`);
}

/**
 * Builds the model of a checkpoint (a path, or an open source) and fills it. Throws a {@linkcode CheckpointError}, and
 * then leaves no memory taken; before any weight is read, a `RangeError` for one that does not fit.
 *
 * @example
 * ```ts ignore
 * import { createRuntime, llama2c, loadModel } from "@tenon/tenon";
 *
 * using runtime = await createRuntime();
 * const { model, checkpoint } = await loadModel(runtime, "stories260K.bin", { plugins: [llama2c] });
 * console.log(String(model.describe()), await checkpoint.tokenizer());
 * ```
 */
export async function loadModel(runtime: Runtime, from: string | Source, options: LoadOptions): Promise<LoadedModel> {
  const { weights = "f32" } = options;
  if (weights !== "stored") expectStored(runtime, weights);
  expectCached(runtime, options.cacheType ?? "f32");
  const source = typeof from === "string" ? openSource(from) : from;
  try {
    return await loadFrom(runtime, source, options);
  } finally {
    if (typeof from === "string") source.close();
  }
}

async function loadFrom(runtime: Runtime, source: Source, options: LoadOptions): Promise<LoadedModel> {
  const { components = [], plugins, context, onProgress, weights = "f32", cacheType = "f32" } = options;
  const checkpoint = await openCheckpoint(source, plugins), { tensors } = checkpoint;
  const { config: stored } = checkpoint; // of any type still: it is checked when the model is built
  const config = context !== undefined && context < stored.context ? { ...stored, context } : stored;
  const cached = context !== undefined;
  const held = weights === "stored" ? storedWeights(runtime, tensors) : weights;
  const built = { components, plugins, initialize: false, weights: held, cacheType, cached };
  const model = buildModel(runtime, source, config, built);
  try {
    checkTensors(source, model, tensors);
    const total = [...model.params.values()].reduce((sum, { tensor }) => sum + size(tensor.shape), 0);
    let done = 0;
    for (const [path, { tensor }] of model.params) {
      const stored = storedFor(tensors.get(path)!, tensor.shape);
      await runtime.load(tensor, stored.read, stored);
      onProgress?.(4 * (done += size(tensor.shape)), 4 * total);
    }
    return { model, checkpoint };
  } catch (error) {
    model.close();
    throw error;
  }
}

function buildModel(runtime: Runtime, source: Source, config: ModelConfig, options: ModelOptions): Model {
  try {
    return createModel(runtime, config, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CheckpointError(`Cannot load ${source.path}: ${error.message}`, { cause: error });
  }
}

/** Stored tensors and parameters must match one to one, but for tables that a shorter context cuts. */
function checkTensors(source: Source, model: Model, tensors: Checkpoint["tensors"]): void {
  for (const [path, { tensor: { shape } }] of model.params) {
    const stored = tensors.get(path);
    if (!stored) throw new CheckpointError(`Cannot load ${source.path}: it has no tensor for ${path} [${shape}]`);
    const own = stored.transposed ? [...stored.shape].reverse() : stored.shape;
    const cut = shape[0] === model.config.context && own[0] > shape[0] ? [shape[0], ...own.slice(1)] : own;
    if (String(cut) !== String(shape)) {
      const expected = stored.transposed ? [...shape].reverse() : shape;
      throw new CheckpointError(
        `Cannot load ${stored.where}: its shape is [${stored.shape.join(", ")}], expected [${
          expected.join(", ")
        }] for ${path}`,
      );
    }
  }
  for (const [path, { where }] of tensors) {
    if (!model.params.has(path)) throw new CheckpointError(`Cannot load ${where}: the model has no ${path}`);
  }
}

/** The stored tensor; only its first rows where the parameter has fewer. */
function storedFor(stored: StoredTensor, shape: readonly number[]): StoredTensor {
  return size(stored.shape) === size(shape) ? stored : { ...stored, shape };
}
