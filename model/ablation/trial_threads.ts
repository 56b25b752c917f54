import type { Runtime } from "../../runtime/runtime.ts";
import type { Simd } from "../../runtime/wasm.ts";
import type { Additions } from "../additions.ts";
import { openRuntime } from "../open_runtime.ts";
import { CheckpointError } from "../source.ts";
import type { TrialResult } from "./outcome.ts";
import { runTrial, type TrialProgress, type TrialSpec } from "./trial.ts";
import type { TrialStateOptions } from "./trial_state.ts";

/** What a thread is asked. */
export type ThreadRequest =
  | {
    readonly type: "open";
    readonly backend: string;
    readonly threads: number;
    readonly simd: Simd;
    readonly use: readonly string[];
    readonly state?: TrialStateOptions;
  }
  | { readonly type: "run"; readonly spec: TrialSpec }
  | { readonly type: "stop" };

/** What a thread says. */
export type ThreadEvent =
  | { readonly type: "progress"; readonly progress: TrialProgress }
  | { readonly type: "ended"; readonly result?: TrialResult }
  | { readonly type: "failed"; readonly name: string; readonly message: string };

/** How {@linkcode runTrials} runs them. */
export interface TrialsOptions {
  /** Trials side by side. */
  readonly jobs: number;
  /** What they run on, as `openRuntime` takes it. Default: `wasm`. */
  readonly backend?: string;
  /** For one job alone: an open runtime of that kind, which is not closed. Default: one of its own. */
  readonly runtime?: Runtime;
  /** Threads of all of them together. */
  readonly threads: number;
  /** Build of the kernels. */
  readonly simd: Simd;
  /** Modules with components and plugins, which each thread imports. */
  readonly use: readonly string[];
  /** Components and plugins as values, which other threads cannot have: with them there is one job. */
  readonly additions: Additions;
  /** Where checkpoints go. */
  readonly state?: TrialStateOptions;
  /** Is told of each trial that runs. */
  progress?(spec: TrialSpec, progress: TrialProgress): void;
  /** Is given each result as it comes. */
  result(spec: TrialSpec, result: TrialResult): void;
  /** Ends all of them, after a checkpoint, once it says so. */
  stop?(): boolean;
}

/** Runs one trial; `undefined` if it was stopped. */
type Run = (spec: TrialSpec) => Promise<TrialResult | undefined>;

/**
 * Runs trials in order, `jobs` of them side by side, each on its share of the threads. Results depend on neither. The
 * first error stops the others, which leave checkpoints, and is thrown then.
 */
export async function runTrials(specs: readonly TrialSpec[], options: TrialsOptions): Promise<void> {
  const jobs = Math.min(options.jobs, specs.length), threads = Math.max(1, Math.floor(options.threads / jobs));
  const queue = [...specs];
  let failed: { readonly error: unknown } | undefined;
  const stop = () => failed !== undefined || (options.stop?.() ?? false);
  const work = async () => {
    await using runner = await (jobs > 1 ? threadRunner : ownRunner)({ ...options, threads, stop });
    for (let spec = queue.shift(); spec && !stop(); spec = queue.shift()) {
      const result = await runner.run(spec).catch((error) => {
        throw withTrial(error, spec);
      });
      if (result) options.result(spec, result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, () => work().catch((error) => failed ??= { error })));
  if (failed) throw failed.error;
}

/** An error of its kind that says in which trial it was. */
function withTrial(error: unknown, { arm, seed }: TrialSpec): unknown {
  if (error instanceof Error) error.message = `${arm}, seed ${seed}: ${error.message}`;
  return error;
}

/** In this thread. */
async function ownRunner(
  { backend = "wasm", runtime: given, threads, simd, additions, state, progress, stop }: TrialsOptions,
): Promise<{ run: Run } & AsyncDisposable> {
  const runtime = given ?? await openRuntime({ backend, plugins: additions.plugins, threads, simd });
  return {
    run: (spec) =>
      runTrial(spec, {
        runtime,
        ...additions,
        ...(state && { state }),
        ...(stop && { stop }),
        progress: (p) => progress?.(spec, p),
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(given || runtime.close()).then(() => {}),
  };
}

/** An error of another thread, of its kind if that is one that callers may tell apart. */
function errorFrom({ name, message }: Extract<ThreadEvent, { type: "failed" }>): Error {
  const Kind = [CheckpointError, RangeError, TypeError].find((kind) => kind.name === name) ?? Error;
  return Object.assign(new Kind(message), { name });
}

/** In a thread of its own. */
function threadRunner(
  { backend = "wasm", threads, simd, use, state, progress, stop }: TrialsOptions,
): Promise<{ run: Run } & AsyncDisposable> {
  const worker = new Worker(new URL("./trial_thread.ts", import.meta.url), { type: "module" });
  const post = (request: ThreadRequest) => worker.postMessage(request), broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {}); // nobody may be waiting
  worker.onerror = (event) => {
    event.preventDefault();
    broken.reject(event.message);
  };
  post({ type: "open", backend, threads, simd, use, ...(state && { state }) });
  const watch = setInterval(() => stop?.() && post({ type: "stop" }), 50);
  const run: Run = (spec) => {
    const answer = Promise.withResolvers<TrialResult | undefined>();
    worker.onmessage = ({ data }: MessageEvent<ThreadEvent>) => {
      if (data.type === "ended") answer.resolve(data.result);
      else if (data.type === "failed") answer.reject(errorFrom(data));
      else {
        try {
          progress?.(spec, data.progress);
        } catch (error) {
          answer.reject(error); // thrown here, it would end the process
        }
      }
    };
    post({ type: "run", spec });
    const lost = broken.promise.catch((message) => {
      throw new Error(`its thread ended: ${message}`);
    });
    return Promise.race([answer.promise, lost]);
  };
  return Promise.resolve({
    run,
    [Symbol.asyncDispose]() {
      clearInterval(watch);
      worker.terminate();
      return Promise.resolve();
    },
  });
}
