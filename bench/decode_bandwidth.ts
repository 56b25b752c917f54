/**
 * How much of the memory bandwidth that WebAssembly can read decoding uses: a Llama of 1.1 billion weights in blocks, whose
 * weights no cache holds, in turn with plain reads.
 *
 *     deno run -A bench/decode_bandwidth.ts
 *     deno run -A bench/decode_bandwidth.ts --weights q4_0 --threads 2
 *
 * One JSON object a line: medians of the rounds. Exit codes: 0 ok, 2 usage.
 *
 * @module
 */
import { createModel, createRuntime, generate, type Model } from "../mod.ts";
import { amount, flagHelp, parseFlags, toggle, word } from "../plugins/cli/flags.ts";
import { print, runCommand } from "../plugins/cli/terminal.ts";
import { bytesOf } from "../runtime/tensor.ts";
import { openCeiling } from "./ceiling.ts";
import { median } from "./peers/measure.ts";

const flags = {
  weights: word(["q8_0", "q4_0"], "how weights are stored (default: both, one after the other)"),
  threads: amount("n", "default: 1, then 2", { min: 1, max: 64 }),
  rounds: amount("n", "of 16 tokens and of reads (default 5)", { min: 1 }),
  help: toggle("print this"),
};

/** TinyLlama's shape. */
const CONFIG = {
  vocab: 32000,
  context: 1024,
  dim: 2048,
  depth: 22,
  heads: 32,
  tied: false,
  attention: { type: "groupedQuery", kvHeads: 4 },
  feedForward: { type: "swiglu", hidden: 5632 },
} as const;
const TOKENS = 16;

/** Fills weights with bytes that mean ordinary numbers, as scales and as integers. */
function fill({ runtime, params }: Model): void {
  for (const { tensor } of params.values()) {
    if (tensor.dtype === "f32") runtime.kernels.fill(tensor, 0.01);
    else runtime.backend.fill(tensor, (into) => void into.forEach((_, i) => into[i] = 0x3b + (i >> 16) % 2));
  }
}

/** Tokens per second after the first. */
async function decode(model: Model): Promise<number> {
  const times: number[] = [];
  for await (const _ of generate(model, [1, 2, 3], { maxTokens: TOKENS + 1, samplers: ["greedy"] })) {
    times.push(performance.now());
  }
  return 1000 * TOKENS / (times[TOKENS] - times[0]);
}

async function measure(weights: "q8_0" | "q4_0", threads: number, rounds: number): Promise<void> {
  using runtime = await createRuntime({ threads }), ceiling = await openCeiling(threads);
  const model = createModel(runtime, CONFIG, { weights, initialize: false });
  fill(model);
  // Of the embedding a token reads one row.
  const read = [...model.params].filter(([path]) => path !== "embedding.weight");
  const bytes = read.reduce((sum, [, { tensor }]) => sum + bytesOf(tensor), 0);
  const speeds: number[] = [], reads: number[] = [];
  for (let round = 0; round < rounds; round++) {
    reads.push((await ceiling.measure(0.3)).gigabytes);
    speeds.push(await decode(model));
  }
  const tokensPerSecond = median(speeds), gigabytes = tokensPerSecond * bytes / 1e9, most = median(reads);
  print(`${JSON.stringify({ weights, threads, tokensPerSecond, gigabytes, read: most, share: gigabytes / most })}\n`);
}

await runCommand("bench/decode_bandwidth.ts", async (args) => {
  const given = parseFlags(args, flags);
  if (given.help) return print(`Usage: deno run -A bench/decode_bandwidth.ts [flags]\n\n${flagHelp(flags)}`), 0;
  for (const weights of given.weights ? [given.weights] : ["q8_0", "q4_0"] as const) {
    for (const threads of given.threads ? [given.threads] : [1, 2]) await measure(weights, threads, given.rounds ?? 5);
  }
  return 0;
});
