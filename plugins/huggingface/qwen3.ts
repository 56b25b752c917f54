import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { qwenAttention, qwenFields } from "./qwen2.ts";

/** Qwen 3. https://arxiv.org/abs/2505.09388 */
export const qwen3: Family = llamaLike({
  architecture: "Qwen3ForCausalLM",
  type: "qwen3",
  defaults: {
    vocab: 151936,
    context: 32768,
    dim: 4096,
    depth: 32,
    heads: 32,
    kvHeads: 32,
    headDim: 128,
    hidden: 22016,
  },
  mlpBias: false,
  config: (fields, base) => ({ ...base.config, attention: qwenAttention(fields, base), queryKey: "headNorm" }),
  fields: qwenFields,
});
