import { clockUnit } from "../numbers.ts";
import type { Plot } from "../plot.ts";
import type { ArmFacts, Facts } from "./facts.ts";
import { axisOf, colourField, framed, si } from "./frame.ts";
import { missing } from "./plot_curves.ts";
import { armStyle } from "./theme.ts";

/** The metric beside parameters, operations, training time and decode rate: four plots, none without costs. */
export function costPlots(facts: Facts): Plot[] {
  const { metric, outcome } = facts;
  const arms = facts.arms.filter((arm) => arm.costs && arm.summary);
  if (arms.length < 2) return [];
  const [unit, second] = clockUnit(Math.max(...arms.map((arm) => arm.seconds!)));
  const up = outcome.metric.better === "lower" ? "lower" : "higher";
  const plot = (name: string, by: string, title: string, of: (arm: ArmFacts) => number, labelExpr?: string): Plot => {
    const values = arms.map((arm) => {
      const { mean, sd = 0 } = arm.summary!;
      return { x: of(arm), mean, low: mean - sd, high: mean + sd, ...armStyle(arm.index) };
    });
    const x = axisOf(values.map((v) => v.x), { title, margin: 0.08, ...(labelExpr ? { labelExpr } : {}) });
    const y = axisOf(values.flatMap((v) => [v.low, v.high]), {
      title: `${metric.label}, ${metric.unit}`,
      margin: 0.06,
    });
    const encoded = { x: { field: "x", ...x.encoding }, color: colourField("colour") };
    const heading = `${metric.label[0].toUpperCase()}${metric.label.slice(1)} by ${by}`;
    return {
      name,
      title: heading,
      caption:
        `Mean ± standard deviation over the seeds of each arm that has finished runs, by ${by}; ${up} is better.${
          missing(facts, arms.map((arm) => ({ arm })))
        }`,
      ...framed({
        title: heading,
        subtitle: `mean ± sd over seeds; ${up} is better`,
        height: 240,
        labels: values.map((v, i) => ({ text: arms[i].label, colour: v.colour, x: x.place(v.x), y: y.place(v.mean) })),
        layers: () => [
          {
            data: { values },
            mark: { type: "rule", strokeWidth: 1.5 },
            encoding: { ...encoded, y: { field: "low", ...y.encoding }, y2: { field: "high" } },
          },
          {
            data: { values },
            mark: { type: "point", filled: true, size: 70, opacity: 1 },
            encoding: { ...encoded, y: { field: "mean", ...y.encoding } },
          },
        ],
      }),
    };
  };
  return [
    plot("quality-by-parameters", "parameters", "parameters", (arm) => arm.costs!.parameters, si),
    plot(
      "quality-by-flops",
      "operations per token",
      "floating-point operations per token",
      (arm) => arm.costs!.flopsPerToken,
      si,
    ),
    plot("quality-by-time", "training time", `training time, ${unit}`, (arm) => arm.seconds! / second),
    plot("quality-by-decoding", "decode rate", "tokens decoded per second", (arm) => arm.costs!.decodeRate, si),
  ];
}
