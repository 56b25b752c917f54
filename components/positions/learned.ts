import type { Component } from "../component.ts";
import { normal } from "../init.ts";
import { number } from "../options.ts";

/** Options of {@linkcode learned}. */
export interface LearnedConfig {
  /** Standard deviation at initialisation. */
  std: number;
}

/** A trained vector for each position, added to the embedding. As in GPT-2; Gehring et al. 2017, https://arxiv.org/abs/1705.03122 */
export const learned: Component<"position", "learned", LearnedConfig> = {
  slot: "position",
  type: "learned",
  options: { std: number(0.02, { min: 0 }) },
  build({ std }, { context, dim, ops, param }) {
    const table = param("table", [context, dim], normal(std));
    return {
      embed(x, start) {
        const time = x.shape[1], positions = Array.from({ length: time }, (_, t) => start + t);
        return ops.add(x, ops.embed(table, positions, [time]));
      },
    };
  },
};
