/**
 * What it costs a model to hold its weights in fewer bits: nats per token and perplexity in f32, f16, q8_0 and q4_0, with
 * activations in f32 and in 8 bits.
 *
 *     deno run -A bench/quantization.ts
 *     deno run -A bench/quantization.ts --model book-model --data book.txt
 *
 * Without flags: the embedded model on stories that it has not seen. Windows of a text are taken from its end on, where
 * train.ts has not been, and every model sees the same. f16 is f32 with weights rounded to 16 bits, which is what WebGPU
 * computes. Exit codes: 0 ok, 1 failure, 2 usage.
 *
 * @module
 */
import { createRuntime, loadModel, type Model, type Runtime, type RuntimeOptions, type WeightType } from "../mod.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { createRandom } from "../model/random.ts";
import { amount, flagHelp, parseFlags, text, toggle, UsageError } from "../plugins/cli/flags.ts";
import { print, runCommand } from "../plugins/cli/terminal.ts";
import { embedded, embeddedSource } from "../plugins/embedded/mod.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { story } from "../plugins/stories/mod.ts";

const flags = {
  model: text("path", "checkpoint (default: the embedded model)"),
  data: text("file", "text; without it, new stories"),
  tokens: amount("n", "tokens to predict, about (default 20000)", { min: 1 }),
  threads: amount("n", "default: as many as the machine has", { min: 1 }),
  help: toggle("print this"),
};

const USAGE = `Usage: deno run -A bench/quantization.ts [flags]\n\n${flagHelp(flags)}`;

/** Seed of stories that no model was trained on. */
const SEED = 20_261;

/** One way to hold and to multiply weights. */
interface Way {
  readonly weights: WeightType;
  readonly activations: NonNullable<RuntimeOptions["activations"]>;
}

const ways: readonly Way[] = [
  { weights: "f32", activations: "f32" },
  { weights: "f16", activations: "f32" },
  { weights: "q8_0", activations: "f32" },
  { weights: "q8_0", activations: "q8" },
  { weights: "q4_0", activations: "f32" },
  { weights: "q4_0", activations: "q8" },
];

async function open(runtime: Runtime, path: string | undefined, weights: WeightType) {
  const from = path ?? embeddedSource(), plugins = path === undefined ? [embedded] : [llama2c, gguf, huggingface];
  const { model, checkpoint } = await loadModel(runtime, from, {
    plugins,
    weights: weights === "f16" ? "f32" : weights,
  });
  if (weights === "f16") {
    for (const { tensor } of model.params.values()) {
      if (tensor.layout === "panels") runtime.write(tensor, (await runtime.read(tensor)).map(Math.f16round));
    }
  }
  const tokenizer = await checkpoint.tokenizer();
  if (!tokenizer) throw new UsageError(`${path} has no tokenizer`);
  return { model, tokenizer };
}

/** Windows of ids, each a document or a part of one, `tokens` targets in all or a few more. */
function windowsOf(tokenizer: Tokenizer, context: number, data: string | undefined, tokens: number): number[][] {
  const windows: number[][] = [], random = createRandom(SEED, "stories");
  const ids = data === undefined ? [] : tokenizer.encode(data.slice(-8 * tokens));
  for (let count = 0, end = ids.length; count < tokens;) {
    const window = data === undefined
      ? tokenizer.encode(story(random)).slice(0, context + 1)
      : ids.slice(Math.max(0, end - context - 1), end);
    if (window.length < 2) break;
    windows.push(window);
    count += window.length - 1;
    end -= context;
  }
  return windows;
}

async function nats(model: Model, windows: readonly number[][]): Promise<{ loss: number; tokens: number }> {
  const { runtime } = model;
  let loss = 0, tokens = 0;
  for (const ids of windows) {
    const losses = await runtime.scope(() =>
      runtime.read(runtime.ops.crossEntropy(model.forward(ids.slice(0, -1)), ids.slice(1)))
    );
    for (const l of losses) loss += l;
    tokens += losses.length;
  }
  return { loss: loss / tokens, tokens };
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags);
  if (given.help) return print(`${USAGE}\n`), 0;
  const data = given.data === undefined ? undefined : await Deno.readTextFile(given.data);
  const rows: string[] = [];
  let full: number | undefined, about = "";
  for (const { weights, activations } of ways) {
    using runtime = await createRuntime({
      activations,
      ...(given.threads !== undefined && { threads: given.threads }),
    });
    const { model, tokenizer } = await open(runtime, given.model, weights);
    const windows = windowsOf(tokenizer, model.config.context, data, given.tokens ?? 20_000);
    const { loss, tokens } = await nats(model, windows), bytes = model.describe().parameterBytes;
    full ??= loss;
    about = `${model.describe().parameters} parameters, ${tokens} tokens in ${windows.length} windows`;
    const size = weights === "f16" ? "" : `${(bytes / 1e6).toFixed(2)} MB`;
    const change = `${loss < full ? "−" : "+"}${Math.abs(loss - full).toFixed(5)}`;
    rows.push(
      `| ${weights} | ${activations} | ${size} | ${loss.toFixed(5)} | ${change} | ${Math.exp(loss).toFixed(4)} |`,
    );
  }
  print(`${about}\n\n| weights | activations | memory | nats per token | against f32 | perplexity |\n`);
  print(`| --- | --- | ---: | ---: | ---: | ---: |\n${rows.join("\n")}\n`);
  return 0;
}

if (import.meta.main) await runCommand("bench/quantization.ts", main);
