import { escapeMarkup } from "./markup.ts";

/** A loss at a step. */
export interface LossPoint {
  /** From 0. */
  readonly step: number;
  /** In nats for each token. */
  readonly loss: number;
}

/** What {@linkcode lossPlot} draws. */
export interface LossCurves {
  /** Above the picture. */
  readonly title: string;
  /** Of every step. */
  readonly training: readonly LossPoint[];
  /** Of every evaluation. */
  readonly validation: readonly LossPoint[];
}

const WIDTH = 800, HEIGHT = 480, LEFT = 64, RIGHT = 24, TOP = 56, BOTTOM = 56;
/** Points of a line: more would not be seen. */
const POINTS = 600;
/** How many times the smallest loss the largest one is where the axis becomes logarithmic: what comes late would be flat. */
const WIDE = 4;

const STYLE = `
    .back { fill: #fff } text { fill: #24292f; font: 13px system-ui, sans-serif } .title { font-size: 16px }
    .grid { stroke: #d0d7de } .raw { stroke: #9ec1f0; fill: none } .mean { stroke: #0b5fcc; stroke-width: 2; fill: none }
    .held { stroke: #c2410c; stroke-width: 1.5; fill: none } .dot { fill: #c2410c }
    @media (prefers-color-scheme: dark) {
      .back { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .raw { stroke: #2b4d7a }
      .mean { stroke: #6cb0ff } .held { stroke: #ffa657 } .dot { fill: #ffa657 }
    }`;

/** Losses over steps as an SVG picture, light or dark as the reader's screen; on a logarithmic axis if they span much. */
export function lossPlot({ title, training, validation }: LossCurves): string {
  const all = [...training, ...validation].filter(({ loss }) => Number.isFinite(loss));
  const steps = axis(0, all.reduce((max, { step }) => Math.max(max, step), 1), 8, true);
  const [low, high] = extent(all.map(({ loss }) => loss)), logarithmic = low > 0 && high > WIDE * low;
  const losses = logarithmic ? logarithmicAxis(low, high) : axis(low, high, 6, false);
  const scaled = logarithmic ? Math.log : (loss: number) => loss;
  const tenth = (value: number) => Math.round(10 * value) / 10;
  const x = (step: number) => tenth(LEFT + (WIDTH - LEFT - RIGHT) * (step - steps.min) / (steps.max - steps.min));
  const y = (loss: number) =>
    tenth(
      HEIGHT - BOTTOM -
        (HEIGHT - TOP - BOTTOM) * (scaled(loss) - scaled(losses.min)) / (scaled(losses.max) - scaled(losses.min)),
    );
  const at = ({ step, loss }: LossPoint) => `${x(step)},${y(loss)}`;
  const line = (name: string, points: readonly LossPoint[]) =>
    points.length > 1 ? `<polyline class="${name}" points="${points.map(at).join(" ")}"/>` : "";

  const legend = ([["raw", "training", 400], ["mean", "training, smoothed", 295], ["held", "validation", 115]] as const)
    .map(([name, label, fromRight]) => {
      const left = WIDTH - RIGHT - fromRight;
      return `<line class="${name}" x1="${left}" x2="${left + 22}" y1="40" y2="40"/>` +
        `<text x="${left + 28}" y="44">${label}</text>`;
    });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}"/>`,
    ...steps.ticks.map((v) =>
      `<line class="grid" x1="${x(v)}" x2="${x(v)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>` +
      `<text x="${x(v)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${v.toLocaleString("en-US")}</text>`
    ),
    ...losses.ticks.map((v) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(v)}" y2="${y(v)}"/>` +
      `<text x="${LEFT - 8}" y="${y(v) + 4}" text-anchor="end">${Number(v.toPrecision(6))}</text>`
    ),
    line("raw", thinned(training)),
    line("mean", thinned(smoothed(training))),
    line("held", validation),
    ...validation.map((point) => `<circle class="dot" cx="${at(point).replace(",", '" cy="')}" r="3"/>`),
    `<text class="title" x="${LEFT}" y="24">${escapeMarkup(title)}</text>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">step</text>`,
    `<text transform="translate(16 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">loss, nats per token${
      logarithmic ? ", logarithmic" : ""
    }</text>`,
    ...legend,
    "</svg>\n",
  ].filter(Boolean).join("\n");
}

interface Axis {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** An axis that holds `low` … `high`, with 1, 2, 3, 5, 7 and their tenfolds on it: five to each factor of ten. */
function logarithmicAxis(low: number, high: number): Axis {
  const round = Array.from({ length: 5 * (Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1) }, (_, i) => {
    return Number(`${[1, 2, 3, 5, 7][i % 5]}e${Math.floor(Math.log10(low)) + Math.floor(i / 5)}`);
  });
  const min = round.findLast((v) => v <= low)!, max = round.find((v) => v >= high)!;
  return { min, max, ticks: round.filter((v) => v >= min && v <= max) };
}

/** An axis that holds `low` … `high`, with about `count` round numbers on it. */
function axis(low: number, high: number, count: number, whole: boolean): Axis {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].find((m) => m * power >= rough)! * power, step = whole ? Math.max(1, nice) : nice;
  const first = Math.floor(low / step), last = whole ? high / step : Math.ceil(high / step);
  const ticks = Array.from(
    { length: Math.floor(last) - first + 1 },
    (_, i) => Number(((first + i) * step).toPrecision(12)),
  );
  return { min: first * step, max: Math.max(last, first + 1) * step, ticks };
}

function extent(values: readonly number[]): [low: number, high: number] {
  let low = Infinity, high = -Infinity;
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return values.length ? [low, high] : [0, 1];
}

/** Means over a fiftieth of all points, as many before as after each. */
function smoothed(points: readonly LossPoint[]): LossPoint[] {
  const sums = [0], last = points.length - 1;
  for (const { loss } of points) sums.push(sums[sums.length - 1] + loss);
  return points.map(({ step }, i) => {
    const half = Math.min(i, last - i, Math.ceil(points.length / 100));
    return { step, loss: (sums[i + half + 1] - sums[i - half]) / (2 * half + 1) };
  });
}

/** Means of neighbours, so that there are few enough. */
function thinned(points: readonly LossPoint[]): LossPoint[] {
  const each = Math.ceil(points.length / POINTS), out: LossPoint[] = [];
  for (let i = 0; i < points.length; i += each) {
    const part = points.slice(i, i + each), sum = part.reduce((total, { loss }) => total + loss, 0);
    out.push({ step: part[part.length - 1].step, loss: sum / part.length });
  }
  return out;
}
