import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** OLMo, whose norms have no parameters. https://arxiv.org/abs/2402.00838 */
export const olmo: Family = llamaLike({
  architecture: "OlmoForCausalLM",
  type: "olmo",
  defaults: { vocab: 50304, context: 2048, dim: 4096, depth: 32, heads: 32, hidden: 11008 },
  mlpBias: false,
  config(fields, { config }) {
    const limit = fields.nullableNumber("clip_qkv", undefined);
    return {
      ...config,
      norm: { type: "layerNorm", eps: 1e-5, weight: false, bias: false },
      ...(limit !== undefined && { queryKey: { type: "clip", limit } }),
    };
  },
  fields: ({ queryKey }) => ({ clip_qkv: "limit" in queryKey ? queryKey.limit : null }),
});
