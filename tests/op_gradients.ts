/** The gradient of an op case, by the tape. */
import type { Runtime } from "../runtime/runtime.ts";
import { Tape } from "../runtime/tape.ts";
import { size } from "../runtime/tensor.ts";
import { makeInputs, type OpCase, opCases } from "./cases.ts";
import { optimizerCases } from "./optimizer_cases.ts";
import { uniform } from "./support.ts";

/** Ops that have no gradient: they move bytes, fill tables, are for looking at, or change parameters. */
export const without = new Set([
  "widen",
  "pack",
  "packTransposed",
  "unpack",
  "argmax",
  "sinusoid",
  "append",
  "attentionWeights",
  ...Object.keys(optimizerCases),
]);
/** Every case that has one. */
export const gradientCases = Object.entries(opCases).flatMap(([op, cases]) =>
  without.has(op) ? [] : cases.filter((c) => c.gradient !== false).map((c): [string, OpCase] => [op, c])
);

/** Seed of the weights of outputs. */
export const WEIGHTS = 77;

/**
 * The gradient of `Σ out · weights` of a case with respect to all of its inputs, one after another: in memory that held
 * zeros, or in memory called empty that holds `before`.
 */
export async function gradients(rt: Runtime, opCase: OpCase, before?: number): Promise<Float32Array<ArrayBuffer>> {
  const reads = rt.scope(() => {
    const inputs = makeInputs(rt, opCase), tape = new Tape(rt);
    for (const t of inputs) {
      if (before === undefined) tape.track(t);
      else {
        const memory = rt.temp(t.shape, t.dtype, t.layout);
        rt.kernels.fill(memory, before);
        tape.track(t, { ...memory, empty: true });
      }
    }
    const out = rt.record(tape, () => opCase.run(rt, ...inputs));
    tape.backward(out, rt.tensor(out.shape, uniform(size(out.shape), WEIGHTS)));
    return inputs.map((t) => rt.read(tape.gradient(t)!));
  });
  const values = await Promise.all(reads);
  return Float32Array.from(values.flatMap((v) => [...v]));
}
