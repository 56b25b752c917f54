/**
 * Reports of ablations: tables, plots and a page, from the plain JSON of an outcome.
 *
 * @example
 * ```ts ignore
 * import { reportTable, writeReport } from "@tenon/tenon/report";
 *
 * console.log(reportTable(outcome));
 * await writeReport(outcome, "report/"); // report/index.html
 * ```
 *
 * @module
 */
export type { Json } from "../../components/options.ts";
export type { ModelSizes, PerLayer, ResolvedConfig, ResolvedOptions } from "../../model/config.ts";
export type {
  AblationOutcome,
  ArmOutcome,
  Comparison,
  Costs,
  CurvePoint,
  DataSummary,
  LearningRateChoice,
  LengthScore,
  Metric,
  Score,
  TrialResult,
} from "../../model/ablation/outcome.ts";
export type { AblationMode, Change, Variation } from "../../model/ablation/plan.ts";
export type { PresetName } from "../../model/ablation/presets.ts";
export type { Difference, Summary } from "../../model/ablation/statistics.ts";
export type {
  Budget,
  Match,
  Study,
  Sweep,
  TaskData,
  TextData,
  TrainingSettings,
  TrialTraining,
} from "../../model/ablation/study.ts";
export type { Verdict } from "../../model/ablation/verdict.ts";
export { reportHtml } from "./ablation/page.ts";
export { reportPlots } from "./ablation/plots.ts";
export { reportCsv, reportMarkdown, reportTable } from "./ablation/texts.ts";
export { writeReport } from "./ablation/write.ts";
export { type LossCurves, lossPlot, type LossPoint } from "./loss_plot.ts";
export type { Plot, PlotSpec } from "./plot.ts";
export { renderPlot } from "./render.ts";
