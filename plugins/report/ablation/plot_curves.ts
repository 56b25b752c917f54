import type { Score, TrialResult } from "../../../model/ablation/outcome.ts";
import { clockUnit, listed } from "../numbers.ts";
import type { Plot, PlotSpec } from "../plot.ts";
import { type ArmFacts, type Facts, type LinePoint, meanLine } from "./facts.ts";
import { axisOf, colourField, framed, type PlotAxis, si } from "./frame.ts";
import { armStyle, dashes } from "./theme.ts";

/** How many times the smallest value the largest one is where the axis becomes logarithmic. */
const WIDE = 4;
/** Share of a training whose losses may lie above the picture: they are so large that the rest would be flat. */
const START = 0.12;

/** One line of a plot. */
export interface Line {
  /** Whose. */
  readonly arm: ArmFacts;
  /** From left to right, at least one. */
  readonly points: readonly LinePoint[];
}

/** What stands on the x-axis. */
interface Abscissa {
  readonly name: string;
  readonly by: string;
  readonly title: string;
  readonly format?: string;
  readonly labelExpr?: string;
  /** Of one step of an arm; `undefined` where that is not known. */
  readonly of: (arm: ArmFacts) => number | undefined;
}

/** Training loss with its spread over seeds, validation loss as dots: by steps, floating-point operations and time. */
export function lossPlots(facts: Facts): Plot[] {
  return abscissas(facts).flatMap((by) => {
    const training = linesOf(facts, by, (run) => run.curve.map(({ step, loss }) => ({ x: step, y: loss })));
    const held = linesOf(facts, by, (run) => evaluations(run, "loss"));
    if (!training.length && !held.length) return [];
    const title = `Loss by ${by.by}`,
      later = training.map(({ arm, points }) => {
        const from = START * arm.arm.training.steps * by.of(arm)!;
        return { arm, points: points.filter((p) => p.x >= from) };
      });
    const seen = [...later, ...held.map(({ arm, points }) => ({ arm, points: points.filter((p) => p.x > 0) }))];
    const subtitle = "line and band: training, mean ± sd over seeds; dots: validation";
    const caption =
      `Mean loss over the seeds of an arm in nats per target, by ${by.by}. The line is the loss of training ` +
      `(means of up to 100 parts), its band one standard deviation, the dots the validation loss. The first steps may lie ` +
      `above the picture.${
        by.name === "loss-by-time" ? " Time is that of the tokens at the rate measured undisturbed." : ""
      }${missing(facts, training)}`;
    return [
      linePlot({ name: by.name, title, subtitle, caption, by, unit: "loss, nats per target", seen, training, held }),
    ];
  });
}

/** Exact match by step: what tasks are judged by. */
export function exactMatchPlot(facts: Facts): Plot | undefined {
  const [by] = abscissas(facts), held = linesOf(facts, by, (run) => evaluations(run, "exactMatch", 100));
  if (!held.length) return undefined;
  return linePlot({
    name: "exact-match",
    title: "Exact match by step",
    subtitle: "questions answered right in every token; mean ± sd over seeds",
    caption:
      `Share of questions that are answered right in every token, mean over the seeds of an arm, with a band of one ` +
      `standard deviation.${missing(facts, held)}`,
    by,
    unit: "exact match, %",
    seen: held,
    training: held,
    held,
    bounds: [0, 100],
  });
}

function abscissas({ arms }: Facts): Abscissa[] {
  const longest = Math.max(0, ...arms.map((arm) => arm.seconds ?? 0)), [unit, scale] = clockUnit(longest);
  return [
    { name: "loss-by-step", by: "step", title: "step", format: ",~f", of: () => 1 },
    {
      name: "loss-by-flops",
      by: "training compute",
      title: "floating-point operations",
      labelExpr: si,
      of: ({ trainingFlops, tokensPerStep }) => trainingFlops && trainingFlops * tokensPerStep,
    },
    {
      name: "loss-by-time",
      by: "training time",
      title: `training time, ${unit}`,
      of: ({ seconds, arm }) => seconds && seconds / arm.training.steps / scale,
    },
  ];
}

function evaluations(run: TrialResult, key: keyof Score, scale = 1): { x: number; y: number }[] {
  return run.evaluations.flatMap((at) => at[key] === undefined ? [] : [{ x: at.step, y: scale * at[key] }]);
}

/** A line for each arm that has points and whose steps can be told. */
function linesOf(
  { arms }: Facts,
  by: Abscissa,
  of: (run: TrialResult) => readonly { readonly x: number; readonly y: number }[],
): Line[] {
  return arms.flatMap((arm) => {
    const step = by.of(arm);
    if (step === undefined) return [];
    const points = meanLine(arm.finished.map(of)).map((point) => ({ ...point, x: step * point.x }));
    return points.length ? [{ arm, points }] : [];
  });
}

