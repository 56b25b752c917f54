/**
 * What speculation is worth on the embedded model: tokens a second with and without, in turn; and what a pass over several
 * rows costs, beside one row, on it and on a Llama of 15 million parameters.
 *
 *     deno run -A bench/speculation.ts
 *     deno run -A bench/speculation.ts --count 7 --threads 2
 *
 * The embedded model hardly ever repeats itself. For text that does, it is made to say what its prompt said: all is
 * computed as ever, then the next word of the prompt is chosen. The draft model has one narrow block of random weights,
 * and is made to say the same or says what it likes: real texts and drafts are somewhere between.
 *
 * @module
 */
import {
  createModel,
  createRandom,
  createRuntime,
  generate,
  loadModel,
  type Model,
  type ModelConfig,
  type Plugin,
  type Speculation,
  type SpeculationPass,
} from "../mod.ts";
import { amount, flagHelp, parseFlags, toggle } from "../plugins/cli/flags.ts";
import { print, runCommand, statusLine } from "../plugins/cli/terminal.ts";
import { embedded, embeddedSource } from "../plugins/embedded/mod.ts";
import { textTable } from "../plugins/report/table.ts";
import { story } from "../plugins/stories/mod.ts";
import { median } from "./peers/measure.ts";

const flags = {
  count: amount("n", "tokens proposed at once (default: as the package does)", { min: 1 }),
  threads: amount("n", "default 1", { min: 1, max: 1024 }),
  rounds: amount("n", "rounds of every case (default 15)", { min: 1 }),
  help: toggle("print this"),
};

/** Tokens of a round. */
const LENGTH = 120;

/** What a model is made to say, prompt included; nothing where it may say what it likes. */
interface Script {
  ids: readonly number[];
}

function saying(script: Script): Plugin {
  return {
    name: "saying",
    logits(logits, { tokens }) {
      if (!script.ids.length) return;
      logits.fill(-Infinity);
      logits[script.ids[tokens.length]] = 0;
    },
  };
}

interface Case {
  readonly what: string;
  readonly prompt: readonly number[];
  readonly script: readonly number[];
  readonly draft: Speculation["draft"];
}

interface Run {
  /** Tokens a second after the prompt and the first token. */
  readonly rate: number;
  readonly proposed: number;
  readonly accepted: number;
}

async function runOnce(model: Model, prompt: readonly number[], speculation?: Speculation): Promise<Run> {
  let tokens = 0, begun = 0, proposed = 0, accepted = 0;
  const onSpeculation = (pass: SpeculationPass) => {
    proposed += pass.proposed;
    accepted += pass.accepted;
  };
  const options = { samplers: ["greedy"], maxTokens: LENGTH, onSpeculation } as const;
  for await (const _ of generate(model, prompt, { ...options, ...(speculation && { speculation }) })) {
    if (!tokens++) begun = performance.now();
  }
  return { rate: (tokens - 1) / (performance.now() - begun) * 1000, proposed, accepted };
}

/** Rounds of pairs: without, with. */
async function measure(rounds: number, run: (ahead: boolean) => Promise<Run>): Promise<string[]> {
  const pairs: [Run, Run][] = [];
  for (let round = 0; round <= rounds; round++) pairs.push([await run(false), await run(true)]);
  pairs.shift(); // the first one warms
  const ratios = pairs.map(([plain, ahead]) => ahead.rate / plain.rate), [, { proposed, accepted }] = pairs[0];
  return [
    median(pairs.map(([plain]) => plain.rate)).toFixed(0),
    median(pairs.map(([, ahead]) => ahead.rate)).toFixed(0),
    `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
    `${accepted} of ${proposed}`,
  ];
}

/** Rows of a pass. */
const ROWS = [1, 2, 3, 4, 5, 8, 9];

/** Milliseconds of a pass over one row, and how many times as long passes over more rows take. */
async function passCosts(what: string, model: Model, rounds: number): Promise<string[]> {
  const { runtime } = model, start = 64, times = new Map<number, number[]>(ROWS.map((rows) => [rows, []]));
  using cache = model.newCache(1, start + 16);
  const pass = (rows: number, start: number) =>
    runtime.scope(() => runtime.read(model.forward(Array(rows).fill(5), { cache, start })));
  await pass(start, 0);
  for (let round = 0; round <= 2 * rounds; round++) {
    for (const rows of ROWS) {
      const begun = performance.now();
      for (let i = 0; i < 4; i++) await pass(rows, start);
      if (round) times.get(rows)!.push((performance.now() - begun) / 4);
    }
  }
  const middle = ROWS.map((rows) => median(times.get(rows)!));
  return [what, middle[0].toFixed(2), ...middle.slice(1).map((time) => (time / middle[0]).toFixed(2))];
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags), { threads = 1, rounds = 15, count } = given;
  if (given.help) return print(`Usage: deno run -A bench/speculation.ts [flags]\n\n${flagHelp(flags)}\n`), 0;
  const script: Script = { ids: [] }, plugins = [saying(script)];
  using runtime = await createRuntime({ threads });
  const { model, checkpoint } = await loadModel(runtime, embeddedSource(), { plugins: [embedded, ...plugins] });
  const tokenizer = (await checkpoint.tokenizer())!, { vocab, context } = model.config;
  const small = { vocab, context, dim: 32, depth: 1, heads: 2 };
  using obedient = createModel(runtime, small, { plugins });
  using stubborn = createModel(runtime, small);
  const told = tokenizer.encode(story(createRandom(4, "stories"))).slice(0, LENGTH), twice = [...told, ...told];

  const cases: readonly Case[] = [
    { what: "lookup, a text that repeats", prompt: told, script: twice, draft: "lookup" },
    { what: "lookup, a story", prompt: tokenizer.encode(""), script: [], draft: "lookup" },
    { what: "draft model, always right", prompt: told, script: twice, draft: obedient },
    { what: "draft model, always wrong", prompt: told, script: twice, draft: stubborn },
  ];
  const rows: string[][] = [], status = statusLine();
  for (const { what, prompt, script: ids, draft } of cases) {
    status.show(what);
    script.ids = ids;
    const speculation = { draft, ...(count !== undefined && { count }) };
    const run = (ahead: boolean) => runOnce(model, prompt, ahead ? speculation : undefined);
    rows.push([what, ...await measure(rounds, run)]);
  }
  status.show("passes");
  const llama: ModelConfig = { vocab: 32000, context: 256, dim: 288, depth: 6, heads: 6 };
  using larger = createModel(runtime, llama);
  const passes = [await passCosts("embedded", model, rounds), await passCosts("15M", larger, rounds)];
  status.clear();
  const titles = ["what", "tokens/s without", "with", "ratio (min–max)", "accepted"];
  const columns = titles.map((title) => ({ title, text: title === "what" }));
  const caption = `${runtime.backend.name}, medians of ${rounds} rounds`;
  print(`${caption}\n\n${textTable({ caption, columns, rows }, 120)}\n`);
  const rowTitles = ["model", "1 row, ms", ...ROWS.slice(1).map((n) => `${n} rows, ×`)];
  const rowColumns = rowTitles.map((title) => ({ title, text: title === "model" }));
  print(`\n${textTable({ caption, columns: rowColumns, rows: passes }, 120)}\n`);
  return 0;
}

if (import.meta.main) await runCommand("bench/speculation.ts", main);
