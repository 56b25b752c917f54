/**
 * Tenon on WebGPU beside what the device does at best: products, models of Llama's shape, a training step of nanoGPT's,
 * what dispatches cost, and every op.
 *
 *     deno run -A bench/webgpu.ts
 *     deno run -A bench/webgpu.ts --part models --model 110M --weights f16
 *     deno run -A bench/webgpu.ts --part ops --filter softmax
 *     deno run -A bench/webgpu.ts --small
 *
 * Standard output gets a JSON object a line, standard error tables at the end. What fails says so in its line, and the rest
 * runs. Exit codes: 0 ok, 1 failure, 2 usage.
 *
 * @module
 */
import { createRuntime } from "../mod.ts";
import { flagHelp, parseFlags, text, texts, toggle, UsageError, word } from "../plugins/cli/flags.ts";
import { note, print, runCommand, statusLine } from "../plugins/cli/terminal.ts";
import { measureDispatches } from "./webgpu/dispatches.ts";
import { measureModels, modelNames } from "./webgpu/models.ts";
import { measureOps } from "./webgpu/ops.ts";
import { measureProducts } from "./webgpu/products.ts";
import { attempt, type Emit, type Row, table } from "./webgpu/rows.ts";
import { measureCeilings, openRuntime, type Setup } from "./webgpu/setup.ts";
import { measureTraining } from "./webgpu/training.ts";

const parts: Readonly<Record<string, (setup: Setup, emit: Emit) => Promise<void>>> = {
  products: measureProducts,
  models: measureModels,
  training: measureTraining,
  dispatches: measureDispatches,
  ops: measureOps,
};

const flags = {
  part: texts("name", `one of ${Object.keys(parts).join(", ")}; may be repeated (default: all but ops)`),
  model: texts("name", `one of ${modelNames.join(", ")}; may be repeated`),
  weights: word(["f32", "f16", "q8_0", "q4_0", "all"], "how matrices of weights are stored (default: f32 and f16)"),
  filter: text("name", "ops whose names contain it"),
  backend: word(["webgpu", "wasm"], "default webgpu; wasm for comparison, without ceilings"),
  small: toggle("sizes that a software adapter can do"),
  help: toggle("print this"),
};

function expectKnown(flag: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new UsageError(`--${flag} is ${JSON.stringify(unknown)}, expected one of ${known.join(", ")}`);
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags), { small, backend = "webgpu", weights, filter = "" } = given;
  if (given.help) return print(`Usage: deno run -A bench/webgpu.ts [flags]\n\n${flagHelp(flags)}\n`), 0;
  expectKnown("part", given.part, Object.keys(parts));
  expectKnown("model", given.model, modelNames);
  const say = (line: object) => print(`${JSON.stringify(line)}\n`);
  const ceilings = backend === "webgpu" ? await measureCeilings(small) : undefined;
  const usual = ["f32", ...(backend === "wasm" ? [] : ["f16"] as const)] as const;
  const kinds = weights === "all" ? [...usual, "q8_0", "q4_0"] as const : weights ? [weights] : usual;
  const setup: Setup = { backend, small, weights: kinds, models: given.model, filter, ceilings };
  using runtime = backend === "webgpu" ? await openRuntime(setup) : await createRuntime();
  say({ backend: runtime.backend.name, ...ceilings });

  const chosen = given.part.length ? given.part : Object.keys(parts).filter((name) => name !== "ops");
  const tables: string[] = [], status = statusLine();
  let failed = false;
  for (const part of chosen) {
    const rows: Row[] = [];
    status.show(`${part} …`);
    const emit: Emit = (what, values) => {
      rows.push({ what, values });
      say({ part, what, ...values });
      status.show(`${part}: ${what}`);
      failed ||= "failed" in values;
    };
    await attempt(emit, part, () => parts[part](setup, emit));
    tables.push(table(part, rows));
  }
  status.clear();
  const best = ceilings &&
    `at best ${(ceilings.multiply / 1e12).toPrecision(3)} TFLOP/s and ${(ceilings.copy / 1e9).toPrecision(3)} GB/s`;
  note(`\n${runtime.backend.name}${best ? `: ${best}` : ""}\n\n${tables.join("\n")}`);
  return failed ? 1 : 0;
}

if (import.meta.main) await runCommand("bench/webgpu.ts", main);
