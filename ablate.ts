/**
 * What each component of a model is worth: variants trained under the same budget with several seeds, and compared.
 *
 *     deno run -A ablate.ts
 *     deno run -A ablate.ts --data book.txt --vary position=sinusoidal,rope,alibi --seeds 5
 *
 * In the folder that it names: `results.jsonl`, a line for each training; `report/index.html`, which opens from disk, with
 * each plot as an SVG, a CSV and a Markdown table beside it; checkpoints of trainings that were interrupted. The same
 * command goes on with what is there. Tables go to standard output, everything else to standard error. Exit codes: 0 ok,
 * 1 failure, 2 usage, 130 interrupted.
 *
 * @module
 */
import { measureFalsePositives } from "./model/ablation/a_a.ts";
import { ablate, planAblation } from "./model/ablation/ablate.ts";
import type { LaboratoryOptions } from "./model/ablation/laboratory.ts";
import type { AblationOutcome } from "./model/ablation/outcome.ts";
import { resolveStudy, type StudyDefinition } from "./model/ablation/study_definition.ts";
import { studySchema } from "./model/ablation/study_schema.ts";
import { writeTextAtomic } from "./model/data/token_file.ts";
import { aaTable, planTable, powerLines } from "./plugins/cli/ablate_tables.ts";
import { definitionOf } from "./plugins/cli/ablate_definition.ts";
import { ablateFlags, type AblateGiven } from "./plugins/cli/ablate_flags.ts";
import { ablationScreen } from "./plugins/cli/ablate_screen.ts";
import { storyCorpus } from "./plugins/cli/ablate_stories.ts";
import { flagHelp, parseFlags, UsageError } from "./plugins/cli/flags.ts";
import { note, print, runCommand } from "./plugins/cli/terminal.ts";
import { importUsed } from "./plugins/cli/use.ts";

const USAGE = `Usage: deno run -A ablate.ts [flags]

Without flags: from Vaswani's decoder to Llama's, one component at a time, on stories; about three minutes on two cores.

${flagHelp(ablateFlags)}`;

/** The definition that flags and the file of --study make, checked before anything is written. */
function definitionFor(
  given: AblateGiven,
  out: string,
  components: Parameters<typeof studySchema>[0],
): StudyDefinition {
  const file = given.study === undefined ? undefined : readStudy(given.study);
  const definition = definitionOf(given, file) as StudyDefinition;
  const where = given.study === undefined ? {} : { where: given.study };
  try {
    resolveStudy(definition, { ...where, ...(components && { components }) });
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
  const isObject = typeof definition === "object" && definition !== null;
  return isObject && definition.data === undefined ? { ...definition, data: storyCorpus(out) } : definition;
}

function readStudy(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new UsageError(`--study is ${JSON.stringify(path)}: ${(error as Error).message}`, { cause: error });
  }
}

/** This command, as a shell reads it. */
function commandLine(args: readonly string[]): string {
  const quoted = args.map((arg) => /^[\w./:=,@+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`);
  return ["deno run -A ablate.ts", ...quoted].join(" ");
}

async function report(outcome: AblationOutcome, out: string, given: AblateGiven): Promise<void> {
  const { reportTable, writeReport } = await import("./plugins/report/mod.ts");
  writeTextAtomic(`${out}/outcome.json`, `${JSON.stringify(outcome)}\n`);
  await writeReport(outcome, `${out}/report`);
  if (given.json) print(`${JSON.stringify(outcome)}\n`);
  else print(`${reportTable(outcome)}\n${powerLines(outcome).join("\n")}\nReport: ${out}/report/index.html\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, ablateFlags), { out = "ablation" } = given;
  if (given.help) return print(`${USAGE}\n`), 0;
  const { components, plugins } = await importUsed(given.use);
  const known = [...components, ...plugins.flatMap((plugin) => plugin.components ?? [])];
  if (given.schema) return print(`${JSON.stringify(studySchema(known), null, 2)}\n`), 0;
  const definition = definitionFor(given, out, known), screen = ablationScreen(given.quiet);
  const interrupt = new AbortController();
  const onSignal = () => {
    Deno.removeSignalListener("SIGINT", onSignal); // a second one ends at once
    interrupt.abort(new Error("interrupted"));
  };
  Deno.addSignalListener("SIGINT", onSignal);
  const options: LaboratoryOptions = {
    folder: out,
    use: given.use,
    onEvent: screen.onEvent,
    signal: interrupt.signal,
    ...(given.jobs !== undefined && { jobs: given.jobs }),
    ...(given.threads !== undefined && { threads: given.threads }),
    ...(given.simd !== undefined && { simd: given.simd }),
    ...(given["save-every"] !== undefined && { saveEvery: given["save-every"] }),
  };
  try {
    if (given.plan) {
      const plan = await planAblation(definition, options);
      screen.clear();
      print(`${planTable(plan)}\n`);
    } else if (given.aa !== undefined) {
      const outcome = await measureFalsePositives(definition, given.aa, options);
      screen.clear();
      print(given.json ? `${JSON.stringify(outcome)}\n` : `${aaTable(outcome)}\n`);
    } else {
      const outcome = await ablate(definition, { ...options, command: commandLine(args) });
      screen.clear();
      await report(outcome, out, given);
    }
  } catch (error) {
    screen.clear();
    if (!interrupt.signal.aborted) throw error;
    note(`interrupted; what was done is kept in ${out}. Go on with:\n${commandLine(args)}`);
    return 130;
  }
  return 0;
}

if (import.meta.main) await runCommand("ablate.ts", main);
