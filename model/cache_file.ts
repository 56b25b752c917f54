import { bytesOf, type CacheType, type Tensor } from "../runtime/tensor.ts";
import type { ModelCache } from "./cache.ts";
import type { Model } from "./decoder.ts";
import type { TensorToStore } from "./format.ts";
import { show } from "./json.ts";
import { type RawTensor, readRawTensors } from "./safetensors.ts";
import { safetensorsPieces } from "./safetensors_writer.ts";
import { hashWeights } from "./save.ts";
import { jsonPieces, openSink, type Sink } from "./sink.ts";
import { CheckpointError, openSource, readJson, type Source } from "./source.ts";

const TENSORS = "cache.safetensors", ABOUT = "cache.json";
/** Version of the files that is written, and the only one that is read. */
const VERSION = 2;
/** What caches may keep keys and values as. */
const types: readonly CacheType[] = ["f32", "f16", "q8_0"];
/** Digits of a hash that tell two models apart in a message. */
const SHOWN = 12;

/**
 * Writes a cache of `model` to a folder (or to an open sink, which stays open and uncommitted): its memory to
 * `cache.safetensors`, all of it, so make caches that are saved no longer than they need to be; to `cache.json` its
 * tokens and the model that it belongs to, the whole config and the hash of the weights, and what it keeps keys and
 * values as, if not f32: they are written as they are.
 *
 * Throws a {@linkcode CheckpointError} that names path and cause.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, loadCache, memorySink, memorySource, saveCache } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 100, context: 32, dim: 16, depth: 1, heads: 2 });
 * using cache = model.newCache(1, 8);
 * runtime.scope(() => model.forward([3, 1, 4], { cache }));
 * const sink = memorySink(); // or the path of a folder
 * await saveCache(sink, model, cache);
 * sink.commit();
 * using again = await loadCache(memorySource(sink.contents), model);
 * assertEquals(again.ids, [[3, 1, 4]]);
 * ```
 */
export async function saveCache(to: string | Sink, model: Model, cache: ModelCache): Promise<void> {
  const { batch, length, ids, reach, tensors } = cache, { config, runtime, cacheType } = model;
  const stored = new Map(tensors.map((tensor, i): [string, TensorToStore] => {
    const { shape, dtype } = tensor;
    if (dtype !== "f32" && dtype !== "f16" && dtype !== "i8") {
      throw new TypeError(`Cannot save a cache of ${dtype}, expected f32, f16 or i8`);
    }
    return [nameOf(i), { shape, dtype, pieces: () => runtime.pieces(wordsOf(tensor)) }];
  }));
  const weights = await hashWeights(model);
  const about = { version: VERSION, config, weights, cacheType, batch, length, ids, reach };
  const sink = typeof to === "string" ? openSink(to) : to;
  try {
    await sink.write(TENSORS, safetensorsPieces(stored));
    await sink.write(ABOUT, jsonPieces(about));
    if (typeof to === "string") sink.commit();
  } finally {
    if (typeof to === "string") sink.close();
  }
}

/**
 * Reads back what {@linkcode saveCache} wrote. Throws a {@linkcode CheckpointError} that says what differs if it belongs
 * to another model, and then leaves no memory taken.
 */
export async function loadCache(from: string | Source, model: Model): Promise<ModelCache> {
  const source = typeof from === "string" ? openSource(from) : from;
  try {
    for (const file of [ABOUT, TENSORS]) {
      if (!source.files.includes(file)) throw new CheckpointError(`Cannot load ${source.path}: it has no ${file}`);
    }
    const { batch, length, ids, reach } = await readAbout(source, model);
    const stored = await readRawTensors(source, TENSORS);
    const cache = model.newCache(batch, length);
    try {
      await fill(model, cache.tensors, stored);
      cache.hold(ids.flat(), 0);
      cache.trim(ids[0].length, reach);
      return cache;
    } catch (error) {
      cache.close();
      throw error;
    }
  } finally {
    if (typeof from === "string") source.close();
  }
}

