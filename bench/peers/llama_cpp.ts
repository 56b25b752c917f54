/** llama.cpp as a native library, by node-llama-cpp: no peer, but what the same processors do without WebAssembly. */
import { type ModelCase, promptTokens } from "./cases.ts";
import { ggufFile } from "./gguf.ts";
import { collect, median } from "./measure.ts";
import { SHORT } from "./models.ts";
import { type Evidence, LIKELY, type Prepared, type Runner } from "./protocol.ts";

const PACKAGE = "npm:node-llama-cpp@3.21.1";

/** How it chooses: the likeliest token. */
const GREEDY = { temperature: 0 };

/** A token, or one with what is to be said about the next. */
type Input = number | [token: number, options: object];

/** What is used of a sequence. */
interface Sequence {
  clearHistory(): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
  controlledEvaluate(tokens: readonly Input[]): Promise<readonly { next?: { probabilities: Map<number, number> } }[]>;
}

/** What is used of a context. */
interface Context {
  readonly currentThreads: number;
  getSequence(): Sequence;
}

/** What is used of node-llama-cpp. */
interface NodeLlamaCpp {
  getLlama(options: object): Promise<{
    readonly systemInfo: string;
    loadModel(options: object): Promise<{ createContext(options: object): Promise<Context> }>;
  }>;
}

/** Starts it, if there is a build for this machine; its model is loaded with the first case. */
export async function start(threads: number): Promise<Runner> {
  const { getLlama } = await import(PACKAGE) as NodeLlamaCpp;
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: "error" });
  const load = async ({ size }: ModelCase) => {
    const modelPath = decodeURIComponent((await ggufFile(size)).pathname);
    const model = await llama.loadModel({ modelPath, useMmap: true });
    const context = await model.createContext({ contextSize: size.context, batchSize: 512, threads, sequences: 1 });
    if (context.currentThreads !== threads) {
      throw new Error(`it has ${context.currentThreads} threads, asked for ${threads}`);
    }
    return context.getSequence();
  };
  let loaded: Promise<Sequence> | undefined;
  const has = ["AVX512", "AVX2", "NEON"].find((name) => llama.systemInfo.includes(`${name} = 1`));
  return {
    about: `${PACKAGE.slice(4)}${has ? `, ${has}` : ""}`,
    async prepare(c) {
      if (c.kind === "product") throw new Error("it is measured with models only");
      const sequence = await (loaded ??= load(c));
      return await (c.kind === "prefill" ? preparePrefill(sequence, c.tokens) : prepareDecode(sequence, c.tokens));
    },
  };
}

/** The likeliest tokens after `prompt`, and when each came, in seconds. */
async function write(sequence: Sequence, prompt: readonly number[], count: number) {
  await sequence.clearHistory();
  const tokens: number[] = [], clock: number[] = [];
  for await (const token of sequence.evaluate(prompt, { ...GREEDY, yieldEogToken: true })) {
    clock.push(performance.now() / 1000);
    if (tokens.push(token) === count) break;
  }
  return { tokens, clock };
}

/** What it thinks of `count` tokens after `prompt`. */
async function evidence(sequence: Sequence, prompt: readonly number[], count: number): Promise<Evidence> {
  const { tokens } = await write(sequence, prompt, count);
  await sequence.clearHistory();
  const last: Input = [prompt.at(-1)!, { generateNext: { probabilities: true, options: GREEDY } }];
  const told = await sequence.controlledEvaluate([...prompt.slice(0, -1), last]);
  const likely = [...told.at(-1)!.next!.probabilities].sort(([, a], [, b]) => b - a).slice(0, LIKELY);
  return { tokens, likely: likely.map(([token]) => token), logprob: Math.log(likely[0][1]) };
}

async function preparePrefill(sequence: Sequence, count: number): Promise<Prepared> {
  const prompt = promptTokens(count);
  const once = async () => {
    await sequence.clearHistory();
    const start = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(prompt);
    return (performance.now() - start) / 1000;
  };
  return {
    evidence: await evidence(sequence, prompt, 1),
    async measure(seconds) {
      await once(); // wakes threads
      return { "tokens/s": count / median(await collect(once, seconds)) };
    },
    close() {},
  };
}

async function prepareDecode(sequence: Sequence, count: number): Promise<Prepared> {
  const prompt = promptTokens(SHORT);
  const once = async () => {
    const { clock } = await write(sequence, prompt, count + 1); // the first belongs to the prompt
    return clock.slice(1).map((now, i) => now - clock[i]);
  };
  return {
    evidence: await evidence(sequence, prompt, count),
    async measure(seconds) {
      await once(); // as models.ts does
      return { "tokens/s": 1 / median((await collect(once, seconds)).flat()) };
    },
    close() {},
  };
}
