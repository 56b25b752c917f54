import { whole, windowsOf } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike, windowOf } from "./llama_like.ts";

/** StarCoder 2. https://arxiv.org/abs/2402.19173 */
export const starcoder2: Family = llamaLike({
  biases: "all",
  norm: "layerNorm",
  activation: { type: "gelu", approximate: "tanh" },
  config: (fields, { config, attention }) => ({ ...config, attention: { ...attention, window: windowOf(fields) } }),
  metadata: (config) => ({ "attention.sliding_window": whole(windowsOf(config)[0]) }),
  unwindowed: true,
});
