/** The machine itself, measured in turn with everything that runs on it. */
import { openCeiling } from "../ceiling.ts";
import type { Runner } from "./protocol.ts";

/** Starts threads that only compute, or only read. */
export async function start(threads: number): Promise<Runner> {
  const ceiling = await openCeiling(threads);
  return {
    about: `V8 ${Deno.version.v8}, relaxed multiply-adds in registers; reads of 512 MiB`,
    prepare: () =>
      Promise.resolve({
        evidence: {},
        async measure(seconds) {
          const { gflops, gigabytes } = await ceiling.measure(seconds / 2);
          return { "GFLOP/s": gflops, "GB/s": gigabytes };
        },
        close() {},
      }),
  };
}
