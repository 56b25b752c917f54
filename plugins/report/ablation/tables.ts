import { formatBytes } from "../../../runtime/memory.ts";
import { clock, fixed, pValue, scaled, signed, whole } from "../numbers.ts";
import type { Table } from "../table.ts";
import type { ArmFacts, ComparisonFacts, Facts } from "./facts.ts";

/** Quality: a row for each arm, and one for each further comparison of it. */
export function qualityTable({ arms, comparisons, metric, against }: Facts): Table {
  const { digits } = metric, unit = metric.unit === "%" ? "%" : metric.unit;
  const compared = (c: ComparisonFacts | undefined) => [
    signed(c?.mean, digits),
    c?.interval ? `${signed(c.interval[0], digits)} to ${signed(c.interval[1], digits)}` : "–",
    pValue(c?.p),
    pValue(c?.adjusted),
    c?.words ?? "–",
  ];
  return {
    caption: `${metric.label}, ${unit}; differences to ${against}${
      metric.unit === "%" ? ` in ${metric.differenceUnit}` : ""
    }`,
    columns: [
      { title: "arm", text: true },
      { title: "n" },
      { title: "mean" },
      { title: "sd" },
      { title: "difference" },
      { title: "95 % interval" },
      { title: "p" },
      { title: "adjusted p" },
      { title: "verdict", text: true },
    ],
    rows: arms.flatMap(({ name, arm, finished, diverged, summary }) => {
      const own = comparisons.filter((c) => c.arm === name);
      const n = diverged.length ? `${finished.length} of ${arm.runs.length}` : String(finished.length);
      return [
        [name, n, fixed(summary?.mean, digits), fixed(summary?.sd, digits), ...compared(own[0])],
        ...own.slice(1).map((c) => [c.name, "–", "–", "–", ...compared(c)]),
      ];
    }),
  };
}

/** Costs: a row for each arm; `undefined` where none were measured. */
export function costTable({ arms }: Facts): Table | undefined {
  if (!arms.some((arm) => arm.costs)) return undefined;
  const bytes = (value: number | undefined) => value === undefined ? "–" : formatBytes(Math.round(value));
  const target = ({ toTarget }: ArmFacts) => typeof toTarget === "string" ? toTarget : clock(toTarget);
  return {
    caption: "what the arms cost",
    columns: [
      { title: "arm", text: true },
      { title: "parameters" },
      { title: "FLOPs per token" },
      { title: "training tokens/s" },
      { title: "prefill tokens/s" },
      { title: "decode tokens/s" },
      { title: "cache per token" },
      { title: "peak memory" },
      { title: "training time" },
      { title: "time to target" },
    ],
    rows: arms.map((arm) => [
      arm.name,
      whole(arm.costs?.parameters),
      scaled(arm.costs?.flopsPerToken),
      whole(arm.costs?.trainingRate),
      whole(arm.costs?.prefillRate),
      whole(arm.costs?.decodeRate),
      bytes(arm.costs?.cacheBytesPerToken),
      bytes(arm.costs?.peakBytes),
      clock(arm.seconds),
      target(arm),
    ]),
  };
}

/** Every learning rate that an arm tried; `undefined` where none did. */
export function sweepTable({ arms, metric, outcome }: Facts): Table | undefined {
  const swept = arms.filter((arm) => arm.arm.sweep), rates = new Set<number>();
  if (!swept.length) return undefined;
  for (const { arm } of swept) for (const { learningRate } of arm.sweep!.tried) rates.add(learningRate);
  const all = [...rates].sort((a, b) => a - b);
  return {
    caption: `${metric.label} of the tuning seeds by learning rate, ${metric.unit}`,
    columns: [{ title: "arm", text: true }, ...all.map((rate) => ({ title: String(rate) })), { title: "chosen" }],
    rows: swept.map(({ name, arm: { sweep, training } }) => [
      name,
      ...all.map((rate) => {
        const tried = sweep!.tried.find((t) => t.learningRate === rate);
        return !tried ? "–" : tried.value === undefined ? "diverged" : fixed(metric.scale * tried.value, metric.digits);
      }),
      `${training.learningRate}${sweep!.atEdge && outcome.study.sweep ? " (edge)" : ""}`,
    ]),
  };
}

/** What was chosen for arms to match the base; `undefined` where nothing was. */
export function sizeTable({ arms }: Facts): Table | undefined {
  const rows = arms.flatMap(({ name, arm: { matched } }) =>
    matched ? [[name, matched.path, whole(matched.value), `${signed(100 * matched.deviation, 2)} %`]] : []
  );
  if (!rows.length) return undefined;
  return {
    caption: "sizes that were chosen to match the base",
    columns: [{ title: "arm", text: true }, { title: "size", text: true }, { title: "chosen" }, { title: "off by" }],
    rows,
  };
}

/** Runs that diverged, and why; `undefined` where none did. */
export function divergedTable({ arms }: Facts): Table | undefined {
  const rows = arms.flatMap(({ name, diverged }) =>
    diverged.map((run) => [name, String(run.seed), whole(run.steps), run.reason ?? "–"])
  );
  if (!rows.length) return undefined;
  return {
    caption: "runs that diverged",
    columns: [{ title: "arm", text: true }, { title: "seed" }, { title: "steps" }, { title: "reason", text: true }],
    rows,
  };
}

/** Every run, its weights by their first digits. */
export function runTable({ arms, metric }: Facts): Table {
  const lengths = lengthsOf(arms),
    share = arms.some(({ arm }) => arm.runs.some((r) => r.score?.exactMatch !== undefined));
  const digits = metric.scale === 1 ? metric.digits + 1 : 4;
  return {
    caption: "every run",
    columns: [
      { title: "arm", text: true },
      { title: "seed" },
      { title: "outcome", text: true },
      { title: "steps" },
      { title: "loss" },
      ...(share ? [{ title: "exact match, %" }] : []),
      ...lengths.map((length) => ({ title: `loss at ${whole(length)}` })),
      { title: "learning rate" },
      { title: "weights", text: true },
    ],
    rows: arms.flatMap(({ name, arm }) =>
      arm.runs.map((run) => [
        name,
        String(run.seed),
        run.outcome,
        whole(run.steps),
        fixed(run.score?.loss, digits),
        ...(share ? [fixed(run.score?.exactMatch && 100 * run.score.exactMatch, metric.digits)] : []),
        ...lengths.map((length) => fixed(run.lengths?.find((l) => l.length === length)?.loss ?? undefined, digits)),
        String(run.training.learningRate),
        run.weights.slice(0, 16),
      ])
    ),
  };
}

/** Every length on which a run was evaluated, from the smallest. */
export function lengthsOf(arms: readonly Pick<ArmFacts, "arm">[]): number[] {
  const all = arms.flatMap(({ arm }) => arm.runs.flatMap((run) => (run.lengths ?? []).map((l) => l.length)));
  return [...new Set(all)].sort((a, b) => a - b);
}
