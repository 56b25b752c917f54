import type { Family } from "./family.ts";
import { llamaLike, QKV } from "./llama_like.ts";

/** GPT BigCode: SantaCoder and StarCoder. https://arxiv.org/abs/2305.06161 */
export const starcoder: Family = llamaLike({
  biases: "all",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "tanh" },
  position: "learned",
  names: [["position_embd.weight", "position.table"]],
  joined: () => QKV,
});
