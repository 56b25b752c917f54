/**
 * Checkpoints of nanoGPT, and the reader of PyTorch's own files that folders of Hugging Face are read with, too. Nothing
 * in a file is executed.
 *
 * @example
 * ```ts ignore
 * import { createRuntime, loadModel } from "@tenon/tenon";
 * import { pytorch } from "@tenon/tenon/pytorch";
 *
 * using runtime = await createRuntime();
 * const { model, checkpoint } = await loadModel(runtime, "out/ckpt.pt", { plugins: [pytorch] });
 * console.log(String(model.describe()), await checkpoint.tokenizer("meta.pkl"));
 * ```
 *
 * @module
 */
import type { Plugin } from "../../model/plugin.ts";
import { nanogptFormat } from "./nanogpt.ts";

export type { Plugin };

/** Loads the `ckpt.pt` of https://github.com/karpathy/nanoGPT. */
export const pytorch: Plugin = { name: "pytorch", checkpoints: [nanogptFormat] };
