/**
 * Models and tokenizers in GGUF files, as llama.cpp writes them; {@linkcode saveGguf} writes them, too.
 *
 * @example
 * ```ts ignore
 * import { createRuntime, loadModel } from "@tenon/tenon";
 * import { gguf } from "@tenon/tenon/gguf";
 *
 * using runtime = await createRuntime();
 * const { model, checkpoint } = await loadModel(runtime, "stories260K.gguf", { plugins: [gguf] });
 * console.log(String(model.describe()), await checkpoint.tokenizer());
 * ```
 *
 * @module
 */
import type { Plugin } from "../../model/plugin.ts";
import { ggufFormat } from "./format.ts";

export type { Plugin };
export { type SavedGguf, type SavedType, saveGguf, type SaveGgufOptions } from "./save.ts";

/**
 * Loads GGUF files of Llama, Mistral, Mixtral, Qwen 2 and 3, Gemma 1 to 3, Phi 2 and 3, StarCoder 1 and 2, OLMo 1 and 2,
 * GPT-2, GPT-NeoX, StableLM, Falcon, Granite, Command R, Nemotron, SmolLM 3, BLOOM and MPT: weights in F32, F16, BF16,
 * Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K; tokenizer and chat templates in the metadata.
 */
export const gguf: Plugin = { name: "gguf", checkpoints: [ggufFormat] };
