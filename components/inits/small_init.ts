import type { Component } from "../component.ts";
import { normal } from "../init.ts";
import { boolean } from "../options.ts";

/** Options of {@linkcode smallInit}. */
export interface SmallInitConfig {
  /**
   * Weights that end a branch of the residual stream from N(0, (2 / (depth · √dim))²), as in GPT-NeoX-20B:
   * Black et al. 2022, https://arxiv.org/abs/2204.06745
   */
  residual: boolean;
}

/**
 * Every weight from N(0, 2 / (5 · dim)): Xavier's of the widest product, `dim` to `4 · dim`, for all.
 * Nguyen & Salazar 2019, https://arxiv.org/abs/1910.05895
 */
export const smallInit: Component<"init", "smallInit", SmallInitConfig> = {
  slot: "init",
  type: "smallInit",
  options: { residual: boolean(false) },
  build: ({ residual }, { depth, dim }) => ({
    weight: (role) => normal(residual && role === "residual" ? 2 / (depth * Math.sqrt(dim)) : Math.sqrt(2 / (5 * dim))),
  }),
};