/** Which arms a plot lacks, or shows in part. */
export function missing({ arms }: Facts, lines: readonly Pick<Line, "arm">[]): string {
  const shown = new Set(lines.map(({ arm }) => arm));
  const all = arms.filter((arm) => !shown.has(arm)).map((arm) => arm.name);
  const some = arms.filter((arm) => shown.has(arm) && arm.diverged.length).map((arm) => arm.name);
  return (all.length ? ` Not shown, as there is no finished run or nothing was measured: ${listed(all)}.` : "") +
    (some.length ? ` Without the runs that diverged: ${listed(some)}.` : "");
}

function linePlot(
  { name, title, subtitle, caption, by, unit, seen, training, held, bounds = [] }:
    & Pick<Plot, "name" | "title" | "caption">
    & {
      readonly subtitle: string;
      readonly by: Pick<Abscissa, "title" | "format" | "labelExpr">;
      readonly unit: string;
      /** What the axes hold. */
      readonly seen: readonly Line[];
      readonly training: readonly Line[];
      readonly held: readonly Line[];
      readonly bounds?: readonly number[];
    },
): Plot {
  const inside = seen.flatMap((line) => line.points);
  const means = [...bounds, ...inside.map((p) => p.mean)];
  const x = axisOf([...training, ...held].flatMap((l) => l.points.map((p) => p.x)), {
    title: by.title,
    zero: true,
    margin: 0.01,
    ...(by.format ? { format: by.format } : {}),
    ...(by.labelExpr ? { labelExpr: by.labelExpr } : {}),
  });
  const log = !bounds.length && Math.min(...means) > 0 && Math.max(...means) > WIDE * Math.min(...means);
  const y = axisOf(means, { title: log ? `${unit} (logarithmic)` : unit, log, margin: 0.05 });
  const labelled = training.length ? training : held;
  return {
    name,
    title,
    caption,
    ...framed({
      title,
      subtitle,
      height: 270,
      labels: labelled.map(({ arm, points }) => endLabel(arm, points[points.length - 1], x, y)),
      layers: () => [...bands(training, x, y), ...strokes(training, x, y), ...dots(held, x, y)],
    }),
  };
}

/** The name of an arm for a point of its line. */
export function endLabel(arm: ArmFacts, { x, mean }: LinePoint, xAxis: PlotAxis, yAxis: PlotAxis) {
  const y = Math.max(0, Math.min(1, yAxis.place(mean)));
  return { text: arm.label, colour: armStyle(arm.index).colour, x: xAxis.place(x), y };
}

/** Spread around lines. */
export function bands(lines: readonly Line[], x: PlotAxis, y: PlotAxis): PlotSpec[] {
  const values = lines.flatMap(({ arm, points }) =>
    points.some((p) => p.high > p.low)
      ? points.map((p) => ({ ...p, low: Math.max(y.domain[0], p.low), ...armStyle(arm.index), arm: arm.index }))
      : []
  );
  if (!values.length) return [];
  return [{
    data: { values },
    mark: { type: "area", opacity: lines.length > 6 ? 0.1 : 0.16, clip: true },
    encoding: {
      x: { field: "x", ...x.encoding },
      y: { field: "low", ...y.encoding },
      y2: { field: "high" },
      color: colourField("colour"),
      detail: { field: "arm" },
    },
  }];
}

/** Lines, each in the colour and dash of its arm; the base above the others. */
export function strokes(lines: readonly Line[], x: PlotAxis, y: PlotAxis): PlotSpec[] {
  return dashes.flatMap((dash, i) => {
    const ofDash = lines.filter(({ arm }) => armStyle(arm.index).dash === i).reverse();
    if (!ofDash.length) return [];
    return [{
      data: {
        values: ofDash.flatMap(({ arm, points }) =>
          points.map((p) => ({ x: p.x, y: p.mean, ...armStyle(arm.index), arm: arm.index }))
        ),
      },
      mark: { type: "line", strokeWidth: 1.6, strokeDash: dash, clip: true },
      encoding: {
        x: { field: "x", ...x.encoding },
        y: { field: "y", ...y.encoding },
        color: colourField("colour"),
        detail: { field: "arm" },
      },
    }];
  });
}

/** A dot for each point. */
export function dots(lines: readonly Line[], x: PlotAxis, y: PlotAxis): PlotSpec[] {
  const values = lines.flatMap(({ arm, points }) => points.map((p) => ({ x: p.x, y: p.mean, ...armStyle(arm.index) })))
    .filter((p) => p.y >= y.domain[0] && p.y <= y.domain[1]);
  if (!values.length) return [];
  return [{
    data: { values },
    mark: { type: "point", filled: true, size: 26, opacity: 1 },
    encoding: { x: { field: "x", ...x.encoding }, y: { field: "y", ...y.encoding }, color: colourField("colour") },
  }];
}
