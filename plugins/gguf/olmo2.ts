import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { unlimited } from "./qwen2.ts";

/** OLMo 2. https://arxiv.org/abs/2501.00656 (OLMo 3, which has windows, goes by the same name and is refused.) */
export const olmo2: Family = llamaLike({
  tied: false,
  config: (fields, base) => ({ ...unlimited(fields, base), queryKey: "fullNorm", block: "afterNorm" }),
  names: [
    ["blk.#.post_attention_norm", "blocks.#.norm1"],
    ["blk.#.post_ffw_norm", "blocks.#.norm2"],
  ],
});
