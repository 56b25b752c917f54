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
export { reportHtml } from "./ablation/page.ts";
export { reportPlots } from "./ablation/plots.ts";
export { reportCsv, reportLines, reportMarkdown, reportTable } from "./ablation/texts.ts";
export { writeReport } from "./ablation/write.ts";
export { type LossCurves, lossPlot, type LossPoint } from "./loss_plot.ts";
export type { Plot, PlotSpec } from "./plot.ts";
export { renderPlot } from "./render.ts";
