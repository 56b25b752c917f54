import type { PlotSpec } from "../plot.ts";
import { colours } from "./theme.ts";

/** Of every plot, so that all of them can stand in one grid and be read on a narrow screen. */
const WIDTH = 500;
const LEFT = 66, RIGHT = 18, TOP = 62, BOTTOM = 48;
/** Width of a character of a label, and height of its line, in pixels. */
const CHARACTER = 6.9, LINE = 15;
const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/** An axis whose places are known before it is drawn. */
export interface PlotAxis {
  /** What Vega-Lite needs to know of it. */
  readonly encoding: PlotSpec;
  /** Where a value is: from 0, the low end, to 1. */
  readonly place: (value: number) => number;
  /** Its ends. */
  readonly domain: readonly [low: number, high: number];
}

/** A label beside the plot for a place in it. */
export interface Label {
  /** What it says. */
  readonly text: string;
  /** Of its arm. */
  readonly colour: string;
  /** Place that it belongs to, from 0 at the left to 1. */
  readonly x: number;
  /** From 0 at the bottom to 1. */
  readonly y: number;
}

/** What a plot consists of. */
export interface Frame {
  /** Above it. */
  readonly title: string;
  /** Below that. */
  readonly subtitle: string;
  /** Of the part within the axes. */
  readonly height: number;
  /** To the right, joined to their places. */
  readonly labels?: readonly Label[];
  /** Room at the left, for axis labels. */
  readonly left?: number;
  /** Given the width and height within the axes, in pixels. */
  readonly layers: (width: number, height: number) => readonly PlotSpec[];
}

/** A linear axis from the smallest to the largest value and a little more on both sides, or a logarithmic one. */
export function axisOf(
  values: readonly number[],
  { title, log = false, margin = 0.04, zero = false, ...axis }: PlotSpec & {
    readonly title: string;
    readonly log?: boolean;
    readonly margin?: number;
    readonly zero?: boolean;
  },
): PlotAxis {
  const to = log ? Math.log : (v: number) => v, from = log ? Math.exp : to;
  const all = (zero ? [0, ...values] : values).map(to);
  let low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
  const span = high - low || (log ? 1 : Math.abs(high) || 1);
  if (high === low) [low, high] = [low - span / 2, high + span / 2];
  const domain = [zero && low === 0 ? 0 : from(low - margin * span), from(high + margin * span)] as const;
  const [a, b] = domain.map(to);
  const ticks = log ? { values: roundNumbers(...domain), format: "~g" } : {};
  return {
    encoding: {
      type: "quantitative",
      scale: { domain, type: log ? "log" : "linear", nice: false, zero: false },
      axis: { title, tickCount: 5, ...ticks, ...axis },
    },
    place: (value) => (to(value) - a) / (b - a),
    domain,
  };
}

/** The sizes and the spec of a plot. */
export function framed({ title, subtitle, height, labels = [], left = LEFT, layers }: Frame): {
  readonly size: readonly [width: number, height: number];
  readonly spec: PlotSpec;
} {
  const column = labels.length ? 26 + CHARACTER * Math.max(...labels.map((label) => [...label.text].length)) : 0;
  const right = Math.ceil(Math.max(RIGHT, column)), width = WIDTH - left - right;
  const tall = Math.max(height, LINE * labels.length), size = [WIDTH, TOP + tall + BOTTOM] as const;
  return {
    size,
    spec: {
      width,
      height: tall,
      padding: { left, right, top: TOP, bottom: BOTTOM },
      autosize: { type: "none" },
      background: colours.ground,
      layer: [...layers(width, tall), ...labelLayers(labels, width, tall), ...headings(title, subtitle, left)],
      config,
    },
  };
}

/** Label of a large number: `500k`, `1.5T`. */
export const si = "datum.value ? format(datum.value, '.4~s') : '0'";

/** Fields of the data that are positions in pixels. */
export function pixels(fields: Readonly<Record<string, string>>): PlotSpec {
  const encode = ([channel, field]: [string, string]) => {
    return [channel, /2$/.test(channel) ? { field } : { field, type: "quantitative", scale: null, axis: null }];
  };
  return Object.fromEntries(Object.entries(fields).map(encode));
}

