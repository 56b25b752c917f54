import type { Component } from "../../components/component.ts";
import type { Plugin } from "../plugin.ts";
import type { ResolvedConfig } from "../config.ts";
import { planModel } from "../describe.ts";
import { builtins } from "../../components/builtins.ts";
import type { Study, TrialTraining } from "./study.ts";

/** What training a model costs: three times the products of its forward pass, whose attention grows over the context. */
export function trainingFlopsPerToken(config: ResolvedConfig, components: readonly Component[]): number {
  const { flopsPerToken, flopsPerTokenFull } = planModel(config, [...builtins, ...components], []);
  return 3 * (flopsPerToken + flopsPerTokenFull) / 2;
}

/** Components that plugins bring beside those given. */
export function allComponents(
  { components, plugins }: { readonly components: readonly Component[]; readonly plugins: readonly Plugin[] },
): readonly Component[] {
  return [...components, ...plugins.flatMap((plugin) => plugin.components ?? [])];
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
