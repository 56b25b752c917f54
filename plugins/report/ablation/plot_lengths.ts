import { whole } from "../numbers.ts";
import type { Plot } from "../plot.ts";
import { type Facts, meanLine } from "./facts.ts";
import { axisOf, framed } from "./frame.ts";
import { bands, dots, endLabel, type Line, missing, strokes } from "./plot_curves.ts";

/** Loss on windows longer than those of training; `undefined` where nobody asked for it. */
export function lengthPlot(facts: Facts): Plot | undefined {
  const lines = facts.arms.flatMap((arm): Line[] => {
    const context = arm.arm.config.context;
    const points = meanLine(
      arm.finished.map((run) =>
        (run.lengths ?? []).flatMap(({ length, loss }) => loss === null ? [] : [{ x: length / context, y: loss }])
      ),
    );
    return points.length ? [{ arm, points }] : [];
  });
  const all = lines.flatMap((line) => line.points);
  if (!all.length) return undefined;
  const multiples = [...new Set(all.map((p) => p.x))].sort((a, b) => a - b);
  const means = all.map((p) => p.mean), [context, another] = facts.contexts;
  const log = Math.min(...means) > 0 && Math.max(...means) > 4 * Math.min(...means);
  const x = axisOf(multiples, {
    title: `window, multiples of ${another ? "the context of the model" : `${whole(context)} tokens`}`,
    log: true,
    margin: 0.05,
    values: multiples,
    labelExpr: "format(datum.value, '.3~g') + '×'",
  });
  const y = axisOf(means, { title: `loss, nats per token${log ? " (logarithmic)" : ""}`, log, margin: 0.06 });
  const title = "Longer windows than in training";
  return {
    name: "lengths",
    title,
    caption:
      "Mean loss over all tokens of windows of several lengths, after training on one; the band is one standard " +
      `deviation over seeds.${missing(facts, lines)}`,
    ...framed({
      title,
      subtitle: "loss over all tokens of a window, mean ± sd over seeds",
      height: 270,
      labels: lines.map(({ arm, points }) => endLabel(arm, points[points.length - 1], x, y)),
      layers: () => [...bands(lines, x, y), ...strokes(lines, x, y), ...dots(lines, x, y)],
    }),
  };
}
