import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Nemotron 4 and Minitron. https://arxiv.org/abs/2402.16819 */
export const nemotron: Family = llamaLike({
  biases: "any",
  tied: false,
  norm: "layerNorm",
  activation: { type: "reluSquared" },
  turns: ["partial"],
  raised: /norm\d?\.weight$/,
  config: (_, { config, norm: { eps } }) => ({ ...config, norm: { type: "layerNorm", eps, offset: 1 } }),
});
