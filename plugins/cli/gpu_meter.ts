import { formatBytes } from "../../runtime/memory.ts";
import { isWebgpu } from "../../runtime/open_backend.ts";
import type { Runtime } from "../../runtime/runtime.ts";

/** What a GPU has been asked to do for each token. */
export interface GpuMeter {
  /** Counts from here on: the prompt has been read. */
  begin(): void;
  /** What there is to say after `tokens` generated tokens; nothing where there is no GPU. */
  lines(tokens: number): string[];
}

/** A meter of what `runtime` runs on. */
export function gpuMeter({ backend }: Runtime): GpuMeter {
  if (!isWebgpu(backend)) return { begin() {}, lines: () => [] };
  let before = backend.stats();
  return {
    begin: () => void (before = backend.stats()),
    lines(tokens) {
      const { buffers, bytes, pipelines, dispatches, submissions } = backend.stats();
      const each = (count: number) => (count / Math.max(1, tokens - 1)).toFixed(1); // the first one is the prompt's
      return [
        `adapter ${backend.adapter}; ${buffers} buffers of ${
          formatBytes(bytes)
        }, ${pipelines} pipelines; for each token ` +
        `${each(dispatches - before.dispatches)} dispatches, ${each(submissions - before.submissions)} submissions`,
      ];
    },
  };
}
