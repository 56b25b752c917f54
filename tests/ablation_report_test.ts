/** Reports of ablations: what each format says, that it says it of every arm, and what none of them may say. */
import fc from "fast-check";
import type { AblationOutcome } from "../model/ablation/outcome.ts";
import { resolveStudy } from "../model/ablation/study_definition.ts";
import { factsOf } from "../plugins/report/ablation/facts.ts";
import { movedApart } from "../plugins/report/ablation/frame.ts";
import { plotNames as knownPlots } from "../plugins/report/ablation/plots.ts";
import { shortNames } from "../plugins/report/ablation/names.ts";
import {
  type Plot,
  renderPlot,
  reportCsv,
  reportHtml,
  reportMarkdown,
  reportPlots,
  reportTable,
  writeReport,
} from "../plugins/report/mod.ts";
import { clock, fixed, pValue, ranges, scaled, signed } from "../plugins/report/numbers.ts";
import { csv, textTable } from "../plugins/report/table.ts";
import { manyOptions, pathOptions, type SampleOptions, sampleOutcome, taskOptions } from "./ablation_outcome.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { filesIn, inFolder } from "./disks.ts";

const NASTY = `a<b>&"c"|d'</title>\u0007`;
const oneSeed: SampleOptions = { ...pathOptions, seeds: [7] };
const nasty: SampleOptions = {
  ...pathOptions,
  names: { 1: NASTY },
  others: { title: NASTY, command: `x ${NASTY} \`\`\`` },
};
const outcomes: Readonly<Record<string, AblationOutcome>> = Object.fromEntries(
  Object.entries({
    path: pathOptions,
    many: manyOptions,
    task: taskOptions,
    oneSeed,
    withoutCosts: { ...pathOptions, costs: false },
    nasty,
  }).map(([name, options]) => [name, sampleOutcome(options)]),
);
const { path, many, task, withoutCosts } = outcomes;
const oneArm = sampleOutcome({ ...pathOptions, mode: "one-at-a-time", vary: [], costs: false });
const plotNames = (plots: readonly Plot[]) => plots.map((plot) => plot.name);

