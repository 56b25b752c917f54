/**
 * A small model that comes with the package. It writes stories, and loading it needs no permission.
 *
 * @example
 * ```ts
 * import { createRuntime, generateText } from "@tenon/tenon";
 * import { loadEmbedded } from "@tenon/tenon/embedded";
 *
 * using runtime = await createRuntime();
 * const { model, tokenizer } = await loadEmbedded(runtime);
 * const samplers = [{ type: "temperature", value: 0.8 }, { type: "topP", p: 0.95 }] as const;
 * for await (const { text } of generateText(model, tokenizer, "", { samplers, seed: 1 })) console.log(text);
 * ```
 *
 * @module
 */
import { loadModel } from "../../model/checkpoint.ts";
import type { Model } from "../../model/decoder.ts";
import type { Plugin } from "../../model/plugin.ts";
import { memorySource, type Source } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { packedFormat } from "./format.ts";
import { model as base64 } from "./gen/model.ts";

export type { Model, Plugin, Runtime, Source, Tokenizer };

/** What the model is called in messages. */
const NAME = "the embedded model";

/** Opens packed models, {@linkcode embeddedSource} among them. */
export const embedded: Plugin = { name: "embedded", checkpoints: [packedFormat] };

/** The embedded model as a file in memory, for `loadModel` with {@linkcode embedded} among its plugins. */
export function embeddedSource(): Source {
  return memorySource({ [NAME]: Uint8Array.fromBase64(base64) }, NAME);
}

/** The embedded model and its tokenizer. */
export interface Embedded {
  /** Ready to run. Close it to free its memory. */
  readonly model: Model;
  /** An empty prompt is the beginning of a document. */
  readonly tokenizer: Tokenizer;
}

/** Loads the embedded model into `runtime`. */
export async function loadEmbedded(runtime: Runtime): Promise<Embedded> {
  const { model, checkpoint } = await loadModel(runtime, embeddedSource(), { plugins: [embedded] });
  return { model, tokenizer: (await checkpoint.tokenizer())! };
}
