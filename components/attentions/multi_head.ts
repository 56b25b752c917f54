import type { Component } from "../component.ts";
import { groupedAttention, type SoftmaxAttentionConfig, softmaxOptions } from "./grouped.ts";

/** Every query head has a key and a value head of its own. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 */
export const multiHead: Component<"attention", "multiHead", SoftmaxAttentionConfig> = {
  slot: "attention",
  type: "multiHead",
  options: softmaxOptions,
  build: (config, context) => groupedAttention({ ...config, kvHeads: context.heads }, context),
};
