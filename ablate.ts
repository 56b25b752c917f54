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
import { componentsOf } from "./model/additions.ts";
import { measureFalsePositives } from "./model/ablation/a_a.ts";
import type { Component } from "./components/component.ts";
import { ablate, planAblation, type TimedPlan } from "./model/ablation/ablate.ts";
import type { LaboratoryOptions } from "./model/ablation/laboratory.ts";
import type { AblationOutcome } from "./model/ablation/outcome.ts";
import { resolveStudy, type StudyDefinition } from "./model/ablation/study_definition.ts";
import { studySchema } from "./model/ablation/study_schema.ts";
import { isObject } from "./model/ablation/forms.ts";
import { openStore } from "./model/ablation/store.ts";
import { sizeOfText } from "./model/data/text_size.ts";
import { writeTextAtomic } from "./model/data/token_file.ts";
import { CheckpointError } from "./model/source.ts";
import { expectBackend } from "./plugins/cli/backend.ts";
import { definitionOf, nothingVaried } from "./plugins/cli/ablate_definition.ts";
import { ablateFlags, type AblateGiven } from "./plugins/cli/ablate_flags.ts";
import { ablationScreen } from "./plugins/cli/ablate_screen.ts";
import { storyPath, writeStories } from "./plugins/cli/ablate_stories.ts";
import { aaTable, plannedPowerLines, planTable, powerLines, powerTable, width } from "./plugins/cli/ablate_tables.ts";
import { defined, flagHelp, parseFlags, UsageError } from "./plugins/cli/flags.ts";
import { note, print, runCommand } from "./plugins/cli/terminal.ts";
import { importUsed } from "./plugins/cli/use.ts";

const USAGE = `Usage: deno run -A ablate.ts [flags]

Without flags: from Vaswani's decoder to Llama's, one component at a time, with 5 seeds, 500 steps and the same number of
parameters, on stories that are made up; about three minutes on two cores. With --data it is the same on another text, with
--task the same path, with the seeds, steps and sizes that the flags or their defaults say.

${flagHelp(ablateFlags)}`;

/** The definition that flags and the file of --study make, checked before anything is written. */
function definitionFor(
  given: AblateGiven,
  out: string,
  components: readonly Component[],
): StudyDefinition {
  const file = given.study === undefined ? undefined : readStudy(given.study);
  const made = definitionOf(given, file), stories = isObject(made) && made.data === undefined;
  const definition = (stories ? { ...made, data: storyPath(out) } : made) as StudyDefinition;
  const where = given.study === undefined ? {} : { where: given.study };
  try {
    const { vary, data } = resolveStudy(definition, { ...where, components });
    if (!vary.length && given.aa === undefined) throw new UsageError(nothingVaried);
    if ("files" in data && !stories && !sizeOfText(data.files)) {
      throw new CheckpointError(`Cannot read data: ${data.files.join(", ")} is empty, expected text`);
    }
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message, { cause: error });
    }
    throw error;
  }
  expectFolder(out, () => stories && writeStories(out));
  return definition;
}

/** Throws where `out` cannot hold what `write` puts there. */
function expectFolder(out: string, write: () => void): void {
  const wrong = (state: string, error?: unknown) =>
    new CheckpointError(`Cannot keep results in ${out}: ${state}`, { cause: error });
  if (exists(out) && !Deno.statSync(out).isDirectory) throw wrong("it is a file, expected a folder");
  try {
    write();
  } catch (error) {
    throw wrong((error as Error).message, error);
  }
}

function readStudy(path: string): unknown {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    const why = error instanceof SyntaxError
      ? `it is no JSON: ${error.message}`
      : error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : (error as Error).message;
    throw new UsageError(`--study is ${JSON.stringify(path)}: ${why}; expected an ablation as JSON, see --schema`, {
      cause: error,
    });
  }
}

/** This command, as a shell reads it. */
function commandLine(args: readonly string[]): string {
  const quoted = args.map((arg) => /^[\w./:=,@+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`);
  return ["deno run -A ablate.ts", ...quoted].join(" ");
}

/** A plan, and how many seeds would be needed, if results in the folder tell. */
function planText(plan: TimedPlan, out: string, components: readonly Component[]): string {
  using store = openStore(out);
  return [planTable(plan, components), ...plannedPowerLines(plan, store.results.values()), ""].join("\n");
}

/** Removes a folder that was made for nothing: no training in it has got as far as a checkpoint. */
function removeUnused(folder: string): void {
  try {
    using store = openStore(folder);
    if (!store.results.size && !exists(`${folder}/trials`)) Deno.removeSync(folder, { recursive: true });
  } catch {
    // Another process uses it, or it was never made.
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function report(outcome: AblationOutcome, out: string, given: AblateGiven, clear: () => void): Promise<void> {
  const { reportTable, writeReport } = await import("./plugins/report/mod.ts");
  writeTextAtomic(`${out}/outcome.json`, `${JSON.stringify(outcome)}\n`);
  await writeReport(outcome, `${out}/report`);
  clear();
  const tables = () => [reportTable(outcome, width()), ...powerLines(outcome), `Report: ${out}/report/index.html`];
  print(`${given.json ? JSON.stringify(outcome) : tables().join("\n")}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, ablateFlags), { out = "ablation" } = given;
  if (given.help) return print(`${USAGE}\n`), 0;
  const used = await importUsed(given.use), known = componentsOf(used);
  if (given.sd !== undefined) return print(`${powerTable(given.sd, given)}\n`), 0;
  if (given.schema) return print(`${JSON.stringify(studySchema(known), null, 2)}\n`), 0;
  expectBackend(given, used);
  const isNew = !exists(out), definition = definitionFor(given, out, known), screen = ablationScreen(given);
  const interrupt = new AbortController();
  const onSignal = () => {
    Deno.removeSignalListener("SIGINT", onSignal); // a second one ends at once
    interrupt.abort(new Error("interrupted"));
  };
  Deno.addSignalListener("SIGINT", onSignal);
  const { backend, jobs, threads, simd } = given;
  const options: LaboratoryOptions = {
    folder: out,
    use: given.use,
    onEvent: screen.onEvent,
    signal: interrupt.signal,
    ...defined({ backend, jobs, threads, simd, saveEvery: given["save-every"] }),
  };
  try {
    if (given.plan) {
      const plan = await planAblation(definition, options);
      interrupt.signal.throwIfAborted();
      screen.clear();
      print(given.json ? `${JSON.stringify(plan)}\n` : planText(plan, out, known));
    } else if (given.aa !== undefined) {
      const outcome = await measureFalsePositives(definition, given.aa, options);
      screen.clear();
      print(given.json ? `${JSON.stringify(outcome)}\n` : `${aaTable(outcome)}\n`);
    } else {
      const outcome = await ablate(definition, { ...options, command: commandLine(args) });
      screen.onEvent({ type: "doing", what: "writing the report" });
      await report(outcome, out, given, screen.clear);
    }
  } catch (error) {
    screen.clear();
    if (error !== interrupt.signal.reason) {
      if (isNew) removeUnused(out);
      throw error;
    }
    note(`interrupted; what was done is kept in ${out}. Go on with:\n${commandLine(args)}`);
    return 130;
  }
  return 0;
}

if (import.meta.main) await runCommand("ablate.ts", main);
