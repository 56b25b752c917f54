import type { Component } from "../component.ts";
import { argmax } from "./sampler.ts";

/** Keeps only the most likely token, the first of equals. */
export const greedy: Component<"sampler", "greedy", Record<never, never>> = {
  slot: "sampler",
  type: "greedy",
  options: {},
  build: () => ({
    greedy: true,
    apply(logits) {
      const best = argmax(logits), top = logits[best];
      logits.fill(-Infinity);
      logits[best] = top;
    },
  }),
};
