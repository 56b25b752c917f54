import type { StudyDefinition } from "../../model/ablation/study_definition.ts";

/**
 * What ablate.ts does where it is told neither a base nor what to vary: five years of decoders, component by component.
 * With data or a file of its own only the title, the base and where it leads are taken from it.
 *
 * The embedding starts from N(0, 1) and is not tied to the head: as large as the sinusoids that are added to it, which
 * Vaswani et al. 2017 reach by a factor √dim. From the usual deviation of 0.02 a sinusoidal model learns next to nothing
 * in so few steps, and the whole path would show that alone.
 */
export const defaultDefinition: StudyDefinition = {
  title: "From Vaswani to Llama, one component at a time",
  base: { preset: "vaswani", tied: false, init: "t5" },
  to: "llama",
  seeds: 5,
  match: "parameters",
  budget: { steps: 500 },
};
