import type { Plugin } from "../../model/plugin.ts";
import { llama2cFormat } from "./format.ts";

/** Loads the checkpoints and tokenizers of https://github.com/karpathy/llama2.c. */
export const llama2c: Plugin = { name: "llama2c", checkpoints: [llama2cFormat] };
