import type { Component } from "../component.ts";

/** Scores as they are: probabilities are their softmax. In configs: `"softmax"`. */
export const softmaxScores: Component<"scores", "softmax", Record<never, never>> = {
  slot: "scores",
  type: "softmax",
  options: {},
  build: () => ({}),
};
