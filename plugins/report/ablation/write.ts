import type { AblationOutcome } from "../../../model/ablation/outcome.ts";
import { openSink } from "../../../model/sink.ts";
import { renderPlot } from "../render.ts";
import { reportHtml } from "./page.ts";
import { reportPlots } from "./plots.ts";
import { reportCsv, reportMarkdown } from "./texts.ts";
import { themeStyle } from "./theme.ts";

/**
 * Writes the report of an ablation into a folder, all of its files at once: `index.html`, `results.md`, `results.csv` and an
 * SVG picture for each plot. Returns their names. Throws a `CheckpointError` where that cannot be written.
 */
export async function writeReport(outcome: AblationOutcome, folder: string): Promise<string[]> {
  const files = new Map([["results.csv", reportCsv(outcome)], ["results.md", reportMarkdown(outcome)]]);
  for (const plot of reportPlots(outcome)) files.set(`${plot.name}.svg`, await renderPlot(plot, themeStyle()));
  files.set("index.html", await reportHtml(outcome));
  using sink = openSink(folder);
  for (const [name, text] of files) await sink.write(name, [new TextEncoder().encode(text)]);
  sink.commit();
  return [...files.keys()];
}
