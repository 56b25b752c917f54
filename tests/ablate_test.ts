/** ablate.ts as a process: what it prints and writes, what it refuses, that nothing stops it from the same results. */
import { Ajv2020 } from "ajv/2020";
import { createRandom } from "../model/random.ts";
import { resolveStudy } from "../model/ablation/study_definition.ts";
import { ablateFlags } from "../plugins/cli/ablate_flags.ts";
import { flagHelp } from "../plugins/cli/flags.ts";
import { redrawn } from "../plugins/cli/status_block.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { filesIn, inFolder } from "./disks.ts";
import { finish, type Result, root, spawn, story } from "./processes.ts";

/** How often an ablation is killed. */
const KILLS = Number(Deno.env.get("TENON_KILLS") ?? 3);

const script = `${root}ablate.ts`;
const ablate = (cwd: string, ...args: string[]) => finish(spawn(script, cwd, args));

/** As {@linkcode ablate}, of a command that must not fail. */
async function works(cwd: string, ...args: string[]): Promise<Result> {
  const result = await ablate(cwd, ...args);
  assertEquals(result.code, 0, result.err);
  return result;
}

/** A folder with a text. */
function workplace<T>(f: (folder: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/story.txt`, story(150));
    return await f(folder);
  });
}

const sizes = ["--dim", "16", "--depth", "1", "--heads", "2", "--context", "16", "--batch", "4"];
const tiny = ["--data", "story.txt", ...sizes, "--steps", "12", "--skip-costs"];
const norms = [...tiny, "--vary", "norm=layerNorm,none"];

interface Line {
  readonly arm: string;
  readonly seed: number;
  readonly key: string;
  readonly steps: number;
  readonly weights: string;
  readonly training: { readonly learningRate: number };
  readonly score: { readonly loss: number };
  readonly lengths?: readonly { readonly length: number; readonly loss: number }[];
}

const read = (folder: string, name: string) => Deno.readTextFileSync(`${folder}/${name}`);
const linesOf = (folder: string): Line[] =>
  read(folder, "results.jsonl").trimEnd().split("\n").map((line) => JSON.parse(line));
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("ablate.ts: tables to stdout, progress to stderr, everything else in its folder", async () => {
  await workplace(async (folder) => {
    const { out, err } = await works(folder, ...norms.filter((flag) => flag !== "--skip-costs"), "--seeds", "2");
    assertMatch(out, /^Validation loss, nats per token; differences to base\n\narm +n +mean +sd +difference /);
    assertMatch(out, /\nbase +2 +\d\.\d+ +\d\.\d+ +– +– +– +– +–\nnorm=layerNorm +2 /);
    assertMatch(out, /\nWhat the arms cost\n\narm +parameters/);
    assertMatch(
      out,
      /\nSeeds that would show a difference in validation loss with a chance of 80 %:\n0\.04: \d+, 0\.02: /,
    );
    assertMatch(out, /\nReport: ablation\/report\/index\.html\n$/);
    const ended = err.trimEnd().split("\n");
    assertEquals(ended.length, 6);
    ended.forEach((line, i) =>
      assertMatch(line, new RegExp(`^\\[${i + 1}/6\\] (base|norm=\\w+), seed [12]: loss \\d\\.\\d{4}$`))
    );
    assertEquals(linesOf(`${folder}/ablation`).map(({ arm, seed }) => `${arm} ${seed}`), [
      "base 1",
      "norm=layerNorm 1",
      "norm=none 1",
      "base 2",
      "norm=layerNorm 2",
      "norm=none 2",
    ]);
    const inside = `${folder}/ablation`, reported = namesIn(`${inside}/report`);
    assertEquals(namesIn(inside), ["costs.json", "data", "lock", "outcome.json", "report", "results.jsonl"]);
    const expected = ["effects.svg", "index.html", "loss-by-step.svg", "results.csv", "results.md"];
    for (const name of expected) assert(reported.includes(name), `no ${name} in ${reported}`);
    for (const name of reported.filter((n) => n.endsWith(".svg"))) {
      assertMatch(read(`${inside}/report`, name), /^<svg [\s\S]*<\/svg>\n$/);
    }
    assertMatch(read(`${inside}/report`, "index.html"), /^<!DOCTYPE html>\n[\s\S]*<\/html>\n$/);
    assertStringIncludes(read(`${inside}/report`, "index.html"), "deno run -A ablate.ts --data story.txt");
    assertEquals(read(`${inside}/report`, "results.csv").split("\n").length, 8);
    assertMatch(read(`${inside}/report`, "results.md"), /^## Ablation of norm\n/);
    const outcome = JSON.parse(read(inside, "outcome.json"));
    assertEquals([outcome.title, outcome.arms.length, outcome.unused], ["Ablation of norm", 3, 0]);

    // More seeds: what is there is not trained again, and --quiet says nothing of it.
    const more = await works(folder, ...norms, "--seeds", "3");
    assertMatch(more.err, /^6 of 9 trainings are there already\n\[7\/9\] .*\n\[8\/9\] .*\n\[9\/9\] .*, seed 3: .*\n$/);
    const again = await works(folder, ...norms, "--seeds", "3", "--quiet");
    assertEquals([again.err, again.out], ["", more.out]);
    const json = await works(folder, ...norms, "--seeds", "3", "--json", "--quiet");
    assertEquals([json.err, JSON.parse(json.out).arms.length], ["", 3]);
    assertEquals(json.out, read(inside, "outcome.json"));
  });
});

Deno.test("--plan trains nothing, says how many seeds --detect needs, and knows components of --use", async () => {
  await workplace(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.ts`, MINE);
    const args = [...norms.filter((a) => !a.startsWith("norm=")), "norm=layerNorm,mine", "--use", "./mine.ts"];
    const { out } = await works(folder, ...args, "--plan", "--sweep", "1e-3,2e-3");
    assertMatch(out, /^Ablation of norm\nstory\.txt is one document of .*\n.*\n*arm +parameters +steps +a step\n/);
    assertMatch(out, /\nnorm=mine +3,\d{3} +12 +\d+\.\d ms\n/);
    assertMatch(
      out,
      /\n9 trainings and 6 to choose learning rates, 3 seeds of each arm: about \S+ s with \d side by side\n/,
    );
    assert(!out.includes("Seeds that would show"), "without results nothing is known");
    assertEquals(namesIn(`${folder}/ablation`), ["data", "lock", "step_times.json"]);
    const json = JSON.parse((await works(folder, ...args, "--plan", "--json")).out);
    assertEquals(json.arms.map((arm: { name: string }) => arm.name), ["base", "norm=layerNorm", "norm=mine"]);

    // Results of the base alone tell the spread of runs; of two arms that of their differences.
    await works(folder, ...tiny, "--vary", "norm=rmsNorm", "--seeds", "3");
    const needed = async (detect: string) => {
      const { out } = await works(folder, ...args, "--plan", "--detect", detect);
      return out.match(/Seeds that would show (\S+) in validation loss .*:\n(.*)\n$/)!.slice(1);
    };
    const [shown, alone] = await needed("0.01");
    assertEquals(shown, "0.01");
    const [, many, sd] = alone.match(/^paired by seed not known yet, unpaired (\d+) \(sd ([\d.]+)\); alpha 0\.025$/)!;
    const losses = linesOf(`${folder}/ablation`).map(({ score }) => score.loss);
    const mean = losses.reduce((a, b) => a + b) / 3, squares = losses.reduce((sum, l) => sum + (l - mean) ** 2, 0);
    assertEquals(Number(sd), Number(Math.sqrt(squares / 2).toPrecision(2)));
    const fewer = Number((await needed("0.1"))[1].match(/unpaired (\d+)/)![1]);
    assert(fewer >= 2 && fewer < Number(many), `${fewer} seeds for 0.1, ${many} for 0.01`);
    await works(folder, ...args, "--seeds", "3");
    assertMatch(
      (await needed("0.01"))[1],
      /^paired by seed \d+ \(sd [\d.]+\), unpaired \d+ \(sd [\d.]+\); alpha 0\.025$/,
    );
    const { out: table } = await works(folder, ...args, "--seeds", "3", "--detect", "0.0001");
    assertMatch(table, /would show 0\.0001|seeds\s+would\s+show\s+0\.0001/);
    assertMatch(table, /:\n0\.0004: \d+, 0\.0002: \d+, 0\.0001: \d+, 0\.00005: \d+ \(paired by seed, sd /);
  });
});

