import type { Component } from "../component.ts";
import { integer, nullable } from "../options.ts";
import { groupedAttention, quarterHeads, type SoftmaxAttentionConfig, softmaxOptions } from "./grouped.ts";

/** Options of {@linkcode groupedQuery}. */
export interface GroupedQueryConfig extends SoftmaxAttentionConfig {
  /** Key and value heads; must divide `heads`. `null` for a quarter of the heads, or the next divisor below. */
  kvHeads: number | null;
}

/** Groups of query heads share a key and a value head. Ainslie et al. 2023, https://arxiv.org/abs/2305.13245 */
export const groupedQuery: Component<"attention", "groupedQuery", GroupedQueryConfig> = {
  slot: "attention",
  type: "groupedQuery",
  options: { kvHeads: nullable(integer(1, { min: 1 }), "a quarter of the heads"), ...softmaxOptions },
  build: (config, context) =>
    groupedAttention({ ...config, kvHeads: config.kvHeads ?? quarterHeads(context.heads) }, context),
};
