/**
 * Whether llama.cpp reads what `saveGguf` writes: small random models of every family, each saved, loaded by wllama
 * (llama.cpp in WebAssembly) and by Tenon, and asked for the likeliest tokens.
 *
 *     deno run -A --no-lock bench/gguf_in_llama_cpp.ts
 *     deno run -A --no-lock bench/gguf_in_llama_cpp.ts --only gemma --weights q8_0
 *     deno run -A --no-lock bench/gguf_in_llama_cpp.ts --model stories260K.bin
 *
 * `ids` are texts whose tokens are the same: as many as Tenon's, after which llama.cpp thinks the same of what comes next
 * (it does not show the ids of a text, but any other id would change that by much). `greedy` are tokens that are the same, of so many; `distance` is the largest difference between logarithms of
 * probabilities, of the ten likeliest tokens in each place. Exit codes: 0 ok, 1 something differs, 2 usage.
 *
 * @module
 */
import { createRuntime, loadModel, type Model, type Runtime } from "../mod.ts";
import { openCheckpoint } from "../model/checkpoint.ts";
import { describeModel } from "../model/decoder.ts";
import type { Checkpoint, StoredTensor } from "../model/format.ts";
import { createRandom } from "../model/random.ts";
import { memorySink } from "../model/sink.ts";
import { memorySource, openSource } from "../model/source.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { flagHelp, parseFlags, text, toggle } from "../plugins/cli/flags.ts";
import { print, runCommand } from "../plugins/cli/terminal.ts";
import { gguf, type SavedType, saveGguf } from "../plugins/gguf/mod.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { size } from "../runtime/tensor.ts";
import { ggufFamilies, type GgufFamily } from "../tests/gguf_families.ts";
import { type Completion, type Wllama, wllamas } from "./peers/wllama.ts";

const flags = {
  only: text("pattern", "families whose names match"),
  model: text("path", "a checkpoint instead"),
  weights: text("type", "f32 (default), q8_0 or q4_0"),
  errors: toggle("print what llama.cpp writes"),
  help: toggle("print this"),
};
const USAGE = `Usage: deno run -A --no-lock bench/gguf_in_llama_cpp.ts [flags]\n\n${flagHelp(flags)}`;

/** Tokens that are asked for, and the likeliest in each place that are compared. */
const COUNT = 24, LIKELIEST = 10;
/** A distance that means other ids: logarithms of probabilities, of weights in f32 and in blocks. */
const OTHER = { f32: 0.1, blocks: 1 } as const;
/** Texts whose ids are compared. The first is continued. */
const TEXTS = [
  "Once upon a time there was a little fox",
  ' Tim  said:\n\n"Hello!"\tand ran.',
  "naïve café — 東京 🦊 ½",
  "The year 2024, 31.5% of 1,000,000",
  "  a   b    c     ",
  "don't WE'LL they're",
] as const;

const plugins = [gguf, huggingface, llama2c];

/** Weights that make a model sure of itself: with smaller ones all tokens are as likely. */
function randomCheckpoint({ config, tokenizer }: GgufFamily): Checkpoint {
  const partial = Array.from({ length: config.vocab }, (_, id) => tokenizer.decode([id]).includes("\ufffd"));
  const tensors = describeModel(config).params.map(({ path, shape }): [string, StoredTensor] => {
    const next = createRandom(7, path), norm = /norm|after|query|key/.test(path) && shape.length === 1;
    const offset = JSON.stringify(config.norm ?? null).includes('"offset":1') ? 0 : 1;
    const [middle, spread] = norm && path.endsWith("weight")
      ? [offset, 0.3]
      : [0, path === "embedding.weight" ? 1 : 0.35];
    const values = Float32Array.from({ length: size(shape) }, () => middle + spread * (2 * next() - 1));
    if (/^(embedding|head)\.weight$/.test(path)) {
      // Ids that are parts of characters are unlikely: llama.cpp cannot say them in JSON.
      values.forEach((value, i) => values[i] = partial[Math.floor(i / config.dim)] ? value / 10 : value);
    }
    const bytes = new Uint8Array(values.buffer);
    const read: StoredTensor["read"] = (at, into) => Promise.resolve(into.set(bytes.subarray(at, at + into.length)));
    return [path, { where: path, shape, dtype: "f32", read }];
  });
  return {
    format: "random",
    config,
    notes: [],
    tensors: new Map(tensors),
    tokenizer: () => Promise.resolve(tokenizer),
  };
}

/** A token and the likeliest ones in its place. */
interface Step {
  readonly id: number;
  readonly likeliest: ReadonlyMap<number, number>;
}

const request = (prompt: string, count: number) => ({
  prompt,
  max_tokens: count,
  temperature: 0,
  cache_prompt: false,
  ignore_eos: false,
  logprobs: LIKELIEST,
});

const stepsOf = ({ choices }: Completion): Step[] =>
  (choices[0].logprobs?.content ?? []).map(({ id, top_logprobs }) => ({
    id,
    likeliest: new Map(top_logprobs.map(({ id, logprob }) => [id, logprob])),
  }));

