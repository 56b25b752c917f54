/** Every op on 1 thread and on all: `deno bench -A bench/ops_bench.ts`, or `deno task bench` for rates. */
import { machineThreads } from "../runtime/backend.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { opBenches } from "./op_cases.ts";

for (const threads of new Set([1, machineThreads()])) {
  const runtime = await createRuntime({ threads });
  for (const [kernel, rows] of Object.entries(opBenches)) {
    for (const { name, make } of rows) {
      let run: (() => void) | undefined;
      Deno.bench({ name: `${kernel} ${name} | ${threads}`, group: kernel, fn: () => (run ??= make(runtime))() });
    }
  }
}
