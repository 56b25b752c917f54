import type { Family } from "./family.ts";
import { llamaLike, QKV } from "./llama_like.ts";

/** BLOOM. https://arxiv.org/abs/2211.05100 */
export const bloom: Family = llamaLike({
  biases: "all",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "tanh" },
  position: "alibi",
  config: (_, { config }) => ({ ...config, stem: { type: "plain", norm: true } }),
  names: [["token_embd_norm", "stem.norm"]],
  joined: () => QKV,
});