/** The same of Tenon: what it would say after each token that llama.cpp has chosen. */
async function ownSteps(runtime: Runtime, model: Model, prompt: readonly number[], after: readonly number[]) {
  const tokens = [...prompt, ...after.slice(0, -1)], { vocab } = model.config;
  using cache = model.newCache(); // rotations of some go by its room, which is that of llama.cpp
  const logits = await runtime.read(runtime.keep(() => model.forward(tokens, { cache })));
  return after.map((_, i): Step => {
    const row = logits.subarray((prompt.length - 1 + i) * vocab, (prompt.length + i) * vocab);
    const most = row.reduce((a, b) => Math.max(a, b)),
      total = Math.log(row.reduce((s, x) => s + Math.exp(x - most), 0));
    return { id: row.indexOf(most), likeliest: new Map([...row].map((x, id) => [id, x - most - total])) };
  });
}

interface Row {
  readonly family: string;
  readonly tokenizer: string;
  readonly architecture: string;
  readonly ids: string;
  readonly greedy: string;
  readonly distance: string;
  readonly good: boolean;
}

/** Whether a tokenizer has tokens for a text: one of characters may have none. */
function encodes(tokenizer: Tokenizer, text: string): boolean {
  try {
    return tokenizer.encode(text).length > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

async function compare(
  runtime: Runtime,
  create: () => Wllama,
  name: string,
  checkpoint: Checkpoint,
  weights: SavedType,
): Promise<Row> {
  const sink = memorySink(), { notes } = await saveGguf(sink, checkpoint, { weights, file: "m.gguf" });
  sink.commit();
  const source = memorySource(sink.contents, "m.gguf"), again = await openCheckpoint(source, plugins);
  const tokenizer = (await checkpoint.tokenizer())!;
  const known = TEXTS.filter((text) => encodes(tokenizer, text));
  const { model } = await loadModel(runtime, source, { plugins, weights });
  using _ = model;
  const wllama = create();
  try {
    await wllama.loadModel([new Blob([new Uint8Array(sink.contents["m.gguf"])])], {
      n_ctx: model.config.context,
      n_threads: 1,
      n_gpu_layers: 0,
      n_parallel: 1,
      flash_attn: false,
      cache_type_k: "f32",
      cache_type_v: "f32",
      warmup: false,
    });
    let same = 0, distance = 0, greedy = { equal: 0, all: 0 };
    const odd: string[] = [];
    for (const [i, words] of known.entries()) {
      const answer = await wllama.createCompletion(request(words, i ? 1 : COUNT)), theirs = stepsOf(answer);
      const prompt = tokenizer.encode(words), own = await ownSteps(runtime, model, prompt, theirs.map(({ id }) => id));
      const far = own.map(({ likeliest }, i) =>
        Math.max(...[...theirs[i].likeliest].map(([id, p]) => Math.abs(p - likeliest.get(id)!)))
      );
      if (answer.timings.prompt_n === prompt.length && far[0] < OTHER[weights === "f32" ? "f32" : "blocks"]) same++;
      else odd.push(`${JSON.stringify(words)}: ${answer.timings.prompt_n} tokens, expected ${prompt.length}`);
      if (i) continue;
      distance = Math.max(...far);
      greedy = { equal: own.filter(({ id }, i) => id === theirs[i].id).length, all: theirs.length };
    }
    const { metadata } = (again as unknown as { origin: { header: { metadata: Map<string, string> } } }).origin.header;
    for (const note of [...notes, ...odd.map((text) => `other ids, ${text}`)]) {
      print(`${name}: ${note}\n`);
    }
    return {
      family: name,
      tokenizer: String(metadata.get("tokenizer.ggml.model")),
      architecture: String(metadata.get("general.architecture")),
      ids: `${same}/${known.length}`,
      greedy: `${greedy.equal}/${greedy.all}`,
      distance: distance.toExponential(1),
      good: greedy.all > 0 && greedy.equal === greedy.all && same === known.length,
    };
  } finally {
    await wllama.exit();
  }
}

async function main(args: string[]): Promise<number> {
  const given = parseFlags(args, flags);
  if (given.help) return print(`${USAGE}\n`), 0;
  const weights = (given.weights ?? "f32") as SavedType, only = new RegExp(given.only ?? "");
  const create = await wllamas(given.errors ? console.error : undefined);
  using runtime = await createRuntime({ threads: 1 });
  const rows: Row[] = [];
  const models: [string, () => Checkpoint | Promise<Checkpoint>][] = given.model === undefined
    ? (await ggufFamilies()).cases.filter(({ name }) => only.test(name)).map((c) => [c.name, () => randomCheckpoint(c)])
    : [[given.model, () => openCheckpoint(openSource(given.model!), plugins)]];
  for (const [name, open] of models) {
    try {
      rows.push(await compare(runtime, create, name, await open(), weights));
    } catch (error) {
      print(`${name}: ${given.errors ? (error as Error).stack : (error as Error).message}\n`);
      rows.push({
        family: name,
        tokenizer: "",
        architecture: "",
        ids: "",
        greedy: "failed",
        distance: "",
        good: false,
      });
    }
  }
  const columns = ["family", "architecture", "tokenizer", "ids", "greedy", "distance"] as const;
  for (const line of [columns, columns.map(() => "---"), ...rows.map((row) => columns.map((key) => row[key]))]) {
    print(`| ${line.join(" | ")} |\n`);
  }
  return rows.every(({ good }) => good) ? 0 : 1;
}

if (import.meta.main) await runCommand("bench/gguf_in_llama_cpp.ts", () => main(Deno.args));