/** A norm that nobody else has. */
const MINE = `export const mine = {
  slot: "norm",
  type: "mine",
  options: {},
  build: () => ({ forward: (x) => x }),
};
`;

Deno.test("--sd says how many seeds show --detect before anything is trained", async () => {
  await workplace(async (folder) => {
    const before = namesIn(folder), { out } = await works(folder, "--sd", "0.0076", "--detect", "0.01");
    assertMatch(out, /^Seeds of each arm .* at alpha 0\.05, where single runs have a standard\ndeviation of 0\.0076; /);
    // As runsToDetect has them, which tests/statistics_test.ts holds to known numbers.
    const rows = [[0.04, 3, 3, 3], [0.02, 4, 5, 4], [0.01, 11, 12, 7], [0.005, 38, 39, 21]];
    for (const row of rows) assertMatch(out, new RegExp(`\\n +${row.join(" +")}(\\n|$)`));
    assertEquals(namesIn(folder), before);
  });
});

Deno.test("--use: components of others as values of --vary, on one thread and on several", async () => {
  await workplace(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.ts`, MINE);
    const args = [...tiny, "--vary", "norm=mine,none", "--use", "./mine.ts", "--seeds", "2", "--quiet"];
    await works(folder, ...args, "--jobs", "1", "--out", "one");
    await works(folder, ...args, "--jobs", "2", "--out", "two");
    assertEquals(read(folder, "two/results.jsonl"), read(folder, "one/results.jsonl"));
    const lines = linesOf(`${folder}/one`),
      weights = (arm: string) => lines.filter((line) => line.arm === arm).map((line) => line.weights);
    assertEquals(weights("norm=mine"), weights("norm=none")); // it does as much
    assert(weights("base")[0] !== weights("norm=mine")[0]);
    const { code, err } = await ablate(folder, ...args.filter((a) => !a.includes("use") && !a.includes("mine.ts")));
    assertEquals(code, 2);
    assertStringIncludes(err, 'arm "norm=mine": norm: unknown type "mine"');
  });
});

Deno.test("--schema is a JSON Schema, --study a file that it accepts, and flags go before the file", async () => {
  await workplace(async (folder) => {
    const schema = JSON.parse((await works(folder, "--schema")).out);
    const fits = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);
    const study = {
      title: "Whether norms matter",
      base: { dim: 16, depth: 1, heads: 2, context: 16, norm: "layerNorm" },
      vary: { norm: ["none"] },
      data: "story.txt",
      seeds: [4, 7],
      budget: { steps: 9 },
      training: { batch: 4, learningRate: 0.001 },
      costs: false,
    };
    assert(fits(study), JSON.stringify(fits.errors));
    assert(!fits({ ...study, vry: 1 }));
    await Deno.writeTextFile(`${folder}/study.json`, JSON.stringify(study));
    await works(folder, "--study", "study.json", "--lr", "0.002", "--seeds", "7,", "--quiet");
    const { title, study: resolved } = JSON.parse(read(folder, "ablation/outcome.json"));
    assertEquals([title, resolved.base, resolved.training.learningRate], [study.title, study.base, 0.002]);
    assertEquals(linesOf(`${folder}/ablation`).map(({ arm, seed, steps }) => [arm, seed, steps]), [
      ["base", 7, 9],
      ["norm=none", 7, 9],
    ]);
  });
});

Deno.test("--task, --extrapolate, --sweep, --match and --aa", async () => {
  await workplace(async (folder) => {
    const task = ["--task", "copy", ...sizes.slice(0, 6), "--steps", "40", "--seeds", "2", "--skip-costs"];
    const copy = await works(folder, ...task, "--vary", "norm=none", "--out", "task");
    assertMatch(copy.out, /^Exact match, %; differences to base in percentage points\n/);
    assertMatch(copy.err, /\[4\/4\] \S+, seed 2: loss \d\.\d{4}, exact match \d+\.\d%\n$/);

    await works(folder, ...tiny, "--vary", "position=alibi", "--extrapolate", "1,2", "--out", "long", "--quiet");
    const { lengths, score } = linesOf(`${folder}/long`)[0];
    assertEquals(lengths!.map(({ length }) => length), [16, 32]);
    assert(Math.abs(lengths![0].loss - score.loss) < 0.5);
    assert(namesIn(`${folder}/long/report`).includes("lengths.svg"));

    const sweep = await works(folder, ...norms, "--sweep", "1e-3,8e-3", "--seeds", "2", "--out", "sweep");
    assertMatch(sweep.err, /\] base, learning rate 0\.001, tuning seed 1: loss .*[\s\S]*\] base, seed 1: loss /);
    const { arms } = JSON.parse(read(folder, "sweep/outcome.json"));
    for (const { sweep: { tried }, training: { learningRate } } of arms) {
      const best = tried.reduce((a: { value: number }, b: { value: number }) => b.value < a.value ? b : a);
      assertEquals(learningRate, best.learningRate);
    }

    const forms = ["--vary", "feedForward=relu", "--match", "parameters", "--base", "llama", "--depth", "1"];
    const match = await works(folder, "--plan", "--data", "story.txt", ...forms, "--steps", "12", "--out", "match");
    assertMatch(match.out, /\narm +parameters +steps +a step +matched by\n/);
    assertMatch(match.out, /\nfeedForward=relu +\d\d,\d{3} +12 +\S+ ms +feedForward\.hidden=264\n/);

    const again = [...tiny, "--base", "llama", "--out", "aa"], pairs = [...again, "--aa", "5", "--seeds", "2"];
    const aa = await works(folder, ...pairs);
    assertMatch(aa.out, /^A against A, 5 times with 2 runs of each side: differences found at p ≤ 0\.05, where /);
    assertMatch(aa.out, /\npaired t test +\d of 5 .*\nWelch's t test +\d of 5 .*\n$/);
    assertEquals(aa.err, ""); // not a line for each of so many trainings
    assertEquals(linesOf(`${folder}/aa`).length, 20);
    const json = JSON.parse((await works(folder, ...pairs, "--json")).out);
    assertEquals([json.pairs, json.runs, json.paired.p.length], [5, 2, 5]);
    // The base beside itself tells how much differences by seed vary.
    const plan = await works(folder, ...again, "--vary", "norm=none", "--plan");
    assertMatch(plan.out, /:\npaired by seed \d+ \(sd [\d.]+\), unpaired \d+ \(sd [\d.]+\); alpha 0\.05\n$/);
  });
});

Deno.test("without --data there are stories, for longer windows and for any context too", async () => {
  await inFolder(async (folder) => {
    const { out } = await works(
      folder,
      "--plan",
      "--context",
      "8",
      "--extrapolate",
      "1,2",
      "--dim",
      "16",
      "--depth",
      "1",
    );
    assertMatch(out, /^From Vaswani to Llama, one component at a time\n\d+ documents in ablation\/stories\.txt/);
    assertMatch(out, /\n25 trainings, 5 seeds of each arm: /);
  });
});

Deno.test("the help is true: what it says of defaults is what is done", () => {
  const study = resolveStudy({ data: "a.txt", vary: ["norm=none"] });
  const task = resolveStudy({ data: "copy", vary: ["norm=none"] });
  const { training, base, budget } = study;
  const defaults: Partial<Record<keyof typeof ablateFlags, unknown>> = {
    mode: "each change alone",
    dim: base.dim,
    depth: base.depth,
    heads: base.heads,
    context: base.context,
    seeds: study.seeds.length,
    steps: budget.steps,
    match: study.match ?? "none",
    batch: training.batch,
    lr: training.learningRate,
    warmup: training.warmup,
    clip: training.clip,
    dropout: training.dropout,
    evaluations: study.evaluations,
    detect: study.detect,
    alpha: study.alpha,
  };
  const help = flagHelp(ablateFlags).split("\n");
  for (const [flag, value] of Object.entries(defaults)) {
    const line = help.find((l) => l.startsWith(`  --${flag} `))!;
    assertMatch(line, new RegExp(`\\(default ${value}[), ]|${value} \\(default\\)`), flag);
  }
  for (const slot of ["schedule", "optimizer"] as const) {
    assertStringIncludes(help.find((l) => l.startsWith(`  --${slot} `))!, `${training[slot].type} (default)`);
  }
  assertEquals(task.detect, 0.05);
  assertStringIncludes(help.join("\n"), "of a task 0.05 of the answers");
});

Deno.test("Ctrl-C keeps what was done and says how to go on; a folder is used by one process at a time", async () => {
  await workplace(async (folder) => {
    const args = [...norms.filter((a) => a !== "12"), "--seeds", "2", "--out", "my runs"];
    const long = args.map((a) => a === "--steps" ? "--steps=400" : a);
    const process = spawn(script, folder, long), reader = process.stderr.getReader();
    let err = "";
    while (!err.includes("[1/6]")) err += new TextDecoder().decode((await reader.read()).value);
    const other = await ablate(folder, ...long);
    assertEquals([other.code, other.out, other.err], [
      1,
      "",
      "ablate.ts: Cannot use my runs: another process runs an ablation there, expected one at a time\n",
    ]);
    process.kill("SIGINT");
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      err += new TextDecoder().decode(value);
    }
    assertEquals([await new Response(process.stdout).text(), (await process.status).code], ["", 130], err);
    const command = `deno run -A ablate.ts ${long.map((a) => a === "my runs" ? "'my runs'" : a).join(" ")}`;
    assert(err.endsWith(`\ninterrupted; what was done is kept in my runs. Go on with:\n${command}\n`), err);
    const kept = linesOf(`${folder}/my runs`).length;
    assert(kept >= 1 && kept < 6, `${kept} trainings are done`);
    const trials = namesIn(`${folder}/my runs/trials`);
    assert(trials.length >= 1, "no checkpoint is there");
    const more = await works(folder, ...long);
    assertStringIncludes(more.err, `${kept} of 6 trainings are there already\n`);
    assertEquals(namesIn(`${folder}/my runs/trials`), []);
    await works(folder, ...long.map((a) => a === "my runs" ? "whole" : a), "--quiet");
    assertEquals(read(folder, "my runs/results.jsonl"), read(folder, "whole/results.jsonl"));
  });
});

/** Three arms of three seeds, two at a time, for some seconds. */
const several = [...norms.map((a) => a === "12" ? "600" : a), "--seeds", "3", "--jobs", "2", "--threads", "2"];

Deno.test(`an ablation that is killed ${KILLS} times ends with the same results`, async () => {
  await workplace(async (folder) => {
    const args = [...several, "--save-every", "0.2", "--quiet"], random = createRandom(7, "kills");
    const began = performance.now(), whole = await works(folder, ...args, "--out", "whole");
    const life = performance.now() - began, points: string[] = [];
    for (let kills = 0, round = 0; kills < KILLS; round++) {
      const out = `killed-${round}`;
      for (let finished = false; !finished;) {
        const process = spawn(script, folder, [...args, "--out", out]), result = finish(process);
        const timer = kills < KILLS && setTimeout(() => {
          try {
            process.kill("SIGKILL");
          } catch { /* it has ended */ }
        }, random() * life);
        const { code, err } = await result;
        if (timer) clearTimeout(timer);
        finished = code === 0;
        if (finished) continue;
        assertEquals([code, err], [137, ""]);
        kills++;
        points.push(stateOf(`${folder}/${out}`));
      }
      const shown = `killed at ${points.join("; ")}`;
      assertEquals(read(folder, `${out}/results.jsonl`), read(folder, "whole/results.jsonl"), shown);
      assertEquals(read(folder, `${out}/report/results.csv`), read(folder, "whole/report/results.csv"), shown);
      assertEquals(namesIn(`${folder}/${out}/trials`), [], shown);
      const { out: table } = await works(folder, ...args, "--out", out); // nothing is left to do
      assertEquals(table, whole.out.replace("Report: whole/", `Report: ${out}/`));
    }
    console.log(`killed at ${points.join("; ")}`);
  });
});

/** What a killed ablation has left. */
function stateOf(folder: string): string {
  try {
    const results = read(folder, "results.jsonl").split("\n").length - 1;
    return `${results} of 9, steps ${[...savedSteps(folder).values()].join(" and ") || "none"}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "no result yet";
    throw error;
  }
}

/** The newest checkpoint of each trial that is not done, by key. */
function savedSteps(folder: string): Map<string, number> {
  const keys = namesIn(`${folder}/trials`).filter((key) => namesIn(`${folder}/trials/${key}`).includes("newest.json"));
  return new Map(keys.map((key) => {
    const [step] = JSON.parse(read(folder, `trials/${key}/newest.json`)).steps;
    return [key, Number(step.slice("step-".length))];
  }));
}

/** An ablation by the API that prints a line for each report of progress. */
const watched = (steps: number) => `
const { ablate } = await import(Deno.args[0]);
await ablate({
  base: { dim: 16, depth: 1, heads: 2, context: 16 },
  vary: { norm: ["none"] },
  data: "story.txt",
  seeds: 1,
  budget: { steps: ${steps} },
  training: { batch: 4 },
  costs: false,
}, {
  folder: "run",
  jobs: 1, // in its own thread every step is reported
  threads: 1,
  saveEvery: 0.1,
  onEvent(event) {
    if (event.type === "progress") console.log(JSON.stringify([event.spec.key, event.progress.step]));
  },
});
`;

/** Steps that take many times as long as it takes until the first checkpoint. */
const STEPS = 5000;

/** As {@linkcode savedSteps}, before there is anything too. */
function savedIn(folder: string): Map<string, number> {
  try {
    return savedSteps(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map(); // it is being made
    throw error;
  }
}

Deno.test("a training that was killed makes only the steps after its last checkpoint", async () => {
  await workplace(async (folder) => {
    await Deno.writeTextFile(`${folder}/watched.ts`, watched(STEPS));
    const first = spawn(`${folder}/watched.ts`, folder, [`file://${root}model/ablation/ablate.ts`]),
      reader = first.stdout.getReader();
    while (!savedIn(`${folder}/run`).size) await reader.read(); // a line for each step
    first.kill("SIGKILL");
    await Promise.all([reader.cancel(), first.stderr.cancel(), first.status]);
    const saved = savedSteps(`${folder}/run`);
    assert(
      [...saved.values()].every((step) => step > 0 && step < STEPS),
      `checkpoints after ${[...saved.values()]} steps`,
    );
    const { code, out, err } = await finish(
      spawn(`${folder}/watched.ts`, folder, [`file://${root}model/ablation/ablate.ts`]),
    );
    assertEquals(code, 0, err);
    const heard = out.trimEnd().split("\n").map((line): [string, number] => JSON.parse(line));
    for (const [key, step] of saved) {
      const steps = new Set(heard.filter(([of, at]) => of === key && at > step).map(([, at]) => at));
      assertEquals(
        [steps.size, heard.find(([of]) => of === key)![1] >= step],
        [STEPS - step, true],
        `saved after ${step}`,
      );
    }
  });
});

/** What a terminal shows that is sent `texts` below the lines of `start`. */
function shownBy(texts: readonly string[], start: readonly string[]): string[] {
  const lines = [...start, ""];
  let row = start.length, column = 0;
  const sent = texts.join("").replaceAll("\x1b", "ESC");
  for (const [, up, erase, plain] of sent.matchAll(/ESC\[(\d+)A|(ESC\[J)|([^])/g)) {
    if (up) row -= Number(up);
    else if (erase) lines.splice(row, lines.length, lines[row].slice(0, column));
    else if (plain === "\n") [row, column] = [row + 1, 0];
    else if (plain === "\r") column = 0;
    else lines[row] = `${(lines[row] ?? "").slice(0, column++).padEnd(column - 1)}${plain}`;
    while (lines.length <= row) lines.push("");
  }
  return lines;
}

Deno.test("the block of progress is written over, whatever its height and what was typed, and never wraps", () => {
  const size = { columns: 30, rows: 4 }, long = "x".repeat(50);
  const first = redrawn(["a", "b", "all"], 0, size), second = redrawn([long, "all of it"], first.height, size);
  assertEquals(shownBy([first.text], ["$ run"]), ["$ run", "a", "b", "all", ""]);
  assertEquals(shownBy([first.text, second.text], ["$ run"]), ["$ run", "x".repeat(29), "all of it", ""]);
  const third = redrawn(["1", "2", "3", "4", "all"], second.height, size);
  assertEquals(shownBy([first.text, second.text, third.text], []), ["1", "2", "all", ""]);
  const last = redrawn([], third.height, size);
  assertEquals([last.height, shownBy([first.text, second.text, third.text, "^C", last.text], ["$ run"])], [0, [
    "$ run",
    "",
  ]]);
});

/** What cannot be honoured: arguments, and what the one line about it says. */
const usage: readonly (readonly [args: readonly string[], message: string | RegExp])[] = [
  [["--vray", "norm=none"], "unknown flag --vray (did you mean --vary?), expected --study --data "],
  [["norm=none"], 'unexpected argument "norm=none": values belong behind a flag'],
  [[...tiny, "--vary", "norm=nope"], 'vary: arm "norm=nope": norm: unknown type "nope", expected one of "layerNorm", '],
  [[...tiny, "--vary", "nrm=none"], 'vary[0].path is "nrm", expected a path that begins with "context", "dim", '],
  [[...tiny, "--vary", "norm=[none"], '--vary is "norm=[none": Cannot read "norm=[none": a [ that is not closed at '],
  [[...tiny, "--to", "llama", "--vary", "norm=none"], "--to and --vary are both given, expected one of them"],
  [["--aa", "4", "--plan"], "--aa and --plan are both given, expected one of them"],
  [["--aa", "4", "--sweep", "1,2"], "--aa and --sweep are both given, expected one of them"],
  [["--aa", "1"], '--aa is "1", expected a whole number from 2'],
  [[...norms, "--seeds", "0"], "seeds is 0, expected a whole number from 1 up to 1000"],
  [[...norms, "--sweep", "1e-3"], "sweep.learningRates is [0.001], expected a list of at least 2"],
  [["--task", "cpy", "--vary", "norm=none"], 'data.task is "cpy", expected "copy", "reverse", '],
  [[...norms, "--base", "gpt3"], '--base is "gpt3", expected vaswani, gpt2, llama or a JSON file'],
  [[...norms, "--base", "./none.json"], '--base is "./none.json": '],
  [[...norms, "--use", "./none.ts"], "--use ./none.ts cannot be imported: "],
  [[...norms, "--study", "none.json"], '--study is "none.json": there is no such file; expected an ablation as JSON'],
  [
    ["--study", "broken.json"],
    /--study is "broken\.json": it is no JSON: .*; expected an ablation as JSON, see --schema\n/,
  ],
  [["--study", "misspelt.json"], 'Cannot read the study in misspelt.json: it has "vry", expected "$schema", "title", '],
  [["--study", "nothing.json"], "nothing is varied, expected --vary or --to, or --aa to compare the base with itself"],
  [["--study", "list.json"], "Cannot read the study in list.json: it is [1], expected an object with some of "],
  [
    ["--study", "wrong.json"],
    'Cannot read the study in wrong.json: training.batch is "many", expected a whole number ',
  ],
];

Deno.test("ablate.ts with flags or a study that are wrong says so in a line, exits with 2 and writes nothing", async () => {
  await workplace(async (folder) => {
    const studies = {
      misspelt: { base: {}, vry: {} },
      nothing: { base: {} },
      list: [1],
      wrong: { training: { batch: "many" } },
    };
    for (const [name, study] of Object.entries(studies)) {
      await Deno.writeTextFile(`${folder}/${name}.json`, JSON.stringify(study));
    }
    await Deno.writeTextFile(`${folder}/broken.json`, "{");
    const before = filesIn(folder);
    for (const [args, message] of usage) {
      const { code, out, err } = await ablate(folder, ...args), shown = args.join(" ");
      assertEquals([code, out], [2, ""], `${shown}: ${err}`);
      if (typeof message === "string") assertStringIncludes(err, message, shown);
      else assertMatch(err, message, shown);
      assertMatch(err, /^ablate\.ts: .*\nSee ablate\.ts --help\.\n$/, shown);
    }
    assertEquals(filesIn(folder), before);
  });
});

Deno.test("ablate.ts with files that are missing, broken or cannot be written says so in a line and exits with 1", async () => {
  await workplace(async (folder) => {
    await Deno.writeTextFile(`${folder}/empty.txt`, "");
    await Deno.writeTextFile(`${folder}/short.txt`, "abc\n");
    await Deno.writeFile(`${folder}/bytes.txt`, Uint8Array.of(65, 255));
    await Deno.mkdir(`${folder}/texts`);
    await works(folder, ...norms, "--seeds", "1", "--quiet", "--out", "damaged");
    const path = `${folder}/damaged/results.jsonl`, [first, second, third] = Deno.readTextFileSync(path).split("\n");
    await Deno.writeTextFile(path, `${first}\n${second.slice(0, 40)}\n${third}\n`);
    const before = filesIn(folder), rest = norms.slice(2);
    const failures: [args: string[], message: string][] = [
      [["--data", "none.txt", ...rest], "Cannot open none.txt: there is no such file or folder"],
      [["--data", "texts", ...rest], "Cannot read data from texts: it has no .txt or .md file"],
      [["--data", "empty.txt", ...rest], "Cannot read data: empty.txt is empty, expected text"],
      [["--data", "bytes.txt", ...rest], "Cannot read bytes.txt: byte 1 is not UTF-8, expected a text file"],
      [
        ["--data", "short.txt", ...rest],
        "Cannot prepare data: 3 tokens are for train, expected at least 17 for context 16. short.txt is one document " +
        "of 4 characters: the first 3 are for training, the last 1 for validation.",
      ],
      [
        [...norms, "--out", "damaged"],
        "Cannot read damaged/results.jsonl: line 2 is no result, expected JSON with a key and an outcome",
      ],
      [[...norms, "--out", "story.txt"], "Cannot keep results in story.txt: it is a file, expected a folder"],
      [
        ["--out", "/dev/null/x"],
        "Cannot keep results in /dev/null/x: Not a directory (os error 20): mkdir '/dev/null/x'",
      ],
      [
        [...norms, "--flops", "1"].filter((a) => a !== "--steps" && a !== "12"),
        "Cannot train base: one step takes more operations than the budget has, expected at least one step",
      ],
    ];
    for (const [args, message] of failures) {
      const { code, out, err } = await ablate(folder, ...args);
      assertEquals([code, out, err], [1, "", `ablate.ts: ${message}\n`], args.join(" "));
    }
    assertEquals(filesIn(folder), before);
    // A last line that was not written whole is another matter: its training is made again.
    await Deno.writeTextFile(path, `${first}\n${second}\n${third.slice(0, 40)}`);
    const { err } = await works(folder, ...norms, "--seeds", "1", "--out", "damaged");
    assertStringIncludes(err, "2 of 3 trainings are there already\n[3/3] norm=none, seed 1: ");
    assertEquals(Deno.readTextFileSync(path), `${first}\n${second}\n${third}\n`);
  });
});
