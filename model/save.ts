import type { Model } from "./decoder.ts";
import type { SavedCheckpoint, StoredExtras, TensorToStore } from "./format.ts";
import { expectJson } from "./json.ts";
import { type Plugin, pluginError } from "./plugin.ts";
import { sha256 } from "./sha256.ts";
import { openSink, type Sink } from "./sink.ts";
import { CheckpointError } from "./source.ts";

/** Options of {@linkcode saveModel}. */
export interface SaveOptions extends StoredExtras {
  /** The first of their checkpoint formats that can write is used. Default: the plugins that the model was built with. */
  readonly plugins?: readonly Plugin[];
}

/**
 * Writes a model with its weights to a folder (or to an open sink, which stays open and uncommitted). Weights are written
 * piece by piece, as f32. An interrupted or failed save leaves the folder as it was; see {@linkcode openSink}.
 *
 * Throws a {@linkcode CheckpointError} that names path and cause.
 *
 * @example
 * ```ts ignore
 * import { createModel, createRuntime, saveModel } from "@tenon/tenon";
 * import { huggingface } from "@tenon/tenon/huggingface";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 256, context: 64, dim: 32, depth: 2, heads: 4 });
 * const { type } = await saveModel("out/", model, { plugins: [huggingface] });
 * console.log(type); // llama: transformers and others load it, too
 * ```
 */
export async function saveModel(
  to: string | Sink,
  model: Model,
  { plugins = model.plugins, ...extras }: SaveOptions = {},
): Promise<SavedCheckpoint> {
  const path = typeof to === "string" ? to : to.path;
  const found = plugins.flatMap((plugin) => (plugin.checkpoints ?? []).map((format) => ({ plugin, format })))
    .find(({ format }) => format.save);
  if (!found) throw new CheckpointError(`Cannot save ${path}: no format that can be written, expected one in plugins`);
  checkExtras(model, extras);
  const { params, runtime, config } = model;
  const tensors = new Map([...params].map(([name, { tensor }]): [string, TensorToStore] => [
    name,
    { shape: tensor.shape, pieces: () => runtime.pieces(tensor) },
  ]));
  const sink = typeof to === "string" ? openSink(to) : to;
  try {
    const saved = await found.format.save!(sink, { ...extras, config, tensors });
    if (typeof to === "string") sink.commit();
    return saved;
  } catch (error) {
    throw error instanceof CheckpointError ? error : pluginError(found.plugin, "checkpoints", error);
  } finally {
    if (typeof to === "string") sink.close();
  }
}

/**
 * SHA-256, in hexadecimal, of one line for each parameter in the order of declaration: name, shape and the SHA-256 of its
 * row-major f32 bytes, as in `norm.weight [64] 9f86…`. Two models have the same hash if and only if names, shapes and
 * every bit agree, whatever layout and backend they have. Holds one parameter at a time.
 */
export async function hashWeights({ params, runtime }: Pick<Model, "params" | "runtime">): Promise<string> {
  let listing = "";
  for (const [name, { tensor }] of params) {
    const pieces: Float32Array<ArrayBuffer>[] = [];
    for await (const piece of runtime.pieces(tensor)) pieces.push(piece);
    const bytes = await new Blob(pieces).arrayBuffer();
    listing += `${name} [${tensor.shape.join(", ")}] ${await sha256(bytes)}\n`;
  }
  return await sha256(new TextEncoder().encode(listing));
}

function checkExtras({ config: { vocab } }: Model, extras: StoredExtras): void {
  const { beginId, stopIds = [], tokenizer, tokenizerConfig } = extras;
  for (const [name, id] of [["beginId", beginId], ...stopIds.map((id) => ["stopIds", id] as const)] as const) {
    if (id !== undefined && !(Number.isInteger(id) && id >= 0 && id < vocab)) {
      throw new RangeError(`Cannot save ${name} ${id}, expected a whole number below ${vocab}`);
    }
  }
  if (tokenizerConfig && !tokenizer) throw new TypeError("Cannot save tokenizerConfig without a tokenizer");
  for (const [name, value] of Object.entries({ tokenizer, tokenizerConfig })) {
    if (value !== undefined) expectJson(name, value);
  }
}
