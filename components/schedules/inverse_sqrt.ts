import type { Component } from "../component.ts";
import { afterWarmup } from "./schedule.ts";

/**
 * `lr · √(warmup / t)` after the warm-up, whatever the number of steps; without a warm-up `lr / √t`. In configs:
 * `"inverseSqrt"`. The Transformer's, whose `dim^−½ · min(t^−½, t · warmup^−3/2)` is this for
 * `learningRate = (dim · warmup)^−½`. Vaswani et al. 2017, section 5.3, https://arxiv.org/abs/1706.03762
 */
export const inverseSqrtSchedule: Component<"schedule", "inverseSqrt", Record<never, never>> = {
  slot: "schedule",
  type: "inverseSqrt",
  options: {},
  build: (_, context) => afterWarmup(context, (step) => Math.sqrt(Math.max(1, context.warmup) / Math.max(1, step))),
};
