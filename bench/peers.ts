/**
 * Tenon beside everything else that computes in WebAssembly under Deno, interleaved in one run.
 *
 *     deno run -A bench/peers.ts
 *     deno run -A bench/peers.ts --only ops --case '512' --threads 2 --rounds 3
 *     deno run -A bench/peers.ts --only quantized --case '^15M|x'
 *     deno run -A bench/peers.ts --only quantized --case '^1B' --rounds 3
 *
 * Each implementation runs in a process of its own for each number of threads. Only one computes at a time; every round
 * of a case goes through all of them, so that whatever else the machine does disturbs all alike. llama.cpp's native build
 * is there for orientation: it is no peer, and no ratio counts it. The first run fetches the peers from npm (200 MB, and
 * 700 of node-llama-cpp, most of it for GPUs) and writes random models to .cache/bench, which later runs take (3 GB if all
 * are measured). Models of a billion parameters take 12 GB of memory and minutes a round. Tables go to standard output,
 * progress to standard error. Exit codes: 0 ok, 1 failure, 2 usage, 130 interrupted.
 *
 * @module
 */
import { amount, flagHelp, parseFlags, text, toggle, UsageError, word } from "../plugins/cli/flags.ts";
import { note, print, runCommand, statusLine } from "../plugins/cli/terminal.ts";
import { type Case, modelCases, modelSizes, productCases, weightsOf } from "./peers/cases.ts";
import { ggufFile } from "./peers/gguf.ts";
import { implementations } from "./peers/implementations.ts";
import { machine } from "./peers/machine.ts";
import { closeChildren } from "./peers/process.ts";
import { markdown, ratios, summarize } from "./peers/report.ts";
import { type Results, runGroup } from "./peers/rounds.ts";
import { threadCounts } from "./peers/thread_counts.ts";

const flags = {
  only: word(
    ["ops", "models", "quantized"],
    "only matrix products, only models, or both with weights in blocks (default: ops and models in f32)",
  ),
  case: text("regex", "only cases whose name matches, such as '^1x' or '15M decode'"),
  threads: threadCounts,
  rounds: amount("n", "rounds of each case (default 7)", { min: 1 }),
  seconds: amount("s", "seconds of each measurement (default 0.3)", { above: 0, real: true }),
  patience: amount("s", "most seconds to get ready for a case, loading included (default 300)", { above: 0 }),
  json: text("file", "write every measurement and a summary to a file"),
  help: toggle("print this"),
};

const USAGE = `Usage: deno run -A bench/peers.ts [flags]\n\n${flagHelp(flags)}`;

/** The cases that flags leave. */
function chosenCases(only: "ops" | "models" | "quantized" | undefined, pattern: string | undefined): Case[] {
  let wanted: RegExp;
  try {
    wanted = new RegExp(pattern ?? "");
  } catch (error) {
    throw new UsageError(`--case is not a regular expression: ${(error as Error).message}`);
  }
  const all: Case[] = [...only === "models" ? [] : productCases, ...only === "ops" ? [] : modelCases]
    .filter((c) => (weightsOf(c) === "f32") === (only !== "quantized"));
  const chosen = all.filter((c) => wanted.test(c.name));
  if (chosen.length) return chosen;
  throw new UsageError(`--case ${pattern} matches nothing, expected one of ${all.map((c) => c.name).join(", ")}`);
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags);
  if (given.help) return print(`${USAGE}\n`), 0;
  const { threads = [1, 2], rounds = 7, seconds = 0.3, patience = 300 } = given;
  const cases = chosenCases(given.only, given.case);
  const results: Results = { samples: [], participants: [], failures: [], checks: [] };
  const status = statusLine(), plan = { rounds, seconds, patience, onProgress: (text: string) => status.show(text) };

  const onSignal = () => void closeChildren().finally(() => Deno.exit(130));
  Deno.addSignalListener("SIGINT", onSignal);
  Deno.addSignalListener("SIGTERM", onSignal);
  try {
    const products = cases.filter((c) => c.kind === "product");
    if (products.length) await runGroup(products, implementations, threads, plan, results);
    // A model takes up to two gigabytes in each child: one size and one number of threads at a time.
    for (const size of modelSizes) {
      const models = cases.filter((c) => c.kind !== "product" && c.size === size);
      if (!models.length) continue;
      status.show(`${size.name}: writing the model`);
      await ggufFile(size); // here, so that it takes nobody's time
      for (const count of threads) await runGroup(models, implementations, [count], plan, results);
    }
  } finally {
    await closeChildren();
    status.clear();
  }

  const conditions = { ...await machine(), rounds, seconds, threads };
  const { date, deno, v8, cpu, processors, commit } = conditions;
  print(
    `${date}, commit ${commit}, Deno ${deno} (V8 ${v8}), ${cpu}, ${processors} processors; ` +
      `median (min–max) of ${rounds} rounds of ${seconds} s\n\n${markdown(results, cases, threads)}\n`,
  );
  if (given.json !== undefined) {
    const summary = { rates: summarize(results.samples), ratios: ratios(results.samples) };
    await Deno.writeTextFile(given.json, `${JSON.stringify({ ...conditions, summary, ...results }, null, 1)}\n`);
    note(`wrote ${given.json}`);
  }
  return 0;
}

if (import.meta.main) await runCommand("bench/peers.ts", main);
