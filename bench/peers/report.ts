/** What a run found, for people. */
import { type Case, weightsOf } from "./cases.ts";
import { type Implementation, implementations } from "./implementations.ts";
import { median } from "./measure.ts";
import type { Unit } from "./protocol.ts";
import type { Check, Place, Results, Sample } from "./rounds.ts";

/** One implementation's rates in one case. */
export interface Summary extends Place {
  /** What the rates count. */
  readonly unit: Unit;
  /** Middle of all rounds. */
  readonly median: number;
  /** Slowest round. */
  readonly min: number;
  /** Fastest round. */
  readonly max: number;
  /** Processors that it kept busy, median. */
  readonly cpus: number;
}

/** Tenon against the best of the peers, in one case. */
export interface Ratio {
  /** Name of the case. */
  readonly case: string;
  /** Threads of both. */
  readonly threads: number;
  /** Id of the peer with the largest median. */
  readonly peer: string;
  /** Tenon's median by the peer's. */
  readonly ofMedians: number;
  /** Median over rounds of Tenon's rate by the peer's in the same round. */
  readonly ofRounds: number;
}

/** Medians and ranges, in the order of the samples. */
export function summarize(samples: readonly Sample[]): Summary[] {
  const groups = Map.groupBy(samples, (s) => JSON.stringify([s.case, s.implementation, s.threads, s.unit]));
  return [...groups.values()].map((group) => {
    const values = group.map((s) => s.value), { case: name, implementation, threads, unit } = group[0];
    return {
      case: name,
      implementation,
      threads,
      unit,
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      cpus: median(group.map((s) => s.cpus)),
    };
  });
}

/** Tenon against the best peer, for each case that both got through. */
export function ratios(samples: readonly Sample[]): Ratio[] {
  const roles = new Map(implementations.map(({ id, role }) => [id, role])), summaries = summarize(samples);
  return summaries.filter((s) => roles.get(s.implementation) === "tenon").flatMap((tenon) => {
    const here = (s: { case: string; threads: number }) => s.case === tenon.case && s.threads === tenon.threads;
    const peers = summaries.filter((s) => here(s) && roles.get(s.implementation) === "peer");
    if (!peers.length) return [];
    const best = peers.reduce((a, b) => b.median > a.median ? b : a);
    const byRound = (id: string) =>
      new Map(samples.filter((s) => here(s) && s.implementation === id).map((s) => [s.round, s.value]));
    const ours = byRound(tenon.implementation), theirs = byRound(best.implementation);
    const common = [...ours.keys()].filter((round) => theirs.has(round));
    return [{
      case: tenon.case,
      threads: tenon.threads,
      peer: best.implementation,
      ofMedians: tenon.median / best.median,
      ofRounds: median(common.map((round) => ours.get(round)! / theirs.get(round)!)),
    }];
  });
}

/** Tables for products and models, and what there is to say about those who took part. */
export function markdown(results: Results, cases: readonly Case[], threadCounts: readonly number[]): string {
  const products = cases.filter((c) => c.kind === "product");
  const kinds = [
    { title: "Matrix products, f32, GFLOP/s", cases: products.filter((c) => weightsOf(c) === "f32") },
    { title: "Matrix products, weights in blocks, GFLOP/s", cases: products.filter((c) => weightsOf(c) !== "f32") },
    { title: "Llama-shaped models, tokens/s", cases: cases.filter((c) => c.kind !== "product") },
  ];
  const parts = kinds.filter((kind) => kind.cases.length).flatMap((kind) =>
    threadCounts.map((threads) =>
      `## ${kind.title}, ${threadsText(threads)}\n\n${rateTable(results, kind.cases, threads)}`
    )
  );
  parts.push(`## Who took part\n\n${participantTable(results)}`);
  if (results.failures.length) {
    const rows = results.failures.map((f) => [f.case, labelOf(f.implementation), `${f.threads}`, f.reason]);
    parts.push(`## What failed\n\n${table(["case", "implementation", "threads", "reason"], rows)}`);
  }
  return parts.join("\n\n");
}

/** One row for each case: everyone's median and range, then how Tenon compares. */
function rateTable({ samples }: Results, cases: readonly Case[], threads: number): string {
  const summaries = summarize(samples).filter((s) => s.threads === threads);
  const compared = ratios(samples).filter((r) => r.threads === threads);
  const columns = implementations.filter((i) => i.role !== "ceiling" && cases.some((c) => i.takes(c)));
  const head = [
    "case",
    ...columns.map((i) => i.label),
    "FMA ceiling GFLOP/s",
    "read ceiling GB/s",
    "best peer",
    "Tenon ÷ it: medians",
    "by round",
  ];
  const rows = cases.map((c) => {
    const cell = (id: string, unit?: Unit) => {
      const found = summaries.find((s) =>
        s.case === c.name && s.implementation === id && (unit === undefined || s.unit === unit)
      );
      return found ? `${rate(found.median)} (${rate(found.min)}–${rate(found.max)})` : "–";
    };
    const ratio = compared.find((r) => r.case === c.name);
    return [
      c.name,
      ...columns.map((i) => i.takes(c) ? cell(i.id) : ""),
      cell("ceiling", "GFLOP/s"),
      cell("ceiling", "GB/s"),
      ratio ? labelOf(ratio.peer) : "–",
      ratio ? ratio.ofMedians.toFixed(2) : "–",
      ratio ? ratio.ofRounds.toFixed(2) : "–",
    ];
  });
  return table(head, rows);
}

/** One row for each child: what it is, how many processors it kept busy at most, what its checks found. */
function participantTable({ participants, checks, samples }: Results): string {
  const summaries = summarize(samples);
  const rows = participants.map(({ implementation, threads, about, unavailable }) => {
    const own = (p: { implementation: string; threads: number }) =>
      p.implementation === implementation && p.threads === threads;
    const busy = Math.max(0, ...summaries.filter(own).map((s) => s.cpus));
    return [
      labelOf(implementation),
      `${threads}`,
      busy ? busy.toFixed(2) : "–",
      unavailable === undefined ? about : `not available: ${unavailable}`,
      checked(checks.filter(own)),
    ];
  });
  return table(["implementation", "threads", "processors busy", "version", "checked"], rows);
}

/** The worst that checks found. */
function checked(checks: readonly Check[]): string {
  const found: string[] = [], worst = (values: readonly number[]) => Math.max(...values).toExponential(0);
  const products = checks.filter((c) => c.error !== undefined), models = checks.filter((c) => c.agreed !== undefined);
  if (products.length) found.push(`error up to ${worst(products.map((c) => c.error!))}`);
  if (models.length) {
    const [agreed, of] = (["agreed", "of"] as const).map((key) => models.reduce((sum, c) => sum + c[key]!, 0));
    found.push(`${agreed} of ${of} tokens as expected, ln p within ${worst(models.map((c) => c.difference!))}`);
  }
  return found.join("; ");
}

/** A table in Markdown; columns without a word are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, i) => Math.max(4, ...escaped.map((cells) => cells[i].length)));
  const words = head.map((_, i) => i === 0 || rows.some((cells) => /[a-z]/i.test(cells[i])));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => words[i] ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(" | ")} |`;
  const rule = widths.map((width, i) => words[i] ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  const [first, ...others] = escaped;
  return [first, rule, ...others].map(line).join("\n");
}

/** Three digits, more for large numbers. */
function rate(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function labelOf(id: string): string {
  return (implementations.find((i) => i.id === id) as Implementation).label;
}

/** `1 thread`, `2 threads`. */
export function threadsText(threads: number): string {
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}
