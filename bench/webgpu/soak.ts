/**
 * Whether memory grows: ten thousand tokens and a thousand training steps of a tiny model, with what GPU and process hold
 * at ten points of each.
 *
 *     deno run -A --v8-flags=--expose-gc bench/webgpu/soak.ts
 *     deno run -A --v8-flags=--expose-gc bench/webgpu/soak.ts --tokens 1000 --steps 100 --backend wasm
 *
 * One JSON object a line. The first tenth fills what is kept and used again; bytes on the GPU must not grow after it.
 * Exit codes: 0 they do not, 1 they do, 2 usage.
 *
 * @module
 */
import { createModel, generate, type Model, type Runtime } from "../../mod.ts";
import { amount, flagHelp, parseFlags, toggle, word } from "../../plugins/cli/flags.ts";
import { print, runCommand } from "../../plugins/cli/terminal.ts";
import { batches, type Size } from "../training/sizes.ts";
import { promptOf } from "./models.ts";
import { openRuntime, type Setup, statsOf } from "./setup.ts";
import { gptConfig, trainerOf } from "./training.ts";

const flags = {
  tokens: amount("n", "tokens to generate (default 10000)", { min: 10 }),
  steps: amount("n", "training steps (default 1000)", { min: 10 }),
  backend: word(["webgpu", "wasm"], "default webgpu"),
  help: toggle("print this"),
};

const SIZE: Size = { depth: 2, heads: 2, dim: 32, context: 128, batch: 2, vocab: 64 };
const POINTS = 10, PROMPT = 8;

/** What is held at some point. */
interface Held {
  /** Buffers made so far. */
  readonly buffers: number;
  /** Bytes of buffers on the GPU. */
  readonly bytes: number;
  /** Pipelines compiled so far. */
  readonly pipelines: number;
  /** Bytes of the JavaScript heap in use. */
  readonly heap: number;
  /** Bytes of memory that the process has. */
  readonly rss: number;
}

function held(runtime: Runtime): Held {
  (globalThis as { gc?: () => void }).gc?.();
  const { buffers, bytes, pipelines } = statsOf(runtime), { heapUsed, rss } = Deno.memoryUsage();
  return { buffers, bytes, pipelines, heap: heapUsed, rss };
}

/** Calls `some` until it has done `total` things, and says what is held at every tenth of them. */
async function watch(
  phase: string,
  runtime: Runtime,
  total: number,
  some: (most: number) => Promise<number>,
): Promise<boolean> {
  const points: Held[] = [];
  for (let done = 0; done < total;) {
    const next = Math.ceil(total * (points.length + 1) / POINTS);
    while (done < next) done += await some(next - done);
    points.push(held(runtime));
    print(`${JSON.stringify({ phase, done, ...points[points.length - 1] })}\n`);
  }
  const [first, last] = [points[0], points[points.length - 1]];
  const grown = Object.fromEntries(Object.entries(last).map(([name, n]) => [name, n - first[name as keyof Held]]));
  print(`${JSON.stringify({ phase, grown })}\n`);
  return last.bytes > first.bytes;
}

/** Texts one after another, each of which fills the context: a cache is made and given back for each. */
function writeTexts(model: Model): (most: number) => Promise<number> {
  return async (most) => {
    let count = 0;
    const maxTokens = Math.min(most, SIZE.context - PROMPT), prompt = promptOf(PROMPT, SIZE.vocab);
    for await (const token of generate(model, prompt, { maxTokens, samplers: ["greedy"] })) count += token ? 1 : 0;
    return count;
  };
}

async function main(args: readonly string[]): Promise<number> {
  const { tokens = 10_000, steps = 1000, backend = "webgpu", help } = parseFlags(args, flags);
  if (help) return print(`Usage: deno run -A bench/webgpu/soak.ts [flags]\n\n${flagHelp(flags)}\n`), 0;
  const setup: Setup = { backend, small: true, weights: [], models: [], filter: "", ceilings: undefined };
  using runtime = await openRuntime(setup);
  using model = createModel(runtime, gptConfig(SIZE));
  print(`${JSON.stringify({ backend: runtime.backend.name })}\n`);
  const generated = await watch("tokens", runtime, tokens, writeTexts(model));
  using trainer = trainerOf(model);
  const examples = batches(SIZE, 8);
  const trained = await watch("steps", runtime, steps, async () => {
    await trainer.train([examples[trainer.step % examples.length]], SIZE.batch);
    return 1;
  });
  return generated || trained ? 1 : 0;
}

if (import.meta.main) await runCommand("bench/webgpu/soak.ts", main);
