import type { Component } from "../component.ts";
import { groupedAttention, type SoftmaxAttentionConfig, softmaxOptions } from "./grouped.ts";

/** All query heads share one key and one value head. Shazeer 2019, https://arxiv.org/abs/1911.02150 */
export const multiQuery: Component<"attention", "multiQuery", SoftmaxAttentionConfig> = {
  slot: "attention",
  type: "multiQuery",
  options: softmaxOptions,
  build: (config, context) => groupedAttention({ ...config, kvHeads: 1 }, context),
};
