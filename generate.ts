/**
 * Text from a model, streamed: from the one that comes with the package, or from a checkpoint.
 *
 *     deno run generate.ts
 *     deno run --allow-read generate.ts --model stories260K.bin --prompt "Once upon a time"
 *
 * Text goes to standard output, everything else to standard error. Exit codes: 0 ok, 1 failure, 2 usage, 130 interrupted.
 *
 * @module
 */
import type { Component } from "./components/component.ts";
import { loadModel } from "./model/checkpoint.ts";
import type { EndReason } from "./model/generator.ts";
import type { Plugin } from "./model/plugin.ts";
import type { Source } from "./model/source.ts";
import type { GeneratedText } from "./model/text.ts";
import { generateText } from "./model/text.ts";
import { backendFlag, heldLine, heldOn, openGiven, weightsFlags } from "./plugins/cli/backend.ts";
import {
  amount,
  flagHelp,
  parseFlags,
  text,
  texts,
  toggle,
  UsageError,
  type Values,
  word,
} from "./plugins/cli/flags.ts";
import { gpuMeter } from "./plugins/cli/gpu_meter.ts";
import { speculator } from "./plugins/cli/speculation.ts";
import { note, print, readStdin, runCommand, statusLine } from "./plugins/cli/terminal.ts";
import { importUsed } from "./plugins/cli/use.ts";
import { gguf } from "./plugins/gguf/mod.ts";
import { huggingface } from "./plugins/huggingface/mod.ts";
import { llama2c } from "./plugins/llama2c/mod.ts";
import { pytorch } from "./plugins/pytorch/mod.ts";
import { formatBytes } from "./runtime/memory.ts";

const flags = {
  model: text(
    "path",
    "checkpoint: a .gguf, a llama2.c .bin, a nanoGPT .pt, a Hugging Face folder, hf:org/name[@revision], or https://…/name.gguf (default: embedded)",
  ),
  tokenizer: text("file", "tokenizer beside the model, if it is not the usual one"),
  prompt: text(
    "text",
    "what to continue; - or none reads standard input if it is not a terminal",
  ),
  chat: toggle("a conversation: what you type is answered, /help says more"),
  system: text("text", "what the model is told before a conversation"),
  "max-tokens": amount("n", "most tokens to generate (default: until the context is full)", { min: 0 }),
  temperature: amount("x", "0 always takes the likeliest token (default 0.8)", { min: 0, real: true }),
  "top-k": amount("n", "keep the n likeliest tokens, 0 for all (default 40)", { min: 0 }),
  "top-p": amount("x", "keep the likeliest tokens that reach this probability (default 0.95)", {
    above: 0,
    max: 1,
    real: true,
  }),
  "min-p": amount("x", "drop tokens less likely than this share of the likeliest (default 0.05)", {
    min: 0,
    max: 1,
    real: true,
  }),
  typical: amount("x", "keep the most typical tokens that reach this probability (default off)", {
    above: 0,
    max: 1,
    real: true,
  }),
  "repetition-penalty": amount("x", "above 1 discourages tokens that have occurred (default 1)", {
    min: 0.01,
    real: true,
  }),
  "frequency-penalty": amount("x", "subtracted for each time a token was generated (default 0)", { real: true }),
  "presence-penalty": amount("x", "subtracted once a token was generated (default 0)", { real: true }),
  samplers: text("json", `the chain itself, in order: '[{"type":"topK","k":5},"greedy"]'`),
  seed: amount("n", "decides every draw (default: another each time)"),
  stop: texts("text", "end at this text; may be given more than once"),
  speculate: text(
    "lookup|path",
    "check several tokens at once, proposed as the text went before, or by the smaller model at that path",
  ),
  context: amount("n", "positions to make room for (default: what the model has)", { min: 1 }),
  threads: amount("n", "default: as many as the machine has", { min: 1, max: 1024 }),
  simd: word(["relaxed", "baseline"], "baseline: the same bytes on every machine (default: the faster)"),
  backend: backendFlag,
  ...weightsFlags,
  save: text("path", "write the model to a .gguf with its --weights in f32, q8_0 or q4_0, and stop"),
  use: texts("module", "add the components and plugins that a module exports: ./mine.ts, jsr:@me/norms"),
  offline: toggle("with an hf: model: use what was downloaded before, ask nobody"),
  json: toggle("one JSON object a line: each token, then a summary"),
  stats: toggle("say where time and memory went"),
  describe: toggle("print what the model is made of, and stop"),
  help: toggle("print this"),
};
type Given = Values<typeof flags>;

