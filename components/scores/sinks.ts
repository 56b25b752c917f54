import type { Component } from "../component.ts";
import { zeros } from "../init.ts";

/**
 * Each head has one more key, of a trained score and with no value: `exp(s) / (exp(sink) + Σ exp(s))`, so that a head can
 * attend to nothing. As in gpt-oss, https://arxiv.org/abs/2508.10925; Xiao et al. 2023, https://arxiv.org/abs/2309.17453
 */
export const sinks: Component<"scores", "sinks", Record<never, never>> = {
  slot: "scores",
  type: "sinks",
  options: {},
  build: (_, { heads, param }) => ({ sinks: param("sinks", [heads], zeros) }),
};
