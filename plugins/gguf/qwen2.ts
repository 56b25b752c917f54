import type { ModelConfig } from "../../model/config.ts";
import type { Family } from "./family.ts";
import type { MetadataFields } from "./fields.ts";
import { type LlamaBase, llamaLike } from "./llama_like.ts";

/** Qwen 2 and 2.5. https://arxiv.org/abs/2407.10671 */
export const qwen2: Family = llamaLike({ config: unlimited });

/** Windows are not written: in which layers they would be, metadata cannot say. */
export function unlimited(fields: MetadataFields, { config }: LlamaBase): ModelConfig {
  fields.only("attention.sliding_window", 0);
  return config;
}
