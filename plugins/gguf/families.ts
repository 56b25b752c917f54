import type { Family } from "./family.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";

/** The families that can be read, by `general.architecture`. */
export const families: Readonly<Record<string, Family>> = { llama, gpt2 };
