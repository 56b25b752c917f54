import type { Component } from "../component.ts";
import { number } from "../options.ts";

/** Options of {@linkcode alibi}. */
export interface AlibiConfig {
  /** The last head's slope is `2^(−max)`. */
  max: number;
  /** Factor of every slope; Falcon has `1 / √headDim`. */
  factor: number;
}

/**
 * Attention with linear biases: `−factor · slope[h] · distance` is added to the score of a key that far back.
 * Press, Smith & Lewis 2022, https://arxiv.org/abs/2108.12409
 */
export const alibi: Component<"position", "alibi", AlibiConfig> = {
  slot: "position",
  type: "alibi",
  options: { max: number(8, { above: 0 }), factor: number(1, { above: 0 }) },
  build({ max, factor }, { buffer, context, heads }) {
    const slopes = alibiSlopes(heads, max).map((slope) => factor * slope);
    const bias = buffer([heads, context], (values) => {
      for (let i = 0; i < values.length; i++) values[i] = -slopes[Math.floor(i / context)] * (i % context);
    });
    return { bias: () => bias };
  },
};

/**
 * The slope of each head: `2^(−max · h/n)` for h = 1 … n where n is a power of two; otherwise those of the next lower
 * power, then every other one of the next higher power.
 */
export function alibiSlopes(heads: number, max = 8): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const geometric = (n: number) => Array.from({ length: n }, (_, h) => 2 ** (-max * (h + 1) / n));
  const odd = geometric(2 * power).filter((_, h) => h % 2 === 0);
  return [...geometric(power), ...odd.slice(0, heads - power)];
}
