/**
 * A thread that runs trials one after another for `runTrials`.
 *
 * @module
 */
import { importAdditions } from "../additions.ts";
import { openRuntime } from "../open_runtime.ts";
import { runTrial, type TrialHost } from "./trial.ts";
import type { ThreadEvent, ThreadRequest } from "./trial_threads.ts";

interface Thread {
  onmessage: ((event: MessageEvent<ThreadRequest>) => void) | null;
  postMessage(event: ThreadEvent): void;
}

/** Milliseconds between two reports of progress. */
const EVERY = 100;

const thread = globalThis as unknown as Thread;
let host: Promise<TrialHost> | undefined, stopped = false, reported = 0;

async function open(
  { backend, threads, simd, use, state }: Extract<ThreadRequest, { type: "open" }>,
): Promise<TrialHost> {
  const { components, plugins } = await importAdditions(use);
  return {
    runtime: await openRuntime({ backend, plugins, threads, simd }),
    components,
    plugins,
    ...(state && { state }),
    stop: () => stopped,
    progress(progress) {
      if (performance.now() - reported < EVERY) return;
      reported = performance.now();
      thread.postMessage({ type: "progress", progress });
    },
  };
}

thread.onmessage = async ({ data: request }) => {
  if (request.type === "stop") stopped = true;
  else if (request.type === "open") {
    host = open(request);
    host.catch(() => {}); // whoever asks for a trial is told
  } else {
    try {
      const result = await runTrial(request.spec, await host!);
      thread.postMessage({ type: "ended", ...(result && { result }) });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      thread.postMessage({ type: "failed", name, message });
    }
  }
};
