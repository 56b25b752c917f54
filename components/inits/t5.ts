import type { Component } from "../component.ts";
import { normal } from "../init.ts";
import { number } from "../options.ts";

/** Options of {@linkcode t5Init}. */
export interface T5InitConfig {
  /** Factor of every deviation. */
  factor: number;
}

/**
 * By role: products from N(0, 1/inputs), the head from N(0, 1/dim), the embedding from N(0, 1). Where the embedding is the
 * head as well, from N(0, 1/dim): T5 itself divides what enters its head by √dim. T5 gives queries another 1/√headDim and
 * does not scale its scores; here attention scales them. In configs: `"t5"`.
 * Raffel et al. 2020, https://arxiv.org/abs/1910.10683
 */
export const t5Init: Component<"init", "t5", T5InitConfig> = {
  slot: "init",
  type: "t5",
  options: { factor: number(1, { above: 0 }) },
  build: ({ factor }, { tied }) => ({
    weight: (role, [, inputs]) => normal(role === "embedding" && !tied ? factor : factor / Math.sqrt(inputs)),
  }),
};
