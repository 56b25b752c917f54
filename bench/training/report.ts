/** What a run found, for people. */
import { median } from "../peers/measure.ts";
import { table, threadsText } from "../peers/report.ts";
import { participants } from "./participants.ts";
import type { Entry, Results, Sample, Who } from "./rounds.ts";
import type { Size } from "./sizes.ts";

/** Somebody's times. */
export interface Summary extends Who {
  /** Milliseconds of a step, median over rounds. */
  readonly milliseconds: number;
  /** Fastest round. */
  readonly min: number;
  /** Slowest round. */
  readonly max: number;
  /** Tokens a second, from the median. */
  readonly tokensPerSecond: number;
  /** Processors kept busy, median. */
  readonly cpus: number;
  /** Tenon's tokens a second by these, of medians; only for others, where Tenon has as many threads. */
  readonly ofMedians?: number;
  /** The same by round, median. */
  readonly ofRounds?: number;
}

const same = (a: Who, b: Who) => a.participant === b.participant && a.threads === b.threads;

/** Medians, ranges and ratios, in the order of `entries`. */
export function summarize({ entries, samples }: Results, { batch, context }: Size): Summary[] {
  const of = (who: Who) => samples.filter((s) => same(s, who));
  return entries.filter((entry) => of(entry).length).map(({ participant, threads }) => {
    const own = of({ participant, threads }), times = own.map((s) => s.milliseconds), milliseconds = median(times);
    const tenon = participant === "tenon" ? [] : of({ participant: "tenon", threads });
    return {
      participant,
      threads,
      milliseconds,
      min: Math.min(...times),
      max: Math.max(...times),
      tokensPerSecond: batch * context / milliseconds * 1000,
      cpus: median(own.map((s) => s.cpus)),
      ...(tenon.length && ratios(tenon, own)),
    };
  });
}

/** How many times as fast `tenon` is as `peer`. */
function ratios(tenon: readonly Sample[], peer: readonly Sample[]): Pick<Summary, "ofMedians" | "ofRounds"> {
  const ours = new Map(tenon.map((s) => [s.round, s.milliseconds]));
  const byRound = peer.filter((s) => ours.has(s.round)).map((s) => s.milliseconds / ours.get(s.round)!);
  return {
    ofMedians: median(peer.map((s) => s.milliseconds)) / median(tenon.map((s) => s.milliseconds)),
    ...(byRound.length && { ofRounds: median(byRound) }),
  };
}

/** A table of times for each number of threads, then who took part and what failed. */
export function markdown(results: Results, size: Size): string {
  const summaries = summarize(results, size);
  const groups = Map.groupBy(results.entries, (entry) => entry.threads);
  return [
    ...[...groups].map(([threads, entries]) => `## ${threadsText(threads)}\n\n${timeTable(entries, summaries)}`),
    `## Who took part\n\n${entryTable(results.entries)}`,
  ].join("\n\n");
}

function timeTable(entries: readonly Entry[], summaries: readonly Summary[]): string {
  const head = [
    "participant",
    "ms per step",
    "tokens/s",
    "processors busy",
    "peak memory, MB",
    "Tenon ÷ it: medians",
    "by round",
  ];
  const rows = entries.map((entry) => {
    const found = summaries.find((s) => same(s, entry)), { peakBytes } = entry, label = labelOf(entry);
    if (!found) {
      return [
        label,
        entry.failed === undefined ? "not available" : "failed",
        ...head.slice(2).map(() => "–"),
      ];
    }
    const { milliseconds, min, max, tokensPerSecond, cpus, ofMedians, ofRounds } = found;
    return [
      label,
      `${digits(milliseconds)} (${digits(min)}–${digits(max)})`,
      tokensPerSecond.toFixed(0),
      cpus.toFixed(2),
      peakBytes === undefined ? "–" : (peakBytes / 1e6).toFixed(0),
      ofMedians?.toFixed(2) ?? "–",
      ofRounds?.toFixed(2) ?? "–",
    ];
  });
  return table(head, rows);
}

/** One row for each child: what it is, and how its losses compare. */
function entryTable(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => {
    const { threads, about = "", unavailable, failed, losses, difference } = entry;
    return [
      labelOf(entry),
      `${threads}`,
      unavailable === undefined ? about : `not available: ${unavailable}`,
      losses?.map((loss) => loss.toFixed(4)).join(", ") ?? "–",
      difference === undefined ? "–" : difference.toExponential(0),
      failed === undefined ? "" : `failed: ${failed}`,
    ];
  });
  return table(["participant", "threads", "version", "first losses", "off by at most", ""], rows);
}

function labelOf({ participant }: Who): string {
  return participants.find((p) => p.id === participant)!.label;
}

/** Three digits, more for large numbers. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
