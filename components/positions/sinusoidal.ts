import { sliceRows } from "../../runtime/tensor.ts";
import type { Component } from "../component.ts";
import { choice, number } from "../options.ts";
import { sinusoidTable } from "./sinusoid_table.ts";

/** Options of {@linkcode sinusoidal}. */
export interface SinusoidalConfig {
  /** Longest wavelength over 2π. */
  base: number;
  /** `interleaved`: sine and cosine in turn, as in the paper; `half`: all sines, then all cosines, as in Marian. */
  layout: "interleaved" | "half";
}

/**
 * `p[t, 2i] = sin(t · base^(−2i/dim))`, `p[t, 2i + 1] = cos(…)`, added to the embedding.
 * Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
 */
export const sinusoidal: Component<"position", "sinusoidal", SinusoidalConfig> = {
  slot: "position",
  type: "sinusoidal",
  options: { base: number(10000, { above: 1 }), layout: choice("interleaved", "half") },
  build({ base, layout }, context) {
    const { dim, ops } = context;
    const frequencies = Array.from({ length: Math.ceil(dim / 2) }, (_, i) => base ** (-2 * i / dim));
    const rows = sinusoidTable(context, dim, layout === "half" ? "sinCos" : "interleaved");
    return {
      embed(x, start) {
        const time = x.shape[1];
        return ops.add(x, sliceRows(rows(start + time, frequencies), start, time));
      },
    };
  },
};
