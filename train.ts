/**
 * A language model from text.
 *
 *     deno run -A train.ts --data book.txt
 *
 * In the folder that it names: the model, as generate.ts and others load it; `metrics.jsonl` (and `.csv`) and `loss.svg`;
 * `state`, the checkpoints that --resume goes on from; `data`, the text as tokens. The result goes to standard output,
 * everything else to standard error. Exit codes: 0 trained, 1 failure, 2 usage, 130 interrupted and saved.
 *
 * @module
 */
import { breathe } from "./model/breathe.ts";
import { hashWeights } from "./model/save.ts";
import { flagHelp, parseFlags, UsageError } from "./plugins/cli/flags.ts";
import { note, print, runCommand, statusLine } from "./plugins/cli/terminal.ts";
import { type Given, trainFlags } from "./plugins/cli/train_flags.ts";
import { bitsPerByte, duration, type EvaluationLine, openLog, progressLine } from "./plugins/cli/train_log.ts";
import { openRun } from "./plugins/cli/train_open.ts";
import { describePlan } from "./plugins/cli/train_plan.ts";
import { type Run, validate } from "./plugins/cli/train_run.ts";
import { importUsed } from "./plugins/cli/use.ts";

const USAGE = `Usage: deno run -A train.ts --data <path> [flags]

Trains a model on text for five minutes, or as --steps and --minutes say. The number of steps is fixed before the first
one: the same flags with the same --steps give the same weights, however often it was stopped and went on by --resume.

${flagHelp(trainFlags)}`;

/** Seconds after which a checkpoint is written in any case, unless --save-every says when. */
const SAVE_AFTER = 120;

type Log = ReturnType<typeof openLog>;

/** What shows how far a training is. */
interface Screen {
  /** A line that is written over. */
  status(text: string): void;
  /** A line that stays. */
  say(text: string): void;
}

/** Trains until the last step, or until `stop` says so. Both leave a checkpoint. Whether all is done. */
async function train(run: Run, log: Log, given: Given, screen: Screen, stop: () => boolean): Promise<boolean> {
  const { plan, trainer, model } = run, perStep = plan.batch * plan.accumulate * model.config.context;
  const before = Math.max(0, ...[log.steps.at(-1), log.evaluations.at(-1)].map((line) => line?.seconds ?? 0));
  const begun = trainer.step, started = performance.now();
  let lastSave = started;
  const seconds = () => Math.round(performance.now() - started) / 1000;
  const elapsed = () => Math.round(1000 * (before + seconds())) / 1000;
  const add = (line: Parameters<Log["add"]>[0]) => {
    log.add(line);
    if (given.json) print(`${JSON.stringify(line)}\n`);
  };
  if (run.saved) await run.publish(); // what stopped the training may have come between the two
  for (;;) {
    const { step } = trainer, last = step === plan.steps;
    let evaluate = (last || step % plan.evalEvery === 0) && log.evaluations.at(-1)?.step !== step;
    if (evaluate) {
      const progress = (share: number) => screen.status(`evaluating after step ${step}: ${Math.floor(100 * share)}%`);
      const evaluation = await validate(run, { stop, progress });
      if (evaluation) {
        const bits = bitsPerByte(evaluation, run.data.info.validation);
        add({ step, validation: evaluation.loss, bitsPerByte: bits, seconds: elapsed() });
        screen.say(evaluated(log, plan.steps));
        evaluate = false;
      }
    }
    const due = given["save-every"] !== undefined
      ? step % given["save-every"] === 0
      : step % plan.evalEvery === 0 || performance.now() - lastSave > 1000 * SAVE_AFTER;
    if ((due || last || stop()) && run.saved?.step !== step) {
      screen.status(`saving step ${step}`);
      log.save();
      await run.save();
      lastSave = performance.now();
    }
    if (last || stop()) return last && !(stop() && evaluate);

    const report = await trainer.train(run.examples(step), plan.batch);
    add({ ...report, tokens: report.step * perStep, seconds: elapsed() });
    const each = seconds() / (report.step - begun);
    screen.status(
      progressLine({ ...report, steps: plan.steps, rate: perStep / each, left: (plan.steps - report.step) * each }),
    );
    await breathe();
  }
}

