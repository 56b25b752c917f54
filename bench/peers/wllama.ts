/** wllama: llama.cpp in WebAssembly, with 64-bit memory. */
import { type ModelCase, promptText } from "./cases.ts";
import { ggufFile } from "./gguf.ts";
import { collect, median } from "./measure.ts";
import { SHORT } from "./models.ts";
import { type Evidence, LIKELY, type Prepared, type Runner } from "./protocol.ts";

const PACKAGE = "npm:@wllama/wllama@3.8.1";

/** What is used of an answer, or of a piece of one that is streamed. */
export interface Completion {
  /** Its tokens. */
  readonly choices: readonly {
    readonly logprobs: { readonly content: readonly TokenLogprob[] } | null;
  }[];
  /** Its own clock: without the time that messages take to get to its worker and back. */
  readonly timings: { readonly prompt_n: number; readonly prompt_ms: number; readonly predicted_ms: number };
}

/** A token, and the likeliest in its place. */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly id: number; readonly logprob: number }[];
}

/** What is used of wllama. */
export interface Wllama {
  setCompat(compat: null): void;
  loadModel(files: Blob[], options: Record<string, unknown>): Promise<void>;
  getNumThreads(): number;
  createCompletion(options: Record<string, unknown>): Promise<Completion>;
  exit(): Promise<void>;
}

/** What makes instances, of one model each. `tell` gets all that llama.cpp writes; by default errors are printed. */
export async function wllamas(tell?: (...message: unknown[]) => void): Promise<() => Wllama> {
  const { Wllama } = await import(`${PACKAGE}/esm/index.js`) as {
    Wllama: new (paths: Record<string, string>, options: Record<string, unknown>) => Wllama;
  };
  // As a blob, since its worker cannot read files; and it resolves even that against the address of a page.
  const wasm = await Deno.readFile(new URL(import.meta.resolve(`${PACKAGE}/esm/wasm/wllama.wasm`)));
  const url = URL.createObjectURL(new Blob([wasm], { type: "application/wasm" }));
  Object.defineProperty(globalThis, "document", { value: { baseURI: "http://localhost/" } });
  await import("./browser.ts");

  const silent = () => {};
  const logger = { debug: tell ?? silent, log: tell ?? silent, warn: tell ?? silent, error: tell ?? console.error };
  return () => {
    // The managers are for downloads; what they would be by default needs a browser's storage.
    const managers = { cacheManager: {}, modelManager: {} };
    const wllama = new Wllama({ default: url }, { ...managers, suppressNativeLog: !tell, logger });
    wllama.setCompat(null); // or else it might fetch another build
    return wllama;
  };
}

/** Starts it; its model is loaded with the first case. */
export async function start(threads: number): Promise<Runner> {
  const wllama = (await wllamas())();
  let loaded: Promise<void> | undefined;
  return {
    about: PACKAGE.slice(4),
    async prepare(c) {
      if (c.kind === "product") throw new Error("it is measured with models only");
      await (loaded ??= load(wllama, c, threads));
      return await (c.kind === "prefill" ? preparePrefill(wllama, c) : prepareDecode(wllama, c));
    },
  };
}

async function load(wllama: Wllama, { size }: ModelCase, threads: number): Promise<void> {
  const file = await Deno.readFile(await ggufFile(size));
  await wllama.loadModel([new Blob([file])], {
    n_ctx: size.context,
    n_batch: 512,
    n_ubatch: 512,
    n_threads: threads,
    n_gpu_layers: 0,
    n_parallel: 1,
    flash_attn: true, // with the f16 cache that goes with it: its default, and its fastest
    warmup: false,
  });
  const real = wllama.getNumThreads();
  if (real !== threads) throw new Error(`it has ${real} threads, asked for ${threads}`);
}

/** Options of every request: the likeliest token, nothing remembered. */
function request(promptTokens: number, count: number, others: Record<string, unknown> = {}): Record<string, unknown> {
  // The start token comes by itself.
  const prompt = promptText(promptTokens - 1);
  return { prompt, max_tokens: count, temperature: 0, cache_prompt: false, ignore_eos: true, ...others };
}

/** What it thinks of `count` tokens. */
async function evidence(wllama: Wllama, promptTokens: number, count: number): Promise<Evidence> {
  const { choices, timings } = await wllama.createCompletion(request(promptTokens, count, { logprobs: LIKELY }));
  if (timings.prompt_n !== promptTokens) throw new Error(`it reads ${timings.prompt_n} tokens, not ${promptTokens}`);
  const content = choices[0].logprobs!.content;
  const { logprob, top_logprobs } = content[0];
  return { tokens: content.map(({ id }) => id), likely: top_logprobs.map(({ id }) => id), logprob };
}

async function preparePrefill(wllama: Wllama, { tokens }: ModelCase): Promise<Prepared> {
  const once = async () => (await wllama.createCompletion(request(tokens, 1))).timings.prompt_ms / 1000;
  return {
    evidence: await evidence(wllama, tokens, 1),
    async measure(seconds) {
      return { "tokens/s": tokens / median(await collect(once, seconds)) };
    },
    close() {},
  };
}

async function prepareDecode(wllama: Wllama, { tokens }: ModelCase): Promise<Prepared> {
  const once = async () => {
    const clock: number[] = [];
    const onData = ({ timings }: Completion) => clock.push(timings.predicted_ms);
    // One token more: the first belongs to the prompt.
    await wllama.createCompletion(request(SHORT, tokens + 1, { stream: true, timings_per_token: true, onData }));
    return clock.slice(1, tokens + 1).map((now, i) => (now - clock[i]) / 1000);
  };
  return {
    evidence: await evidence(wllama, SHORT, tokens),
    async measure(seconds) {
      await once(); // as models.ts does
      return { "tokens/s": 1 / median((await collect(once, seconds)).flat()) };
    },
    close() {},
  };
}
