import type { Component } from "../component.ts";

/**
 * Attention with linear biases: `−slope[h] · distance` is added to the score of a key that far back.
 * Press, Smith & Lewis 2022, https://arxiv.org/abs/2108.12409
 */
export const alibi: Component<"position", "alibi", Record<never, never>> = {
  slot: "position",
  type: "alibi",
  options: {},
  build(_, { buffer, context, heads }) {
    const slopes = alibiSlopes(heads);
    const bias = buffer([heads, context], (values) => {
      for (let i = 0; i < values.length; i++) values[i] = -slopes[Math.floor(i / context)] * (i % context);
    });
    return { bias: () => bias };
  },
};

/**
 * The slope of each head: `2^(−8h/n)` for h = 1 … n where n is a power of two; otherwise those of the next lower power,
 * then every other one of the next higher power.
 */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const geometric = (n: number) => Array.from({ length: n }, (_, h) => 2 ** (-8 * (h + 1) / n));
  const odd = geometric(2 * power).filter((_, h) => h % 2 === 0);
  return [...geometric(power), ...odd.slice(0, heads - power)];
}
