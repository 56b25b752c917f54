import type { Component } from "../component.ts";
import { afterWarmup } from "./schedule.ts";

/** The same learning rate at every step, after the warm-up. In configs: `"constant"`. */
export const constantSchedule: Component<"schedule", "constant", Record<never, never>> = {
  slot: "schedule",
  type: "constant",
  options: {},
  build: (_, context) => afterWarmup(context, () => 1),
};
