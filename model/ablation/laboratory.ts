import type { Runtime } from "../../runtime/runtime.ts";
import { machineThreads } from "../../runtime/backend.ts";
import { isWebgpu } from "../../runtime/open_backend.ts";
import { bestSimd, type Simd } from "../../runtime/wasm.ts";
import { type Additions, importAdditions } from "../additions.ts";
import type { Component } from "../../components/component.ts";
import { openRuntime } from "../open_runtime.ts";
import type { Plugin } from "../plugin.ts";
import type { TrialResult } from "./outcome.ts";
import { openStore, type ResultStore } from "./store.ts";
import type { TrialProgress, TrialSpec } from "./trial.ts";
import { runTrials } from "./trial_threads.ts";

/** What an ablation says while it runs. */
export type AblationEvent =
  | { readonly type: "doing"; readonly what: string }
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "progress"; readonly spec: TrialSpec; readonly progress: TrialProgress }
  | { readonly type: "result"; readonly spec: TrialSpec; readonly result: TrialResult }
  | { readonly type: "trials"; readonly specs: readonly TrialSpec[]; readonly missing: readonly TrialSpec[] };

/** How and where trials run. */
export interface LaboratoryOptions {
  /** Folder of results, checkpoints and prepared data. */
  readonly folder: string;
  /** Modules whose components and plugins join, as `--use` takes them. */
  readonly use?: readonly string[];
  /** Components as values. Threads cannot be given them, so trials then run one at a time; with `use` they need not. */
  readonly components?: readonly Component[];
  /** Plugins as values, likewise. */
  readonly plugins?: readonly Plugin[];
  /**
   * What trials run on: `wasm`, `webgpu`, `auto` (a GPU if there is one, else WASM), or the name of a plugin that brings a
   * backend. On WebGPU trials run one after another, and count as other trials: their last digits differ. Default: `wasm`.
   */
  readonly backend?: string;
  /** Trials side by side; results do not depend on it. Default: one for each thread, one on WebGPU. */
  readonly jobs?: number;
  /** Threads of all trials together. Default: as many as the machine has. */
  readonly threads?: number;
  /** Build of the kernels. Default: the faster. */
  readonly simd?: Simd;
  /** Seconds between two checkpoints of a trial. Default: 60. */
  readonly saveEvery?: number;
  /** Is told what happens. */
  readonly onEvent?: (event: AblationEvent) => void;
  /** Ends everything after checkpoints; its reason is thrown. What was done is kept. */
  readonly signal?: AbortSignal;
}

/** Where trials run and results are kept. */
export interface Laboratory extends Disposable {
  /** Of results, checkpoints and prepared data. */
  readonly folder: string;
  /** What configs may name. */
  readonly additions: Additions;
  /** For short work beside trials. */
  readonly runtime: Runtime;
  /** What trials run on, as `openRuntime` takes it; never `auto`. */
  readonly backend: string;
  /** Build of the kernels of WASM. */
  readonly simd: Simd;
  /** Tells kernels apart whose results differ: the build of WASM's, or the backend. */
  readonly build: string;
  /** What computes, for people. */
  readonly machine: string;
  /** Threads of all trials together. */
  readonly threads: number;
  /** Trials side by side. */
  readonly jobs: number;
  /** Results so far. */
  readonly store: ResultStore;
  /** Says what happens. */
  say(event: AblationEvent): void;
  /** Whether it is to stop. */
  stop(): boolean;
  /** Throws the reason once it is to stop. */
  throwIfStopped(): void;
  /** Runs those of `specs` that have no result yet, and returns the results of all, in their order. */
  run(specs: readonly TrialSpec[]): Promise<TrialResult[]>;
}

/** Opens a folder for trials. Only one process at a time can. Throws the signal's reason if it is aborted already. */
export async function openLaboratory(options: LaboratoryOptions): Promise<Laboratory> {
  const { folder, use = [], components = [], plugins = [], simd = bestSimd(), saveEvery = 60, signal } = options;
  const { backend: asked = "wasm" } = options;
  signal?.throwIfAborted();
  const threads = whole("threads", options.threads ?? machineThreads());
  const values = components.length + plugins.length > 0, wanted = whole("jobs", options.jobs ?? (values ? 1 : threads));
  if (values && wanted > 1) {
    throw new TypeError(
      `Cannot run ${wanted} trials side by side with components or plugins as values: threads cannot be given them, ` +
        "expected one job, or modules in use",
    );
  }
  if (asked === "webgpu" && options.jobs !== undefined && wanted > 1) {
    throw new TypeError(`Cannot run ${wanted} trials side by side on webgpu: they share one GPU, expected one job`);
  }
  const imported = await importAdditions(use);
  const additions = {
    components: [...components, ...imported.components],
    plugins: [...plugins, ...imported.plugins],
  };
  const store = openStore(folder), state = { folder: `${folder}/trials`, seconds: saveEvery };
  const runtime = await openRuntime({ backend: asked, plugins: additions.plugins, threads, simd }).catch((error) => {
    store[Symbol.dispose]();
    throw error;
  });
  const say = (event: AblationEvent) => options.onEvent?.(event), stop = () => signal?.aborted ?? false;
  const gpu = isWebgpu(runtime.backend), backend = asked !== "auto" ? asked : gpu ? "webgpu" : "wasm";
  const jobs = gpu ? 1 : wanted, build = backend === "wasm" ? simd : backend;
  const machine = backend === "wasm" ? `${threads} ${threads === 1 ? "thread" : "threads"}` : runtime.backend.name;
  const { note } = runtime.backend;
  if (note) say({ type: "note", text: gpu ? `${note}, one training at a time` : note });
  return {
    folder,
    additions,
    runtime,
    backend,
    simd,
    build,
    machine,
    threads,
    jobs,
    store,
    say,
    stop,
    throwIfStopped: () => signal?.throwIfAborted(),
    async run(specs) {
      const missing = specs.filter(({ key }) => !store.results.has(key));
      say({ type: "trials", specs, missing });
      const result = (spec: TrialSpec, result: TrialResult) => {
        store.add(result);
        removeQuietly(`${state.folder}/${spec.key}`);
        say({ type: "result", spec, result });
      };
      const progress = (spec: TrialSpec, progress: TrialProgress) => say({ type: "progress", spec, progress });
      const own = gpu ? { runtime } : {}, how = { jobs, threads, backend, ...own, simd, use, additions, state };
      await runTrials(missing, { ...how, progress, result, stop });
      signal?.throwIfAborted();
      for (const { key } of specs) removeQuietly(`${state.folder}/${key}`); // a kill may have come in between
      return specs.map(({ key, arm }) => ({ ...store.results.get(key)!, arm }));
    },
    [Symbol.dispose]() {
      runtime.close();
      store[Symbol.dispose]();
    },
  };
}

function whole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot run trials: ${name} is ${value}, expected a whole number from 1`);
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is in nobody's way.
  }
}
