import type { AblationOutcome } from "../../../model/ablation/outcome.ts";
import { openSink } from "../../../model/sink.ts";
import { renderPlot } from "../render.ts";
import { reportHtml } from "./page.ts";
import { plotNames, reportPlots } from "./plots.ts";
import { reportCsv, reportLines, reportMarkdown } from "./texts.ts";
import { themeStyle } from "./theme.ts";

/**
 * Writes the report of an ablation into a folder, all of its files at once: `index.html`, `results.md`, `results.csv`,
 * `results.jsonl` (a line for each of its trials) and an SVG picture for each plot. Pictures that an earlier report had and this one has not are removed then. Returns the names.
 * Throws a `CheckpointError` where that cannot be written.
 */
export async function writeReport(outcome: AblationOutcome, folder: string): Promise<string[]> {
  const files = new Map([
    ["results.csv", reportCsv(outcome)],
    ["results.jsonl", reportLines(outcome)],
    ["results.md", reportMarkdown(outcome)],
  ]);
  for (const plot of reportPlots(outcome)) files.set(`${plot.name}.svg`, await renderPlot(plot, themeStyle()));
  files.set("index.html", await reportHtml(outcome));
  using sink = openSink(folder);
  for (const [name, text] of files) await sink.write(name, [new TextEncoder().encode(text)]);
  sink.commit();
  for (const name of plotNames) {
    const file = `${name}.svg`;
    if (!files.has(file) && sink.files.includes(file)) Deno.removeSync(`${folder}/${file}`);
  }
  return [...files.keys()];
}
