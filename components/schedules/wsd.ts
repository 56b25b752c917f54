import type { Component } from "../component.ts";
import { choice, number } from "../options.ts";
import { afterWarmup, progress } from "./schedule.ts";

/** Options of {@linkcode wsdSchedule}. */
export interface WsdScheduleConfig {
  /** Share of all steps in which the learning rate falls, as far as the warm-up leaves them. */
  share: number;
  /** How it falls, from x = 0 to 1: `1 − x`, `(1 + cos π x) / 2`, or `1 − √x`. */
  shape: "linear" | "cosine" | "sqrt";
  /** Share of the learning rate that is left at the last step. */
  floor: number;
}

const shapes: Readonly<Record<WsdScheduleConfig["shape"], (x: number) => number>> = {
  linear: (x) => 1 - x,
  cosine: (x) => (1 + Math.cos(Math.PI * x)) / 2,
  sqrt: (x) => 1 - Math.sqrt(x),
};

/**
 * Warm-up, stable, decay: the learning rate stays until the last `share` of the steps and then falls to `floor`. Training
 * can be continued from the stable part. In configs: `"wsd"`. Hu et al. 2024, https://arxiv.org/abs/2404.06395; `sqrt` by
 * Hägele et al. 2024, https://arxiv.org/abs/2405.18392
 */
export const wsdSchedule: Component<"schedule", "wsd", WsdScheduleConfig> = {
  slot: "schedule",
  type: "wsd",
  options: {
    share: number(0.2, { min: 0, max: 1 }),
    shape: choice("linear", "cosine", "sqrt"),
    floor: number(0, { min: 0, max: 1 }),
  },
  build({ share, shape, floor }, context) {
    const { steps, warmup } = context, first = Math.max(warmup, steps - Math.round(share * steps));
    return afterWarmup(context, (step) => {
      const x = progress(step, first, steps);
      return floor + (1 - floor) * shapes[shape](x);
    });
  },
};
