import type { Component } from "../component.ts";
import { number } from "../options.ts";
import { afterWarmup, progress } from "./schedule.ts";

/** Options of {@linkcode cosineSchedule}. */
export interface CosineScheduleConfig {
  /** Share of the learning rate that is left at the last step. */
  floor: number;
}

/**
 * Half a cosine from the learning rate after the warm-up down to `floor` at the last step:
 * `lr · (floor + (1 − floor) · (1 + cos π x) / 2)`, `x = (t − warmup) / (steps − warmup)`. In configs: `"cosine"`. nanoGPT's
 * `get_lr(it)` is step `it + 1` with `warmup = warmup_iters + 1`, `steps = lr_decay_iters + 1`,
 * `floor = min_lr / learning_rate`. Loshchilov & Hutter 2016, https://arxiv.org/abs/1608.03983
 */
export const cosineSchedule: Component<"schedule", "cosine", CosineScheduleConfig> = {
  slot: "schedule",
  type: "cosine",
  options: { floor: number(0.1, { min: 0, max: 1 }) },
  build: ({ floor }, context) =>
    afterWarmup(context, (step) => {
      const x = progress(step, context.warmup, context.steps);
      return floor + (1 - floor) * (1 + Math.cos(Math.PI * x)) / 2;
    }),
};
