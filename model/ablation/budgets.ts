import type { Component } from "../../components/component.ts";
import type { ResolvedConfig } from "../config.ts";
import { type Description, planModel } from "../describe.ts";
import { builtins } from "../../components/builtins.ts";
import type { Study, TrialTraining } from "./study.ts";

/** Floating-point operations of products for a token, averaged over the context: attention grows linearly over it. */
export function meanFlopsPerToken(
  { flopsPerToken, flopsPerTokenFull }: Pick<Description, "flopsPerToken" | "flopsPerTokenFull">,
): number {
  return (flopsPerToken + flopsPerTokenFull) / 2;
}

/** What training a model costs: three times its forward pass. */
export function trainingFlopsPerToken(config: ResolvedConfig, components: readonly Component[]): number {
  return 3 * meanFlopsPerToken(planModel(config, [...builtins, ...components], []));
}

/** The training of a trial, whose number of steps is known. */
export function trainingFor({ training, evaluations, lengths }: Study, steps: number): TrialTraining {
  return {
    ...training,
    steps,
    warmup: Math.round(training.warmup * steps),
    evaluations: Math.min(evaluations, steps),
    lengths,
    weights: 0,
  };
}