/** A field of the data that holds a colour. */
export function colourField(field: string): PlotSpec {
  return { field, type: "nominal", scale: null, legend: null };
}

/** As marks, which stand where they are put; Vega moves its own titles away from whatever it thinks is large. */
function headings(title: string, subtitle: string, left: number): PlotSpec[] {
  const line = (says: string, y: number, mark: PlotSpec): PlotSpec => ({
    data: { values: [{ says, x: 10 - left, y }] },
    mark: { type: "text", align: "left", baseline: "alphabetic", ...mark },
    encoding: { ...pixels({ x: "x", y: "y" }), text: { field: "says" } },
  });
  return [
    line(title, -36, { fontSize: 15, fontWeight: 600 }),
    line(subtitle, -17, { fontSize: 12, fill: colours.muted }),
  ];
}

/** Names at the right of their lines' ends, moved apart as little as possible. */
function labelLayers(labels: readonly Label[], width: number, height: number): PlotSpec[] {
  if (!labels.length) return [];
  const sorted = [...labels].sort((a, b) => b.y - a.y || a.x - b.x);
  const places = movedApart(sorted.map(({ y }) => height * (1 - y)), LINE, height);
  const values = sorted.map(({ text, colour, x, y }, i) => {
    return { text, colour, fromX: width * x, fromY: height * (1 - y), x: width + 16, y: places[i], end: width + 12 };
  });
  return [
    {
      data: { values },
      mark: { type: "rule", strokeWidth: 1, opacity: 0.55 },
      encoding: { ...pixels({ x: "fromX", y: "fromY", x2: "end", y2: "y" }), color: colourField("colour") },
    },
    {
      data: { values },
      mark: { type: "text", align: "left", baseline: "middle" },
      encoding: { ...pixels({ x: "x", y: "y" }), text: { field: "text" }, color: colourField("colour") },
    },
  ];
}

/**
 * Places at least `gap` apart within 0 … `end`, in their order, with the least sum of squared moves: neighbours that are too
 * near form groups, which are joined until none overlap.
 */
export function movedApart(places: readonly number[], gap: number, end: number): number[] {
  interface Group {
    start: number;
    sum: number;
    count: number;
  }
  const groups: Group[] = [];
  const settle = (g: Group) => {
    const length = gap * (g.count - 1);
    g.start = Math.max(0, Math.min(end - length, g.sum / g.count));
  };
  for (const place of places) {
    let group: Group = { start: place, sum: place, count: 1 };
    settle(group);
    for (let last = groups.at(-1); last && last.start + gap * last.count > group.start; last = groups.at(-1)) {
      groups.pop();
      // Where each member wants the group to start.
      group = { start: 0, sum: last.sum + group.sum - gap * last.count * group.count, count: last.count + group.count };
      settle(group);
    }
    groups.push(group);
  }
  return groups.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + gap * i));
}

/** 1, 2, 3, 5, 7 and their tenfolds from `low` to `high`, or fewer of them where they would be many. */
function roundNumbers(low: number, high: number): number[] {
  const decades = Math.log10(high / low), digits = decades > 4 ? [1] : decades > 1.5 ? [1, 2, 5] : [1, 2, 3, 5, 7];
  const first = Math.floor(Math.log10(low));
  const all = Array.from({ length: Math.ceil(decades) + 2 }, (_, i) => digits.map((d) => Number(`${d}e${first + i}`)));
  return all.flat().filter((v) => v >= low && v <= high);
}

const text = { font: FONT, fill: colours.ink };
const config = {
  aria: false,
  font: FONT,
  view: { stroke: null },
  axis: {
    labelFont: FONT,
    labelFontSize: 11.5,
    labelColor: colours.muted,
    titleFont: FONT,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titleColor: colours.muted,
    titlePadding: 8,
    gridColor: colours.grid,
    domainColor: colours.line,
    tickColor: colours.line,
    tickSize: 4,
    labelOverlap: true,
  },
  // A fixed place, as Vega thinks labels wider than they are.
  axisY: { titleX: 16 - LEFT },
  text: { ...text, fontSize: 11.5 },
};
