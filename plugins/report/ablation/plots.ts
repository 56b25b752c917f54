import type { AblationOutcome } from "../../../model/ablation/outcome.ts";
import type { Plot } from "../plot.ts";
import { factsOf } from "./facts.ts";
import { costPlots } from "./plot_costs.ts";
import { exactMatchPlot, lossPlots } from "./plot_curves.ts";
import { effectPlot } from "./plot_effects.ts";
import { lengthPlot } from "./plot_lengths.ts";

/** Names of all plots that an outcome may have. */
export const plotNames: readonly string[] = [
  "effects",
  "exact-match",
  "loss-by-step",
  "loss-by-flops",
  "loss-by-time",
  "lengths",
  "quality-by-parameters",
  "quality-by-flops",
  "quality-by-time",
  "quality-by-decoding",
];

/** The plots of an outcome that has what they show, as data: nothing is drawn. */
export function reportPlots(outcome: AblationOutcome): Plot[] {
  const facts = factsOf(outcome);
  return [effectPlot(facts), exactMatchPlot(facts), ...lossPlots(facts), lengthPlot(facts), ...costPlots(facts)]
    .filter((plot) => plot !== undefined);
}
