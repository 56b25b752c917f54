import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { unlimited } from "./qwen2.ts";

/** Qwen 3. https://arxiv.org/abs/2505.09388 */
export const qwen3: Family = llamaLike({
  config: (fields, base) => ({ ...unlimited(fields, base), queryKey: "headNorm" }),
});