/** Elements of a page or picture whose tags do not match, by a reading that knows void elements and nothing else. */
function unbalanced(text: string): string[] {
  const open: string[] = [], wrong: string[] = [], voids = ["meta", "wbr"];
  const body = text.replace(/^<!DOCTYPE html>/, "").replace(/<style>[^<]*<\/style>/g, "");
  for (
    const [tag, close, name, end] of body.matchAll(/<(\/?)([A-Za-z][\w-]*)(?:\s+[\w:-]+="[^"<>]*")*\s*(\/?)>|[<>]/g)
  ) {
    if (!name) wrong.push(`stray ${tag}`);
    else if (close) {
      const last = open.pop();
      if (last !== name) wrong.push(`</${name}> closes <${last}>`);
    } else if (!end && !voids.includes(name)) open.push(name);
  }
  for (const [entity] of body.matchAll(/&(?!#\d+;|(?:lt|gt|amp|quot);)[^;]{0,9}/g)) wrong.push(`stray ${entity}`);
  return [...wrong, ...open.map((name) => `<${name}> is not closed`)];
}

/** Cells of CSV, as RFC 4180 has it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    rows[rows.length - 1].push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\n") rows.push([]);
  }
  return rows.slice(0, -1);
}

/** Cells of the first Markdown table, unescaped. */
function parseMarkdown(text: string): string[][] {
  const lines = text.slice(text.indexOf("\n| arm |") + 1).split("\n"), end = lines.findIndex((l) => !l.startsWith("|"));
  return lines.slice(0, end).map((line) =>
    line.slice(2, -2).split(" | ").map((cell) =>
      cell.replace(/\\(.)/g, "$1").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&")
    )
  );
}

const textOf = (html: string) =>
  html.replace(/<[^>]*>/g, "").replace(/&#(\d+);/g, (_, n) => String.fromCharCode(Number(n)));

Deno.test("CSV holds every run, with every digit", () => {
  for (const [name, outcome] of Object.entries(outcomes)) {
    const [head, ...rows] = parseCsv(reportCsv(outcome)), runs = outcome.arms.flatMap((arm) => arm.runs);
    assertEquals(rows.length, runs.length, name);
    const lengths = head.filter((h) => h.startsWith("loss at "));
    assertEquals(lengths.length, name === "many" ? 4 : 0);
    const number = (text: string) => text === "" ? undefined : Number(text);
    rows.forEach((row, i) => {
      const cell = Object.fromEntries(head.map((h, c) => [h, row[c]])), run = runs[i];
      assertEquals([cell.arm, cell.outcome, cell.reason, cell.weights, cell.key], [
        run.arm,
        run.outcome,
        run.reason ?? "",
        run.weights,
        run.key,
      ]);
      assertEquals([cell.seed, cell.steps, cell.loss, cell.exactMatch, cell.learningRate].map(number), [
        run.seed,
        run.steps,
        run.score?.loss,
        run.score?.exactMatch,
        run.training.learningRate,
      ]);
      for (const h of lengths) {
        assertEquals(number(cell[h]), run.lengths?.find((l) => l.length === Number(h.slice(8)))?.loss);
      }
    });
  }
  assertEquals(parseCsv(csv([['a"b', "c,d", "e\nf"], [1, undefined, "g"]])), [['a"b', "c,d", "e\nf"], ["1", "", "g"]]);
});

Deno.test("Markdown has a row for each arm and each further comparison, with its verdict", () => {
  for (const outcome of Object.values(outcomes)) {
    const [head, , ...rows] = parseMarkdown(reportMarkdown(outcome)), further = outcome.study.mode === "path" ? 1 : 0;
    assertEquals(rows.length, outcome.arms.length + further);
    const verdicts = new Map(rows.map((row) => [row[0], row[head.indexOf("verdict")]]));
    for (const { name } of outcome.arms) assert(verdicts.has(name.replace("\u0007", "\ufffd")), name);
    for (const row of rows) assertEquals(row.length, head.length, `${row}`);
  }
  const rows = parseMarkdown(reportMarkdown(path));
  assertEquals(rows[rows.length - 1][0], "+ feedForward=swiglu against base");
  assertEquals(rows[2][0], "base");
  assertEquals(rows[3].slice(0, 2), ["+ norm=rmsNorm", "5"]);
  assertEquals(rows[3][4], signed(path.comparisons[0].difference!.mean, 3));
});

Deno.test("where the context is varied, nothing is said of the base's alone", () => {
  const vary = [{ path: "context", values: [32, 128] }], lengths = [1, 2];
  const outcome = sampleOutcome({ mode: "one-at-a-time", vary, lengths }), text = reportMarkdown(outcome);
  assertStringIncludes(text, "windows of 32, 64 and 128 tokens");
  assertStringIncludes(text, "Runs with the same seed and the same context see the same batches");
  assertStringIncludes(reportMarkdown(path), "Runs with the same seed see the same batches");
  const axis = (outcome: AblationOutcome) =>
    JSON.stringify(reportPlots(outcome).find(({ name }) => name === "lengths")!.spec).match(/window, [^"]*/)![0];
  assertEquals([axis(outcome), axis(many)], [
    "window, multiples of the context of the model",
    "window, multiples of 64 tokens",
  ]);
});

Deno.test("pages and pictures are well-formed and load nothing", async () => {
  assertEquals(unbalanced("<p><b>x</p>a & b < c"), [
    "</p> closes <b>",
    "stray <",
    "stray & b < c",
    "<p> is not closed",
  ]);
  for (const [name, outcome] of Object.entries(outcomes)) {
    const page = await reportHtml(outcome);
    assertEquals(unbalanced(page), [], name);
    assert(!/<script|<link|<img|@import|url\((?!#)|href=|src=/.test(page), name);
    const command = textOf(outcome.command!);
    assert(!/https?:/.test(textOf(page).replace(command, "")), "no address at all");
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    assertEquals(new Set(ids).size, ids.length, "ids are unique");
    for (const [, id] of page.matchAll(/url\(#([^)]*)\)/g)) assert(ids.includes(id), id);
    for (const svg of page.match(/<svg .*?<\/svg>/gs)!) {
      assertMatch(svg, /^<svg class="plot" role="img" [^>]*><title>[^<]+/);
    }
    assert(!/NaN|undefined|Infinity|\[object/.test(textOf(page).replaceAll("is NaN", "")), name);
    for (const [tag] of page.matchAll(/<(td|th)\b[^>]*>/g)) {
      assert(!tag.startsWith("<th") || /scope="(row|col)"/.test(tag));
    }
  }
});

Deno.test("a page holds the study as a file that repeats it", async () => {
  const study = resolveStudy({ base: { preset: "vaswani", dim: 32 }, to: "llama", match: "parameters", data: "a.txt" });
  const html = await reportHtml({ ...oneArm, study }), text = textOf(html.slice(html.indexOf("as a file for --study")));
  assertEquals(resolveStudy(JSON.parse(text.slice(text.indexOf("{"), text.indexOf("\n}") + 2))), study);
});

Deno.test("names are escaped in every format", async () => {
  const shown = NASTY.replace("\u0007", "\ufffd"), { nasty } = outcomes;
  const page = await reportHtml(nasty);
  assert(!page.includes("a<b>") && !page.includes("</title>\u0007"));
  assertStringIncludes(textOf(page), shown);
  assertStringIncludes(page, "a&#60;b&#62;&#38;&#34;c&#34;|d&#39;&#60;/title&#62;");
  assertStringIncludes(reportMarkdown(nasty), '| a&lt;b&gt;&amp;"c"\\|d');
  assertStringIncludes(reportMarkdown(nasty), "````sh\n"); // longer than what the command has
  assertStringIncludes(reportTable(nasty), shown.slice(0, 12));
  assert(!reportTable(nasty).includes("\u0007"));
  assertEquals(parseCsv(reportCsv(nasty))[6][0], NASTY);
  for (const plot of reportPlots(nasty)) assertEquals(unbalanced(await renderPlot(plot, "a{}")), [], plot.name);
});

Deno.test("an arm is called better only by its verdict", async () => {
  // Lower on average for every arm, but by less than what seeds do.
  const close = sampleOutcome({ ...manyOptions, gains: [0, 0.008, 0.006, 0.007, 0.005, 0.004, 0, 0.006, 0.009, 0] });
  assert(close.comparisons.some((c) => c.difference && c.difference.mean < -0.005));
  for (const outcome of [close, outcomes.oneSeed]) {
    assert(outcome.comparisons.every((c) => c.kind !== "better"));
    const page = await reportHtml(outcome), [effects] = reportPlots(outcome);
    for (const text of [page, reportMarkdown(outcome), reportTable(outcome)]) {
      assert(!/is better than/.test(text));
      assertMatch(text, /no (step|arm) is shown to be better than/);
      assert(!/winner|\bbest\b/i.test(text));
    }
    assert(!/class="(better|worse)"/.test(page));
    assert(!/#0072b2|#d55e00/.test(JSON.stringify(effects.spec)), "no colour of a verdict");
    assert(!/\bbetter$/m.test(reportTable(outcome).replace(/^In .*$/m, "")));
  }
  const page = await reportHtml(path);
  assertEquals(page.match(/class="better"/g)!.length, 5);
  assertMatch(
    textOf(page),
    /\+ block=preNorm is better than \+ norm=rmsNorm: −0\.\d+ nats per token \(95 % interval −/,
  );
  assertMatch(reportTable(task), /position=alibi is better than base: \+\d\d\.\d percentage points/);
});

Deno.test("equal outcomes, equal bytes; an outcome that was JSON is the same one", async () => {
  for (const options of [manyOptions, taskOptions]) {
    const a = sampleOutcome(options), b = JSON.parse(JSON.stringify(sampleOutcome(options)));
    assertEquals(await reportHtml(a), await reportHtml(b));
    assertEquals(reportMarkdown(a) + reportCsv(a) + reportTable(a), reportMarkdown(b) + reportCsv(b) + reportTable(b));
  }
});

Deno.test("an arm that diverged has its row, its runs and the reason everywhere", async () => {
  const page = textOf((await reportHtml(many)).replace(/<\/?t[dhr]\b[^>]*>/g, " ")), [effects] = reportPlots(many);
  for (
    const text of [page, reportMarkdown(many).replaceAll("\\", ""), reportTable(many), JSON.stringify(effects.spec)]
  ) {
    assertMatch(text, /norm=none\b/);
    assertMatch(text, /5 of 5 runs diverged/);
    assertMatch(text, /2 of 5 runs diverged/);
  }
  for (const text of [page, reportMarkdown(many), reportTable(many), reportCsv(many)]) {
    assertEquals(text.match(/the loss of step 640 is NaN/g)!.length, 7);
  }
  assertMatch(page, /block=postNorm +3 of 5 +2\.\d+/);
  assertMatch(
    reportPlots(many).find((p) => p.name === "loss-by-step")!.caption,
    /Not shown.*: norm=none\. Without the runs/,
  );
});

Deno.test("tables for a terminal fit, and their columns stand below each other", () => {
  const long = sampleOutcome({ ...manyOptions, names: { 3: `x=${"long".repeat(30)}`, 4: "many words ".repeat(12) } });
  for (const outcome of [...Object.values(outcomes), long]) {
    for (const line of reportTable(outcome).split("\n")) {
      assert([...line].length <= 120, line);
      assertEquals(line, line.trimEnd());
    }
  }
  const table = textTable({
    caption: "",
    columns: [{ title: "name", text: true }, { title: "two words" }],
    rows: [["a", "1"], ["some more text", "12,345"]],
  }, 17);
  assertEquals(
    table,
    "name          two\n            words\n─────────  ──────\na               1\nsome more  12,345\ntext\n",
  );
});

Deno.test("there is a plot for everything that was measured, and none of nothing", () => {
  const curves = ["loss-by-step", "loss-by-flops", "loss-by-time"];
  const costs = ["parameters", "flops", "time", "decoding"].map((name) => `quality-by-${name}`);
  assertEquals(plotNames(reportPlots(path)), ["effects", ...curves, ...costs]);
  assertEquals(plotNames(reportPlots(many)), ["effects", ...curves, "lengths", ...costs]);
  assertEquals(plotNames(reportPlots(task)), ["effects", "exact-match", ...curves, ...costs]);
  assertEquals(plotNames(reportPlots(withoutCosts)), ["effects", "loss-by-step"]);
  const alone = { ...path, arms: path.arms.slice(0, 1), comparisons: [] };
  assertEquals(plotNames(reportPlots(alone)), curves);
  assertStringIncludes(reportTable(alone), "nothing is compared");
  assert(!reportTable(withoutCosts).includes("tokens/s"));
});

Deno.test("plots show the numbers of the outcome", async () => {
  const [effects, ...others] = reportPlots(path), text = JSON.stringify(effects.spec);
  for (const { difference } of path.comparisons) assertStringIncludes(text, `"mean":${difference!.mean}`);
  const byStep = others.find((p) => p.name === "loss-by-step")!,
    last = path.arms[2].runs.map((r) => r.curve.at(-1)!.loss);
  const mean = last.reduce((a, b) => a + b) / last.length;
  const layers = byStep.spec.layer as { data: { values: { x: number; y?: number; arm?: number }[] } }[];
  const point = layers.flatMap((l) => l.data.values).find((v) => v.x === 2000 && v.arm === 2 && v.y !== undefined)!;
  assert(Math.abs(point.y! - mean) < 1e-12);
  // Twice as many operations and three in all for each one forward: 3 · FLOPs · tokens.
  const byFlops = others.find((p) => p.name === "loss-by-flops")!.spec.layer as typeof layers;
  const [first] = path.arms, end = 3 * first.costs!.flopsPerToken * 2000 * 16 * 64;
  const xs = byFlops.flatMap((l) => l.data.values).filter((v) => v.arm === 0).map((v) => v.x);
  assert(Math.abs(Math.max(...xs) / end - 1) < 1e-12);
  for (const plot of [effects, ...others]) {
    const svg = await renderPlot(plot, "a{}");
    assertMatch(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" class="plot" role="img" /);
    for (const arm of path.arms.slice(1)) assertStringIncludes(svg, `>${arm.name}</text>`);
  }
});

Deno.test("time to the base's loss: between evaluations, never without costs or of an arm that diverged", () => {
  const { arms } = factsOf(path), [base] = arms;
  assert(Math.abs((base.toTarget as number) - base.seconds!) < 1e-9 * base.seconds!);
  for (const arm of arms.slice(1)) assert((arm.toTarget as number) < arm.seconds!, arm.name);
  const facts = factsOf(many);
  assertEquals(facts.arms[3].toTarget, "not reached");
  assertEquals([facts.arms[6].toTarget, facts.arms[9].toTarget], [undefined, undefined]);
  assertEquals(factsOf(withoutCosts).arms.map((arm) => arm.toTarget), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  const at = (losses: number[]) => losses.map((loss, i) => ({ step: 100 * (i + 1), loss }));
  const arm = { ...path.arms[1], runs: [{ ...path.arms[1].runs[0], evaluations: at([4, 3, 1, 1]) }] };
  const other = {
    ...path.arms[0],
    runs: [{ ...path.arms[0].runs[0], evaluations: at([4, 3, 2, 2]) }],
    summary: { n: 1, mean: 2, sd: undefined },
  };
  const [, quick] = factsOf({ ...path, arms: [other, arm], comparisons: [] }).arms;
  assert(Math.abs(quick.toTarget as number - 250 * 16 * 64 / arm.costs!.trainingRate) < 1e-9);
  // One that was named, whatever the base ends at.
  const named = { ...path, arms: [other, arm], comparisons: [], study: { ...path.study, target: 3.5 } };
  const [slow, early] = factsOf(named).arms;
  for (const { toTarget, costs } of [slow, early]) {
    assert(Math.abs(toTarget as number - 150 * 16 * 64 / costs!.trainingRate) < 1e-9);
  }
  assertStringIncludes(reportMarkdown(named), "until the mean over seeds is as good as 3.5.");
});

Deno.test("a report is written as a whole; pictures have their own style", async () => {
  await inFolder(async (folder) => {
    const names = await writeReport(many, `${folder}/report`), files = filesIn(`${folder}/report`);
    assertEquals(Object.keys(files), [...names].sort());
    assertEquals(names, [
      "results.csv",
      "results.jsonl",
      "results.md",
      ...plotNames(reportPlots(many)).map((n) => `${n}.svg`),
      "index.html",
    ]);
    const text = (name: string) => new TextDecoder().decode(files[name]);
    assertEquals(text("index.html"), await reportHtml(many));
    assertEquals(text("results.csv"), reportCsv(many));
    const lines = text("results.jsonl").trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines, many.arms.flatMap((arm) => arm.runs) as unknown[]);
    assertEquals(text("results.md"), reportMarkdown(many));
    for (const name of names.filter((n) => n.endsWith(".svg"))) {
      assertStringIncludes(text(name), "prefers-color-scheme: dark");
      assertEquals(unbalanced(text(name)), []);
    }
    await writeReport(many, `${folder}/report`);
    assertEquals(filesIn(`${folder}/report`), files);
    // No picture of an earlier report stays beside those of a later one; what others have put there does.
    Deno.writeTextFileSync(`${folder}/report/mine.svg`, "<svg/>");
    const fewer = await writeReport(oneArm, `${folder}/report`);
    assert(fewer.length < names.length);
    assertEquals(Object.keys(filesIn(`${folder}/report`)), [...fewer, "mine.svg"].sort());
    const all = new Set(Object.values(outcomes).flatMap((outcome) => plotNames(reportPlots(outcome))));
    assertEquals([...all].sort(), [...knownPlots].sort());
  });
});

Deno.test("every colour of a plot has a dark form", async () => {
  const page = await reportHtml(many),
    style = page.slice(page.lastIndexOf("@media (prefers-color"), page.indexOf("</style>"));
  const colours = new Set(
    [...page.matchAll(/<svg .*?<\/svg>/gs)].flatMap(([svg]) =>
      [...svg.matchAll(/ (fill|stroke)="(?!none)([^"]*)"/g)].map(([, name, colour]) => `[${name}="${colour}"]`)
    ),
  );
  assert(colours.size > 10);
  for (const colour of colours) assertStringIncludes(style, colour);
});

Deno.test("labels beside a plot: apart, in order, within it, and where they belong if there is room", () => {
  assertEquals(movedApart([10, 50, 90], 15, 100), [10, 50, 90]);
  assertEquals(movedApart([50, 50, 50], 10, 100), [40, 50, 60]);
  assertEquals(movedApart([98, 99], 10, 100), [90, 100]);
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 10 }), (places) => {
    const sorted = places.sort((a, b) => a - b), moved = movedApart(sorted, 10, 100);
    assertEquals(moved.length, places.length);
    moved.forEach((place, i) => {
      assert(place >= 0 && place <= 100 + 1e-9);
      assert(i === 0 || place - moved[i - 1] >= 10 - 1e-9, `${sorted} ${moved}`);
    });
  }));
});

Deno.test("short names are short and different; numbers are written as people read them", () => {
  const names = [`position={"type":"rope","base":500}`, "a".repeat(40), "a".repeat(41), "+ norm=rmsNorm"];
  const short = shortNames(names);
  assertEquals(short, ["position=rope(base 500)", `${"a".repeat(23)}…`, `${"a".repeat(19)}… (2)`, "+ norm=rmsNorm"]);
  assertEquals([signed(-0.0004, 3), signed(0.0004, 3), signed(0.5, 1), signed(-1.25, 2), fixed(undefined, 2)], [
    "0.000",
    "0.000",
    "+0.5",
    "−1.25",
    "–",
  ]);
  assertEquals([pValue(0.0004), pValue(0.0304), pValue(1), pValue(undefined)], ["< 0.001", "0.030", "1.000", "–"]);
  assertEquals([scaled(999.96), scaled(492_000), scaled(1.5e12), scaled(12)], ["1.00 k", "492 k", "1.50 T", "12"]);
  assertEquals([clock(42.123), clock(112), clock(7200), clock(undefined)], ["42.1 s", "1.87 min", "2.00 h", "–"]);
  assertEquals([ranges([1, 2, 3, 7]), ranges([1, 2]), ranges([5])], ["1–3 and 7", "1 and 2", "5"]);
});
