import type { AblationOutcome } from "../../../model/ablation/outcome.ts";
import { csv, escapeMarkdown, markdownTable, type Table, textTable, wrapped } from "../table.ts";
import { factsOf } from "./facts.ts";
import { costTable, divergedTable, lengthsOf, qualityTable, sizeTable, sweepTable } from "./tables.ts";
import { costsNote, headline, setup, statistics } from "./words.ts";

/** Of a terminal. */
const WIDTH = 120;

/** What an ablation found as tables for a terminal, at most `width` characters wide as far as numbers let them. */
export function reportTable(outcome: AblationOutcome, width: number = WIDTH): string {
  const facts = factsOf(outcome), tables = [qualityTable(facts), costTable(facts), divergedTable(facts)];
  const shown = (table: Table) =>
    `${wrapped(capital(table.caption), width).join("\n")}\n\n${textTable(table, width)}\n`;
  const said = headline(facts).map((text) => `${wrapped(text, width).join("\n")}\n`);
  return tables.flatMap((table) => table ? [shown(table)] : []).join("") + said.join("");
}

/** The same as Markdown, with what was compared and how: a section of a README. */
export function reportMarkdown(outcome: AblationOutcome): string {
  const facts = factsOf(outcome), costs = costTable(facts), lost = divergedTable(facts);
  const chosen = [sweepTable(facts), sizeTable(facts)].filter((table) => table !== undefined);
  const section = (table: Table) => `${escapeMarkdown(capital(table.caption))}:\n\n${markdownTable(table)}`;
  return [
    `## ${escapeMarkdown(outcome.title)}`,
    headline(facts).map((text) => `- ${escapeMarkdown(text)}`).join("\n"),
    section(qualityTable(facts)).trimEnd(),
    ...(costs ? [section(costs).trimEnd(), costsNote(facts)] : []),
    ...(lost ? [section(lost).trimEnd()] : []),
    "### How it was made",
    setup(facts).map(({ term, text }) => `- **${term}**: ${escapeMarkdown(text)}`).join("\n"),
    ...chosen.map((table) => section(table).trimEnd()),
    escapeMarkdown(statistics(facts)),
    ...(outcome.command === undefined ? [] : [fenced(outcome.command)]),
    `SHA-256 of the data: \`${outcome.data.hash}\`. Weights of every run: \`results.csv\`.`,
  ].join("\n\n") + "\n";
}

/** Every run as a row of CSV, numbers with all of their digits. */
export function reportCsv(outcome: AblationOutcome): string {
  const { arms } = factsOf(outcome), lengths = lengthsOf(arms);
  const head = [
    "arm",
    "seed",
    "outcome",
    "reason",
    "steps",
    "loss",
    "exactMatch",
    ...lengths.map((n) => `loss at ${n}`),
  ];
  return csv([
    [...head, "learningRate", "weights", "key"],
    ...arms.flatMap(({ arm }) =>
      arm.runs.map((run) => [
        arm.name,
        run.seed,
        run.outcome,
        run.reason,
        run.steps,
        run.score?.loss,
        run.score?.exactMatch,
        ...lengths.map((length) => run.lengths?.find((l) => l.length === length)?.loss ?? undefined),
        run.training.learningRate,
        run.weights,
        run.key,
      ])
    ),
  ]);
}

/** Every trial as a line of JSON, arm by arm. */
export function reportLines({ arms }: AblationOutcome): string {
  return arms.flatMap(({ runs }) => runs.map((run) => `${JSON.stringify(run)}\n`)).join("");
}

/** A block of code with a fence that it does not hold. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length)), fence = "`".repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