async function fill(
  { runtime }: Model,
  tensors: readonly Tensor[],
  stored: ReadonlyMap<string, RawTensor>,
): Promise<void> {
  expectTensors(stored, tensors);
  for (const [i, tensor] of tensors.entries()) {
    await runtime.load(wordsOf(tensor), stored.get(nameOf(i))!.read, { dtype: "f32" });
  }
}

/** The bytes of a tensor, whatever it holds, as if they were f32: a panel has 8 elements. */
function wordsOf(tensor: Tensor): Tensor {
  return { ...tensor, dtype: "f32", shape: [bytesOf(tensor) / 4] };
}

interface About {
  readonly batch: number;
  readonly length: number;
  readonly ids: readonly (readonly number[])[];
  readonly reach: number;
}

async function readAbout(source: Source, model: Model): Promise<About> {
  const json = await readJson(source, ABOUT), { version, config, weights, cacheType, batch, length, ids, reach } = json;
  const wrong = (key: string, expected: string) =>
    new CheckpointError(`Cannot read ${ABOUT}: ${key} is ${show(json[key])}, expected ${expected}`);
  if (version !== VERSION) throw wrong("version", String(VERSION));
  if (typeof config !== "object" || config === null) throw wrong("config", "the config of a model");
  if (typeof weights !== "string") throw wrong("weights", "the hash of the weights of a model");
  expectOwner(source, config as Readonly<Record<string, unknown>>, model.config);
  const own = await hashWeights(model);
  if (weights !== own) {
    throw new CheckpointError(
      `Cannot load ${source.path}: it belongs to a model with the same config and other weights ` +
        `(${weights.slice(0, SHOWN)}), expected those of this model (${own.slice(0, SHOWN)})`,
    );
  }
  if (!types.some((type) => type === cacheType)) throw wrong("cacheType", types.join(" or "));
  if (cacheType !== model.cacheType) {
    throw new CheckpointError(
      `Cannot load ${source.path}: it keeps keys and values in ${cacheType}, expected ${model.cacheType} as this model`,
    );
  }
  const { context, vocab } = model.config;
  if (!isCount(length, context + 1) || !length) throw wrong("length", `a whole number from 1 to ${context}`);
  if (!isCount(batch) || !batch) throw wrong("batch", "a whole number from 1");
  const rows = Array.isArray(ids) ? ids : [];
  const good = rows.length === batch &&
    rows.every((row) =>
      Array.isArray(row) && row.length === rows[0].length && row.length <= length &&
      row.every((id) => isCount(id, vocab))
    );
  if (!good) throw wrong("ids", `${batch} lists of equal length, at most ${length}, of whole numbers below ${vocab}`);
  if (!isCount(reach, length + 1) || reach < rows[0].length) {
    throw wrong("reach", `a whole number from ${rows[0].length} to ${length}`);
  }
  return { batch, length, ids: rows, reach };
}

/** The model that a cache belongs to is the one that it is loaded for, field by field. */
function expectOwner(source: Source, theirs: Readonly<Record<string, unknown>>, own: object): void {
  const mine = own as Readonly<Record<string, unknown>>;
  const other = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])]
    .find((key) => JSON.stringify(theirs[key]) !== JSON.stringify(mine[key]));
  if (other === undefined) return;
  throw new CheckpointError(
    `Cannot load ${source.path}: it belongs to a model whose ${other} is ${show(theirs[other])}, ` +
      `expected ${show(mine[other])} as in this one`,
  );
}

function expectTensors(stored: ReadonlyMap<string, RawTensor>, tensors: readonly Tensor[]): void {
  const shown = (all: readonly (Pick<RawTensor, "dtype" | "shape"> | undefined)[]) =>
    all.map((tensor) => tensor ? `${tensor.dtype.toUpperCase()} [${tensor.shape.join(", ")}]` : "none").join(", ");
  const found = shown(tensors.map((_, i) => stored.get(nameOf(i)))), wanted = shown(tensors);
  if (found !== wanted || stored.size !== tensors.length) {
    throw new CheckpointError(`Cannot read ${TENSORS}: its ${stored.size} tensors are ${found}, expected ${wanted}`);
  }
}

/** Tensors go by the order in which layers asked for them. */
function nameOf(index: number): string {
  return `tensors.${index}`;
}

function isCount(value: unknown, limit: number = Infinity): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < limit;
}