function evaluated({ evaluations, steps }: Log, all: number): string {
  const { step, validation, bitsPerByte, seconds } = evaluations.at(-1)!, loss = steps.at(-1)?.loss;
  return `step ${step} of ${all} after ${duration(seconds)}: ` +
    `${loss === undefined ? "" : `loss ${loss.toFixed(3)}, `}${heldBack({ validation, bitsPerByte })}`;
}

function heldBack({ validation, bitsPerByte }: Pick<EvaluationLine, "validation" | "bitsPerByte">): string {
  return `validation ${validation.toFixed(4)} nats per token, ${bitsPerByte.toFixed(4)} bits per byte`;
}

/** The folder that is written where none is named. */
function folderFor({ out, data }: Given): string {
  if (out !== undefined) return out;
  if (!data.length) throw new UsageError("--data is needed, a text file or a folder of them; or --resume with --out");
  return `${data[0].replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "").replace(/\.\w+$/, "")}-model`;
}

/** What is about to be done. */
function announce({ out, plan, data: { info }, model, trainer }: Run, { say }: Screen): void {
  const { parameters } = model.describe(), tokens = [info.train.tokens, info.validation.tokens] as const;
  for (const line of describePlan(plan, { parameters, data: info.describe, tokens })) say(line);
  const { name, note: taken } = model.runtime.backend;
  if (taken) say(`note: ${taken}`);
  say(`computing  ${name}`);
  say(`output     ${out}: the model, metrics.jsonl and .csv, loss.svg; Ctrl-C saves and stops`);
  if (trainer.step) say(`going on after step ${trainer.step}`);
}

/** What has been done. */
async function summarize({ out, plan, model }: Run, { steps, evaluations }: Log, { json }: Given): Promise<void> {
  const weights = await hashWeights(model), { loss, seconds = 0 } = steps.at(-1) ?? {}, held = evaluations.at(-1);
  if (json) {
    const { validation = null, bitsPerByte = null } = held ?? {};
    print(`${JSON.stringify({ steps: plan.steps, loss, validation, bitsPerByte, weights, out })}\n`);
    return;
  }
  print(
    `${plan.steps} steps in ${duration(held?.seconds ?? seconds)}: loss ${loss?.toFixed(4)}` +
      `${held ? `, ${heldBack(held)}` : ""}\nweights    ${weights}\n` +
      `Next: deno run --allow-read generate.ts --model ${out}\n`,
  );
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, trainFlags);
  if (given.help) return print(`${USAGE}\n`), 0;
  const out = folderFor(given), used = await importUsed(given.use), line = statusLine();
  const screen: Screen = given.quiet ? { status() {}, say() {} } : {
    status: line.show,
    say(text) {
      line.clear();
      note(text);
    },
  };
  using run = await openRun(given, { out, used, recompute: given.recompute, progress: screen.status });
  using log = openLog(out, run.trainer.step, out.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, ""));
  announce(run, screen);
  let stopped = false;
  const onSignal = () => {
    stopped = true;
    Deno.removeSignalListener("SIGINT", onSignal); // a second one ends at once
    screen.say("stopping after this step");
  };
  Deno.addSignalListener("SIGINT", onSignal);
  let finished: boolean;
  try {
    finished = await train(run, log, given, screen, () => stopped);
  } catch (error) {
    const { saved } = run, kept = saved ? `step ${saved.step}, in ${saved.path}` : "none yet";
    throw new Error(`${(error as Error).message}; last good checkpoint: ${kept}`, { cause: error });
  } finally {
    line.clear();
  }
  if (!finished) {
    note(`stopped after step ${run.trainer.step} of ${run.plan.steps}, which is saved. Go on with:`);
    const backend = given.backend === undefined ? "" : ` --backend ${given.backend}`;
    const use = run.plan.use.map((module) => ` --use ${module}`).join("");
    note(`deno run -A train.ts --resume --out ${out}${backend}${use}`);
    return 130;
  }
  await summarize(run, log, given);
  return 0;
}

if (import.meta.main) await runCommand("train.ts", main);