const USAGE = `Usage: deno run generate.ts [flags]
       deno run --allow-read generate.ts --model <path> [flags]

Without --model, the model that comes with the package tells a story: it needs no permission.

${flagHelp(flags)}`;

/** The chain of samplers that the flags ask for. */
function samplers(given: Given): readonly unknown[] {
  if (given.samplers !== undefined) {
    const other = [
      "temperature",
      "top-k",
      "top-p",
      "min-p",
      "typical",
      "repetition-penalty",
      "frequency-penalty",
      "presence-penalty",
    ] as const;
    const both = other.find((name) => given[name] !== undefined);
    if (both) throw new UsageError(`--samplers and --${both} are both given, expected one of them`);
    try {
      const chain = JSON.parse(given.samplers);
      if (Array.isArray(chain)) return chain;
    } catch { /* reported below */ }
    throw new UsageError(`--samplers is ${JSON.stringify(given.samplers)}, expected a JSON list`);
  }
  const { temperature = 0.8, "top-k": k = 40, "top-p": p = 0.95, "min-p": share = 0.05, typical = 1 } = given;
  const repetition = given["repetition-penalty"] ?? 1, frequency = given["frequency-penalty"] ?? 0;
  const presence = given["presence-penalty"] ?? 0;
  return [
    ...(repetition !== 1 ? [{ type: "repetition", penalty: repetition }] : []),
    ...(frequency ? [{ type: "frequency", penalty: frequency }] : []),
    ...(presence ? [{ type: "presence", penalty: presence }] : []),
    ...(temperature === 0 ? ["greedy"] : [
      ...(temperature !== 1 ? [{ type: "temperature", value: temperature }] : []),
      ...(k ? [{ type: "topK", k }] : []),
      ...(p < 1 ? [{ type: "topP", p }] : []),
      ...(share ? [{ type: "minP", p: share }] : []),
      ...(typical < 1 ? [{ type: "typical", p: typical }] : []),
    ]),
  ];
}

async function readPrompt(given: string | undefined): Promise<string> {
  if (given !== undefined && given !== "-") return given;
  if (Deno.stdin.isTerminal()) {
    if (given === "-") throw new UsageError("--prompt - reads standard input, which is a terminal");
    return "";
  }
  return (await readStdin()).replace(/\r?\n$/, "");
}

/** Checkpoints that can be opened. */
const formats: readonly Plugin[] = [huggingface, pytorch, llama2c, gguf]; // of two kinds of .bin, one is known by how it begins

/** Flags that do not go together. */
function expectOne({ chat, system, prompt, json }: Given): void {
  if (!chat && system !== undefined) throw new UsageError("--system is given without --chat, expected both or neither");
  const other = prompt !== undefined ? "prompt" : json ? "json" : undefined;
  if (chat && other) throw new UsageError(`--chat and --${other} are both given, expected one of them`);
}

/** Where a checkpoint is, once it has been downloaded. */
async function located(path: string, offline: boolean): Promise<string | Source> {
  if (!/^(hf:|https?:)/.test(path)) return path;
  const { downloaded } = await import("./plugins/cli/hub_command.ts");
  return await downloaded(path, offline);
}

/** The checkpoint that was asked for, or the embedded model, which is imported only then. */
async function chosen(
  { model, speculate, tokenizer, offline }: Given,
): Promise<{ readonly from: string | Source; readonly name: string; readonly plugins: readonly Plugin[] }> {
  const isHub = [model, speculate].some((path) => path?.startsWith("hf:"));
  if (offline && !isHub) throw new UsageError("--offline is given without an hf: model, expected both or neither");
  if (model !== undefined) return { from: await located(model, offline), name: model, plugins: formats };
  if (tokenizer !== undefined) throw new UsageError("--tokenizer is given without --model, expected both or neither");
  const { embedded, embeddedSource } = await import("./plugins/embedded/mod.ts"), from = embeddedSource();
  return { from, name: from.path, plugins: [embedded] };
}

