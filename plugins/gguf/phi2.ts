import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Phi 1, 1.5 and 2. https://arxiv.org/abs/2309.05463 */
export const phi2: Family = llamaLike({
  tied: false,
  biases: "all",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "tanh" },
  turns: ["partial"],
  config: (_, { config, names }) => ({
    ...config,
    block: "parallel",
    head: { type: "linear", bias: names.has("output.bias") },
  }),
});
