import { layerOf, real } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** OLMo, whose norms have no parameters. https://arxiv.org/abs/2402.00838 */
export const olmo: Family = llamaLike({
  norm: "layerNorm",
  neighbours: true,
  config(fields, { config, norm: { eps } }) {
    const limit = fields.number("attention.clamp_kqv", 0);
    return {
      ...config,
      norm: { type: "layerNorm", eps, weight: false, bias: false },
      ...(limit && { queryKey: { type: "clip", limit } }),
    };
  },
  metadata: (config) => ({ "attention.clamp_kqv": real(layerOf(config).queryKey.limit) }),
});
