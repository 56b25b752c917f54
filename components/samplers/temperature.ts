import type { Component } from "../component.ts";
import { number } from "../options.ts";

/** Options of {@linkcode temperature}. */
export interface TemperatureConfig {
  /** What logits are divided by: below 1 sharper, above 1 flatter. */
  value: number;
}

/** `logits / value`. Ackley, Hinton & Sejnowski 1985, https://doi.org/10.1207/s15516709cog0901_7 */
export const temperature: Component<"sampler", "temperature", TemperatureConfig> = {
  slot: "sampler",
  type: "temperature",
  options: { value: number(1, { above: 0 }) },
  build: ({ value }) => ({
    apply(logits) {
      for (let i = 0; i < logits.length; i++) logits[i] /= value;
    },
  }),
};
