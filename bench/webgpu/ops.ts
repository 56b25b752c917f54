/** Every op of bench/op_cases.ts beside what the device does at best. */
import type { OpBench } from "../op_bench.ts";
import { opBenches } from "../op_cases.ts";
import { attempt, type Emit, percent } from "./rows.ts";
import { openRuntime, secondsPerRun, type Setup } from "./setup.ts";

/** Rows of the ops whose names contain the filter. */
export async function measureOps(setup: Setup, emit: Emit): Promise<void> {
  const { ceilings, filter } = setup;
  for (const [op, rows] of Object.entries(opBenches).filter(([op]) => op.includes(filter))) {
    for (const row of rows) await attempt(emit, `${op} ${row.name}`, () => measureOp(op, row));
  }

  async function measureOp(op: string, { name, make, flops, bytes }: OpBench): Promise<void> {
    using runtime = await openRuntime(setup); // one for each, which gives its memory back
    const run = make(runtime), seconds = await secondsPerRun(runtime, run, setup.small ? 0.01 : 0.05);
    emit(`${op} ${name}`, {
      "µs": 1e6 * seconds,
      ...(flops && { "GFLOP/s": flops / seconds / 1e9 }),
      ...(flops && ceilings && { "of multiply-adds": percent(flops / seconds, ceilings.multiply) }),
      ...(bytes && { "GB/s": bytes / seconds / 1e9 }),
      ...(bytes && ceilings && { "of a copy": percent(bytes / seconds, ceilings.copy) }),
    });
  }
}
