import type { Component } from "../component.ts";

/** `y = x`: the baseline of norm ablations. In configs: `"none"`. */
export const noNorm: Component<"norm", "none", Record<never, never>> = {
  slot: "norm",
  type: "none",
  options: {},
  build: () => ({ forward: (x) => x }),
};
