/**
 * Checkpoints as they are on the Hugging Face hub.
 *
 * @example
 * ```ts ignore
 * import { createRuntime, loadModel } from "@tenon/tenon";
 * import { huggingface } from "@tenon/tenon/huggingface";
 *
 * using runtime = await createRuntime();
 * const { model, checkpoint } = await loadModel(runtime, "SmolLM2-135M/", { plugins: [huggingface] });
 * console.log(String(model.describe()), await checkpoint.tokenizer());
 * ```
 *
 * @module
 */
import type { Plugin } from "../../model/plugin.ts";
import { huggingfaceFormat } from "./format.ts";

export type { Plugin };

/** Loads and saves folders with `config.json`, safetensors and `tokenizer.json`, of the families in `families.ts`. */
export const huggingface: Plugin = { name: "huggingface", checkpoints: [huggingfaceFormat] };
