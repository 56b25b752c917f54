import type { Component } from "../component.ts";
import { number } from "../options.ts";

/** Options of {@linkcode softcap}. */
export interface SoftcapConfig {
  /** Bound of the scores. */
  cap: number;
}

/**
 * Scores bounded before the softmax: `cap · tanh(score / cap)`; a bias of positions is added afterwards. As in Gemma 2,
 * https://arxiv.org/abs/2408.00118
 */
export const softcap: Component<"scores", "softcap", SoftcapConfig> = {
  slot: "scores",
  type: "softcap",
  options: { cap: number(50, { above: 0 }) },
  build: ({ cap }) => ({ softcap: cap }),
};
