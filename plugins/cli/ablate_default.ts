import type { StudyDefinition } from "../../model/ablation/study_definition.ts";

/**
 * What ablate.ts does where it is told neither a base nor what to vary: six years of decoders, component by component.
 * With data or a file of its own only the title, the base and where it leads are taken from it.
 */
export const defaultDefinition: StudyDefinition = {
  title: "From Vaswani to Llama, one component at a time",
  base: { preset: "vaswani", dim: 64, depth: 2, heads: 4, context: 64 },
  to: "llama",
  seeds: 5,
  budget: { steps: 300 },
};
