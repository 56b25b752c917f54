import type { Component } from "../component.ts";
import { number } from "../options.ts";
import { afterWarmup, progress } from "./schedule.ts";

/** Options of {@linkcode linearSchedule}. */
export interface LinearScheduleConfig {
  /** Share of the learning rate that is left at the last step. */
  floor: number;
}

/**
 * A line from the learning rate after the warm-up down to `floor` at the last step:
 * `lr · (1 − (1 − floor) · (t − warmup) / (steps − warmup))`. In configs: `"linear"`. As in BERT; Devlin et al. 2018,
 * https://arxiv.org/abs/1810.04805
 */
export const linearSchedule: Component<"schedule", "linear", LinearScheduleConfig> = {
  slot: "schedule",
  type: "linear",
  options: { floor: number(0, { min: 0, max: 1 }) },
  build: ({ floor }, context) =>
    afterWarmup(context, (step) => 1 - (1 - floor) * progress(step, context.warmup, context.steps)),
};
