import type { AblationEvent } from "../../model/ablation/laboratory.ts";
import type { TrialProgress, TrialSpec } from "../../model/ablation/trial.ts";
import type { AblateGiven } from "./ablate_flags.ts";
import { statusBlock } from "./status_block.ts";
import { note } from "./terminal.ts";
import { duration } from "./train_log.ts";

/** What shows how far an ablation is. */
export interface AblationScreen {
  /** To be told every event. */
  onEvent(event: AblationEvent): void;
  /** Removes what was only for the moment. */
  clear(): void;
}

/** Trials that run, trials that are left. */
interface State {
  readonly running: Map<string, { readonly spec: TrialSpec; readonly progress: TrialProgress }>;
  /** Steps of trials that have ended in this call. */
  ended: number;
  /** Steps of all that were missing when they began. */
  all: number;
  /** Steps that trials had made already when they were first heard of. */
  before: Map<string, number>;
  /** What a trial is called. */
  label: (spec: TrialSpec) => string;
  begun: number;
  count: number;
  done: number;
}

/**
 * One line for each trial that runs and one for all of them; lines that stay for those that have ended, but for A/A, which
 * has very many.
 */
export function ablationScreen({ quiet, aa }: Pick<AblateGiven, "quiet" | "aa">): AblationScreen {
  const block = statusBlock();
  const state: State = {
    running: new Map(),
    ended: 0,
    all: 0,
    before: new Map(),
    label: labels([]),
    begun: 0,
    count: 0,
    done: 0,
  };
  const say = (line: string) => {
    block.clear();
    if (!quiet) note(line);
  };
  const show = (lines: readonly string[]) => quiet || block.show(lines);
  return {
    onEvent(event) {
      if (event.type === "doing") show([event.what]);
      else if (event.type === "note") say(`note: ${event.text}`);
      else if (event.type === "trials") {
        const { specs, missing } = event, kept = specs.length - missing.length;
        Object.assign(state, {
          running: new Map(),
          ended: 0,
          all: missing.reduce((sum, { training }) => sum + training.steps, 0),
          before: new Map(),
          label: labels(specs),
          begun: performance.now(),
          count: specs.length,
          done: kept,
        });
        if (kept) say(`${kept} of ${specs.length} trainings are there already`);
      } else if (event.type === "progress") {
        const { spec, progress } = event;
        if (!state.before.has(spec.key)) state.before.set(spec.key, Math.max(0, progress.step - 1));
        state.running.set(spec.key, { spec, progress });
        show([...[...state.running.values()].map((trial) => trialLine(state, trial)), totalLine(state)]);
      } else {
        const { spec, result } = event, { score, outcome, reason } = result;
        state.running.delete(spec.key);
        state.ended += spec.training.steps;
        state.done++;
        const found = outcome === "diverged"
          ? `diverged: ${reason}`
          : `loss ${score!.loss.toFixed(4)}${
            score!.exactMatch === undefined ? "" : `, exact match ${(100 * score!.exactMatch).toFixed(1)}%`
          }`;
        if (aa === undefined) say(`[${state.done}/${state.count}] ${state.label(spec)}: ${found}`);
      }
    },
    clear: block.clear,
  };
}

/** `base, seed 1`; where seeds are shared because learning rates are tried, with the rate. */
function labels(specs: readonly TrialSpec[]): State["label"] {
  const isSweep = new Set(specs.map(({ arm, seed }) => `${seed} ${arm}`)).size < specs.length;
  if (!isSweep) return ({ arm, seed }) => `${arm}, seed ${seed}`;
  const seeds = [...new Set(specs.map(({ seed }) => seed))];
  return ({ arm, seed, training: { learningRate } }) =>
    `${arm}, learning rate ${learningRate}, tuning seed ${seeds.indexOf(seed) + 1}`;
}

/** What is of interest comes first: a line that is too long is cut off. */
function trialLine(
  { label }: State,
  { spec, progress }: { readonly spec: TrialSpec; readonly progress: TrialProgress },
): string {
  const { step, steps, loss, doing } = progress, cells = 12, full = Math.floor(cells * step / steps);
  const bar = "#".repeat(full) + "·".repeat(cells - full), percent = String(Math.floor(100 * step / steps)).padStart(3);
  const now = doing ?? (loss === undefined ? "" : `loss ${loss.toFixed(3)}`);
  return `[${bar}] ${percent}%  ${now.padEnd(10)}  ${label(spec)}`;
}

function totalLine({ running, ended, all, before, begun, count, done }: State): string {
  let made = ended, skipped = 0;
  for (const { progress } of running.values()) made += progress.step;
  for (const steps of before.values()) skipped += steps;
  const elapsed = (performance.now() - begun) / 1000, here = made - skipped;
  const left = here > 0 && elapsed > 1 ? elapsed * (all - made) / here : Infinity; // the first steps tell nothing
  return `${done} of ${count} trainings done; ${duration(elapsed)} gone, ${
    Number.isFinite(left) ? `${duration(left)} left` : "time left unknown"
  }`;
}
