/**
 * One training step of nanoGPT's configuration for a CPU beside everything else that trains here, interleaved.
 *
 *     deno run -A bench/training.ts
 *     deno run -A bench/training.ts --only tenon,pytorch --python /usr/bin/python3 --size large
 *     deno run -A bench/training.ts --profile
 *
 * Each participant runs in a process of its own for each number of threads. All begin with the same weights and see the
 * same batches; who has another loss after three steps than PyTorch (or where that is missing, than the first) has failed
 * and is not timed. Only one computes at a time. The characters are made up: no time depends on which they are. The first
 * run fetches the peers from npm; PyTorch is the interpreter's own. On a machine that is not idle its threads wait for each
 * other in loops: OMP_WAIT_POLICY=PASSIVE helps. Tables go to standard output, progress to standard error. Exit codes: 0
 * ok, 1 failure, 2 usage, 130 interrupted.
 *
 * @module
 */
import { amount, flagHelp, parseFlags, text, toggle, UsageError, word } from "../plugins/cli/flags.ts";
import { note, print, runCommand, statusLine } from "../plugins/cli/terminal.ts";
import { machine } from "./peers/machine.ts";
import { closeChildren } from "./peers/process.ts";
import { threadsText } from "./peers/report.ts";
import { threadCounts } from "./peers/thread_counts.ts";
import { participants } from "./training/participants.ts";
import { type Profile, profileStep, profileTable } from "./training/profile.ts";
import { markdown, summarize } from "./training/report.ts";
import { runTraining } from "./training/rounds.ts";
import { elements, parameters, type Size, sizes } from "./training/sizes.ts";

const ids = participants.map((p) => p.id);

const flags = {
  size: word(["small", "large"], "4 layers of 128, 12 windows of 64 (default), or 6 layers of 384, 8 windows of 256"),
  only: {
    value: "list",
    help: `who takes part, of ${ids.join(",")} (default with --size large: tenon,pytorch)`,
    parse(given: string) {
      const chosen = given.split(",");
      if (chosen.every((id) => ids.includes(id)) && new Set(chosen).size === chosen.length) return chosen;
      throw `some of ${ids.join(", ")} with commas between`;
    },
  },
  threads: threadCounts,
  rounds: amount("n", "rounds (default 7)", { min: 1 }),
  seconds: amount("s", "seconds of each turn, at least one step (default 1)", { above: 0, real: true }),
  python: text("command", "the interpreter that has PyTorch (default python3)"),
  profile: toggle("Tenon alone: the time of a step by kernel"),
  json: text("file", "write every measurement and a summary to a file"),
  help: toggle("print this"),
};

const USAGE = `Usage: deno run -A bench/training.ts [flags]\n\n${flagHelp(flags)}`;

/** A table for each number of threads. */
async function profile(size: Size, threads: readonly number[], rounds: number, seconds: number): Promise<Profile[]> {
  const profiles: Profile[] = [];
  for (const count of threads) {
    const found = await profileStep(size, count, rounds, seconds);
    print(`## ${threadsText(count)}: at best ${found.peak.toFixed(1)} GFLOP/s\n\n${profileTable(found)}\n\n`);
    profiles.push(found);
  }
  return profiles;
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags);
  if (given.help) return print(`${USAGE}\n`), 0;
  if (given.profile && given.only) throw new UsageError("--profile is of Tenon alone, expected no --only");
  const { threads = [1, 2], rounds = 7, seconds = 1, python = "python3" } = given;
  const name = given.size ?? "small", size = sizes[name], { depth, heads, dim, context, batch } = size;
  const chosen = participants.filter((p) => given.only ? given.only.includes(p.id) : p.sizes.includes(name));
  const conditions = { ...await machine(), size, rounds, seconds, threads };
  const { date, deno, v8, cpu, processors, commit } = conditions;
  const count = parameters(size).reduce((sum, p) => sum + elements(p), 0).toLocaleString("en");
  print(
    `${date}, commit ${commit}, Deno ${deno} (V8 ${v8}), ${cpu}, ${processors} processors; ` +
      `${depth} layers, ${heads} heads, width ${dim}, ${count} parameters, ${batch} × ${context} tokens a step; ` +
      `median (min–max) of ${rounds} rounds of ${seconds} s\n\n`,
  );

  const onSignal = () => void closeChildren().finally(() => Deno.exit(130));
  Deno.addSignalListener("SIGINT", onSignal);
  Deno.addSignalListener("SIGTERM", onSignal);
  let found: object;
  if (given.profile) found = { profiles: await profile(size, threads, rounds, seconds) };
  else {
    const status = statusLine(), onProgress = (text: string) => status.show(text);
    try {
      const results = await runTraining({ size, participants: chosen, threads, rounds, seconds, python, onProgress });
      status.clear();
      print(`${markdown(results, size)}\n`);
      found = { summary: summarize(results, size), ...results };
    } finally {
      await closeChildren();
      status.clear();
    }
  }
  if (given.json !== undefined) {
    await Deno.writeTextFile(given.json, `${JSON.stringify({ ...conditions, ...found }, null, 1)}\n`);
    note(`wrote ${given.json}`);
  }
  return 0;
}

if (import.meta.main) await runCommand("bench/training.ts", main);
