import { cut } from "./names.ts";
import { axisOf, colourField, framed, pixels } from "./frame.ts";
import type { ComparisonFacts, Facts } from "./facts.ts";
import { signed } from "../numbers.ts";
import type { Plot } from "../plot.ts";
import { colours } from "./theme.ts";

/** Of a row: a line of text and an interval below it. */
const ROW = 44;

/** Every comparison as a difference with its interval, around zero; `undefined` where there is none. */
export function effectPlot(facts: Facts): Plot | undefined {
  const { comparisons, metric, against, outcome } = facts;
  if (!comparisons.length) return undefined;
  const title = `Difference to ${against} in ${metric.label}`;
  const better = outcome.metric.better === "lower" ? "left" : "right";
  const known = comparisons.flatMap(({ mean, interval, seeds }) => [mean ?? 0, ...interval ?? [], ...seeds]);
  const height = ROW * comparisons.length;
  const x = axisOf([0, ...known], { title: `${metric.differenceUnit}; better is to the ${better}`, margin: 0.06 });
  const rows = comparisons.map((c, i) => ({
    ...c,
    colour: c.kind === "better" ? colours.better : c.kind === "worse" ? colours.worse : colours.muted,
    text: i * ROW + 13,
    y: i * ROW + 31,
    line: i * ROW,
    below: i * ROW + 20,
  }));
  const measured = rows.flatMap(({ mean, interval, colour, y, kind }) => {
    if (mean === undefined) return [];
    const shown = kind === "better" || kind === "worse";
    return [{ mean, low: interval?.[0] ?? mean, high: interval?.[1] ?? mean, colour, y, shown: shown ? 1 : 0 }];
  });
  const dots = rows.flatMap(({ seeds, colour, y }) => seeds.map((seed) => ({ seed, colour, y })));
  return {
    name: "effects",
    title,
    caption: describe(facts, dots.length > 0),
    ...framed({
      title,
      subtitle: "mean and 95 % interval" + (dots.length ? "; a faint dot for each seed" : ""),
      height,
      left: 18,
      layers: (width) => {
        const texts = rows.map((row) => ({
          ...row,
          left: 0,
          width,
          name: cut(row.label, 44),
          says: inWords(row, facts),
        }));
        return [
          {
            data: { values: [{ zero: 0 }] },
            mark: { type: "rule", stroke: colours.ink },
            encoding: { x: { field: "zero", ...x.encoding } },
          },
          {
            // Behind texts, so that no line of the grid runs through them.
            data: { values: texts },
            mark: { type: "rect", fill: colours.ground },
            encoding: pixels({ x: "left", x2: "width", y: "line", y2: "below" }),
          },
          {
            data: { values: dots },
            mark: { type: "point", filled: true, size: 34, opacity: 0.32 },
            encoding: { x: { field: "seed", ...x.encoding }, ...pixels({ y: "y" }), color: colourField("colour") },
          },
          {
            data: { values: measured },
            mark: { type: "rule", strokeWidth: 2.5 },
            encoding: {
              x: { field: "low", ...x.encoding },
              x2: { field: "high" },
              ...pixels({ y: "y" }),
              color: colourField("colour"),
            },
          },
          ...[1, 0].map((shown) => ({
            data: { values: measured.filter((m) => m.shown === shown) },
            // Hollow where no difference is shown: not by colour alone.
            mark: {
              type: "point",
              size: 80,
              strokeWidth: 2,
              opacity: 1,
              ...(shown ? { filled: true } : { fill: colours.ground }),
            },
            encoding: { x: { field: "mean", ...x.encoding }, ...pixels({ y: "y" }), color: colourField("colour") },
          })),
          {
            data: { values: texts },
            mark: { type: "text", align: "left", fontWeight: 600 },
            encoding: { ...pixels({ x: "left", y: "text" }), text: { field: "name" } },
          },
          {
            data: { values: texts },
            mark: { type: "text", align: "right" },
            encoding: { ...pixels({ x: "width", y: "text" }), text: { field: "says" }, color: colourField("colour") },
          },
        ];
      },
    }),
  };
}

function inWords({ mean, kind, words }: ComparisonFacts, { metric }: Facts): string {
  if (mean === undefined) return cut(words, 40);
  return `${signed(mean, metric.digits)}, ${kind === "untested" ? "not tested" : kind}`;
}

function describe({ comparisons, against }: Facts, dots: boolean): string {
  const parts = [
    `Mean difference of each arm to ${against} with its 95 % interval. Filled and coloured where a difference is shown after ` +
    "Holm's adjustment, hollow and grey where none is; an interval is of one comparison alone and may leave out zero " +
    "without that.",
  ];
  if (dots) parts.push("Each faint dot is the difference of one seed.");
  if (comparisons.some((c) => c.kind === "diverged")) {
    parts.push("Arms of which a run diverged have no difference: the runs that are left are a selection.");
  }
  return parts.join(" ");
}