async function main(args: readonly string[]): Promise<number> {
  const started = performance.now(), given = parseFlags(args, flags);
  if (given.help) return print(`${USAGE}\n`), 0;
  expectOne(given);
  const chain = samplers(given) as readonly never[], used = await importUsed(given.use), status = statusLine();
  if (given.save !== undefined) {
    const { expectSaving, save } = await import("./plugins/cli/save_command.ts"), weights = expectSaving(given);
    return await save(await chosen(given), given.save, weights);
  }
  using runtime = await openGiven(given, used);
  if (runtime.backend.note) note(`note: ${runtime.backend.note}`);
  const { weights, cacheType, notes } = heldOn(runtime, given);
  for (const line of notes) note(`note: ${line}`);
  const { from, name, plugins } = await chosen(given);
  const { model, checkpoint } = await loadModel(runtime, from, {
    plugins: [...used.plugins, ...plugins],
    components: used.components,
    weights,
    cacheType,
    ...(given.context !== undefined && { context: given.context }),
    onProgress: (done, total) => status.show(`loading ${name} ${Math.floor(100 * done / total)}%`),
  });
  status.clear();
  for (const line of checkpoint.notes) note(`note: ${line}`);
  if (given.describe) return print(`${model.describe()}\n`), 0;
  const tokenizer = await checkpoint.tokenizer(given.tokenizer);
  if (!tokenizer) throw new UsageError(`${name} has no tokenizer beside it: name one with --tokenizer`);

  using ahead = await speculator(
    given.speculate,
    async (path) =>
      await loadModel(runtime, await located(path, given.offline), {
        plugins: [...used.plugins, ...formats],
        components: used.components,
        weights: "stored",
        cacheType,
      }),
  );
  const seed = given.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  const shared = {
    samplers: chain,
    components: used.components,
    seed,
    stop: given.stop,
    ...ahead.options,
    ...(given["max-tokens"] !== undefined && { maxTokens: given["max-tokens"] }),
  };
  if (given.chat) {
    const { chat } = await import("./plugins/cli/chat_command.ts"), { system, stats } = given;
    return await chat(model, tokenizer, checkpoint, { ...shared, stats, ...(system !== undefined && { system }) });
  }
  const prompt = await readPrompt(given.prompt), loaded = performance.now();
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort("interrupted");
  Deno.addSignalListener("SIGINT", onSignal);
  const clock = { prompt: 0, prefilled: 0, tokens: 0, last: 0 }, gpu = gpuMeter(runtime);
  let reason: EndReason | "interrupted" | "closed" = "interrupted", all = "";
  const pieces = generateText<Component>(model, tokenizer, prompt, {
    ...shared,
    signal: interrupt.signal,
    onPrefill(done, total) {
      status.show(`reading the prompt ${done}/${total}`);
      Object.assign(clock, { prompt: total, prefilled: performance.now() });
      gpu.begin();
    },
  });
  if (!given.json) print(prompt);
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) reason = value;
      if (done) break;
      status.clear();
      Object.assign(clock, { tokens: clock.tokens + 1, last: performance.now() });
      all += value.text;
      if (print(given.json ? jsonLine(value) : value.text)) continue;
      reason = "closed";
      break;
    }
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
  } finally {
    await pieces.return("stop");
    Deno.removeSignalListener("SIGINT", onSignal);
  }
  const prefill = (clock.prefilled - loaded) / 1000, decode = (clock.last - clock.prefilled) / 1000;
  const rates = {
    prompt: clock.prompt,
    prefillTokensPerSecond: Math.round(clock.prompt / prefill),
    tokens: clock.tokens,
    decodeTokensPerSecond: clock.tokens > 1 ? Math.round((clock.tokens - 1) / decode) : 0,
    ...ahead.totals,
    seed,
    reason,
  };
  if (given.json) print(JSON.stringify({ text: all, ...rates }) + "\n");
  else if (reason !== "closed") print("\n");
  note(
    `prefill ${rates.prompt} tokens, ${rates.prefillTokensPerSecond}/s; decode ${rates.tokens} tokens, ` +
      `${rates.decodeTokensPerSecond}/s; ended by ${reason}; seed ${seed}`,
  );
  if (given.stats) {
    note(
      `backend ${runtime.backend.name}; ${heldLine(model)}, memory in use ${formatBytes(runtime.backend.memory.used)}`,
    );
    for (const line of [...gpu.lines(clock.tokens), ...ahead.lines(clock.tokens)]) note(line);
    note(
      `start and load ${Math.round(loaded - started)} ms, first token after ${Math.round(clock.prefilled - loaded)} ms`,
    );
  }
  return reason === "interrupted" ? 130 : 0;
}

function jsonLine({ id, text, logprob }: GeneratedText): string {
  return JSON.stringify({ id, text, logprob }) + "\n";
}

if (import.meta.main) await runCommand("generate.ts", main);
