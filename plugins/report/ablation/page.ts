import type { AblationOutcome } from "../../../model/ablation/outcome.ts";
import { definitionOfStudy } from "../../../model/ablation/study_definition.ts";
import { asMarkup, type Markup, markup } from "../markup.ts";
import type { Plot } from "../plot.ts";
import { renderPlot } from "../render.ts";
import type { Table } from "../table.ts";
import { type Facts, factsOf } from "./facts.ts";
import { pageStyle } from "./page_style.ts";
import { reportPlots } from "./plots.ts";
import { costTable, divergedTable, qualityTable, runTable, sizeTable, sweepTable } from "./tables.ts";
import { costsNote, headline, setup, statistics } from "./words.ts";

/** The report as one page that loads nothing and runs nothing. */
export async function reportHtml(outcome: AblationOutcome): Promise<string> {
  const facts = factsOf(outcome), figures = new Map<string, Markup>();
  for (const plot of reportPlots(outcome)) figures.set(plot.name, figure(plot, await renderPlot(plot)));
  const plots = (...names: readonly string[]) => {
    const shown = names.flatMap((name) => figures.get(name) ?? []);
    return shown.length ? markup`<div class="plots">${shown}</div>\n` : undefined;
  };
  const costs = costTable(facts), sweep = sweepTable(facts), sizes = sizeTable(facts), lost = divergedTable(facts);
  const lengths = plots("lengths");
  const { markup: page } = markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${outcome.title}</title>
<style>${asMarkup(pageStyle())}</style>
</head>
<body>
<main>
<header>
<h1>${outcome.title}</h1>
<ul class="found">${headline(facts).map((text) => markup`<li>${text}</li>`)}</ul>
</header>
${
    section(
      "What was compared",
      markup`<dl>${setup(facts).map(({ term, text }) => markup`<dt>${term}</dt><dd>${text}</dd>\n`)}</dl>`,
    )
  }
${
    section("Quality", [
      table(qualityTable(facts), facts),
      lost && table(lost),
      markup`<p class="note">${statistics(facts)}</p>\n`,
      plots("effects", "exact-match", "loss-by-step", "loss-by-flops", "loss-by-time"),
    ])
  }
${lengths && section("Longer windows", lengths)}
${
    costs && section("Costs", [
      table(costs),
      markup`<p class="note">${costsNote(facts)}</p>\n`,
      plots("quality-by-parameters", "quality-by-flops", "quality-by-time", "quality-by-decoding"),
    ])
  }
${(sweep || sizes) && section("Learning rates and sizes", [sweep && table(sweep), sizes && table(sizes)])}
${section("Runs", runs(facts))}
${section("To repeat it", repeat(facts))}
</main>
</body>
</html>
`;
  return page;
}

function section(title: string, content: Markup | readonly (Markup | undefined)[]): Markup {
  return markup`<section>\n<h2>${title}</h2>\n${content}</section>`;
}

function figure({ title, caption }: Plot, svg: string): Markup {
  const scroll = markup`<div class="scroll" role="region" aria-label="${title}" tabindex="0">${asMarkup(svg)}</div>`;
  return markup`<figure>${scroll}<figcaption>${caption}</figcaption></figure>\n`;
}

/** A table that scrolls within its place. Verdicts of `facts` have their colour. */
function table({ caption, columns, rows }: Table, facts?: Facts): Markup {
  const head = columns.map(({ title, text }) =>
    markup`<th scope="col"${text ? asMarkup(' class="text"') : ""}>${title}</th>`
  );
  const cell = (cell: string, i: number, row: readonly string[]) => {
    if (i === 0) return markup`<th scope="row" class="text">${breakable(cell)}</th>`;
    if (!columns[i].text) return markup`<td>${cell}</td>`;
    return markup`<td class="text">${i === columns.length - 1 && facts ? verdict(cell, row[0], facts) : cell}</td>`;
  };
  const body = rows.map((row) => markup`<tr>${row.map((text, i) => cell(text, i, row))}</tr>\n`);
  return markup`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption.charAt(0).toUpperCase() + caption.slice(1)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
`;
}

/** A name that can be broken after a comma of its JSON and before a plus. */
function breakable(name: string): Markup[] {
  return name.replace(/(^| )\+ /g, "$1+\u00a0").split(/(?<=,)/).map((part, i) =>
    i ? markup`<wbr>${part}` : markup`${part}`
  );
}

function verdict(words: string, name: string, { comparisons }: Facts): Markup {
  const kind = comparisons.find((c) => c.name === name)?.kind;
  return kind === "better" || kind === "worse" ? markup`<span class="${kind}">${words}</span>` : markup`${words}`;
}

function runs(facts: Facts): Markup {
  const { outcome: { unused } } = facts, all = runTable(facts);
  const rest = unused
    ? ` Of the results in the folder ${unused} are of other data, configs, trainings, seeds or code, and were not used.`
    : "";
  return markup`<p>Every number of every run is in <code>results.csv</code>.${rest}</p>
<details><summary>All ${all.rows.length} runs, with the SHA-256 of their weights</summary>
${table(all)}</details>
`;
}

function repeat({ arms, outcome: { command, data, code, study } }: Facts): Markup {
  const json = (title: string, value: unknown) =>
    markup`<details><summary>${title}</summary><pre><code>${JSON.stringify(value, null, 2)}</code></pre></details>\n`;
  return markup`${command === undefined ? undefined : markup`<pre tabindex="0"><code>${command}</code></pre>\n`}
<dl>
<dt>Code</dt><dd>Tenon ${code}</dd>
<dt>Data</dt><dd>SHA-256 <code>${data.hash}</code></dd>
</dl>
${json("The study as a file for --study, every default filled in", definitionOfStudy(study))}
${arms.map(({ name, arm: { config, training } }) => json(`${name}: config and training`, { config, training }))}`;
}
