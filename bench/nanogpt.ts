/**
 * nanoGPT's CPU configuration on tinyshakespeare: 4 layers, 4 heads, width 128, context 64, 12 windows a step, 2,000 steps.
 * Prints the loss on the whole validation split, for each seed, and their mean.
 *
 *     deno run -A bench/nanogpt.ts --data tinyshakespeare.txt
 *     deno run -A bench/nanogpt.ts --data tinyshakespeare.txt --activation relu --seeds 3
 *
 * The text is nanoGPT's `data/shakespeare_char/input.txt`. Exit codes: 0 ok, 1 failure, 2 usage.
 *
 * @module
 */
import {
  batches,
  corpus,
  createModel,
  createRuntime,
  createTrainer,
  evaluate,
  evaluationWindows,
  hashWeights,
  openData,
  prepareData,
  type Runtime,
  tokenizerOf,
  trainTokenizer,
} from "../mod.ts";
import { amount, flagHelp, parseFlags, text, toggle, UsageError, word } from "../plugins/cli/flags.ts";
import { print, runCommand, statusLine } from "../plugins/cli/terminal.ts";

const flags = {
  data: text("file", "tinyshakespeare.txt"),
  activation: word(["gelu", "relu"], "of the feed-forward (default gelu)"),
  seeds: amount("n", "number of trainings (default 3)", { min: 1 }),
  steps: amount("n", "default 2000", { min: 1 }),
  threads: amount("n", "default: as many as the machine has", { min: 1 }),
  help: toggle("print this"),
};

const CONTEXT = 64, BATCH = 12;

type Data = Awaited<ReturnType<typeof openData>>;

async function trainOnce(
  runtime: Runtime,
  data: Data,
  vocab: number,
  activation: "gelu" | "relu",
  steps: number,
  seed: number,
): Promise<{ loss: number; hash: string }> {
  using model = createModel(runtime, {
    vocab,
    context: CONTEXT,
    dim: 128,
    depth: 4,
    heads: 4,
    position: "learned",
    norm: { type: "layerNorm", bias: false },
    feedForward: activation,
    init: { type: "normal", residual: true },
  }, { seed });
  using trainer = createTrainer(model, {
    // Its learning rate of iteration i is ours of step i + 1, with one more step on either side.
    steps: steps + 1,
    warmup: 101,
    learningRate: 1e-3,
    schedule: { type: "cosine", floor: 0.1 },
    optimizer: { type: "adamW", beta1: 0.9, beta2: 0.99, decay: 0.1 },
    clip: 1,
  });
  const windows = batches(data.train, { batch: BATCH, context: CONTEXT, seed }), status = statusLine();
  for (let step = 0; step < steps; step++) {
    const { loss } = await trainer.train([windows.at(step)], BATCH);
    if (step % 50 === 0) status.show(`seed ${seed}: step ${step} of ${steps}, loss ${loss.toFixed(3)}`);
  }
  status.clear();
  const held = [...evaluationWindows(data.validation, CONTEXT, 64)];
  const { loss } = await evaluate(model, held.map((e) => ({ ...e, batch: e.inputs.length / CONTEXT })));
  return { loss, hash: await hashWeights(model) };
}

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags);
  if (given.help) return print(`Usage: deno run -A bench/nanogpt.ts --data <file>\n\n${flagHelp(flags)}`), 0;
  if (given.data === undefined) throw new UsageError("--data is missing, expected tinyshakespeare.txt");
  const { activation = "gelu", seeds = 3, steps = 2000, threads } = given;
  const directory = await Deno.makeTempDir();
  try {
    const tokenizer = tokenizerOf(await trainTokenizer("characters", corpus([given.data])));
    print((await prepareData({ paths: [given.data], tokenizer, directory, context: CONTEXT })).describe + "\n");
    using data = await openData(directory), runtime = await createRuntime(threads === undefined ? {} : { threads });
    const losses: number[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const { loss, hash } = await trainOnce(runtime, data, tokenizer.vocab, activation, steps, seed);
      losses.push(loss);
      print(`${activation}, seed ${seed}: validation loss ${loss.toFixed(4)}, weights ${hash.slice(0, 16)}\n`);
    }
    const mean = losses.reduce((sum, loss) => sum + loss) / seeds;
    print(`${activation}, mean of ${seeds}: ${mean.toFixed(4)}\n`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return 0;
}

if (import.meta.main) await runCommand("bench/nanogpt.ts", main);
