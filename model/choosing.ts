import { breather } from "./breathe.ts";
import type { ModelCache } from "./cache.ts";
import type { Model } from "./decoder.ts";
import { greedyRuns } from "./greedy_runs.ts";
import { createRandom } from "./random.ts";
import { buildSamplers, chooseToken, type GeneratedToken, isGreedy } from "./sampling.ts";
import type { Sampler } from "../components/samplers/sampler.ts";
import type { Component } from "../components/component.ts";
import { openProposer, speculated, type Speculation, type SpeculationPass } from "./speculation.ts";

/** A sequence that is generated. */
export interface Row {
  /** Prompt and tokens so far; whoever takes a token adds it. */
  readonly tokens: number[];
  /** Draws its tokens. */
  readonly random: () => number;
  /** Why it has ended, once it has. */
  readonly end?: unknown;
}

/** What of the options of a generation matters here: see generator.ts. */
export interface ChoosingOptions {
  /** Samplers, as they are built. */
  readonly samplers?: readonly unknown[] | undefined;
  /** Samplers beside those built in. */
  readonly components?: readonly Component[];
  /** Decides every draw. */
  readonly seed?: number;
  /** How many of the most likely tokens are told. */
  readonly top?: number;
  /** Prompt tokens that run at a time. */
  readonly prefill?: number;
  /** Called after each piece of the prompt. */
  readonly onPrefill?: (done: number, total: number) => void;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Proposes tokens. */
  readonly speculation?: Speculation;
  /** Is told what became of them. */
  readonly onSpeculation?: (pass: SpeculationPass) => void;
}

/** A generation that has been checked and has its cache. */
export interface Generation {
  /** What generates. */
  readonly model: Model;
  /** One for each prompt. */
  readonly rows: readonly Row[];
  /** What may know the beginning of the prompts already. */
  readonly cache: ModelCache;
  /** Tokens of each prompt. */
  readonly promptLength: number;
  /** Most tokens to choose. */
  readonly limit: number;
  /** What changes logits before a token is drawn. */
  readonly samplers: readonly Sampler[];
  /** As they were given. */
  readonly options: ChoosingOptions;
}

/** Runs tokens from a position on: logits of the last position, or of all. */
type Run = (tokens: readonly number[], start: number, last?: boolean) => Promise<Float32Array<ArrayBuffer>>;

/**
 * Runs the prompts and chooses a token for each row, step by step: here from logits that have been read, here from those of
 * several tokens that were proposed, or where the model runs.
 */
export async function* chooseTokens(g: Generation): AsyncGenerator<(GeneratedToken | undefined)[], void> {
  const { model, rows, cache, promptLength, limit, samplers, options } = g, { top = 0, speculation } = options;
  const breathe = breather();
  const rest = async () => {
    await breathe();
    options.signal?.throwIfAborted();
  };
  const run: Run = async (tokens, start, last = true) => {
    const forward = { batch: rows.length, start, cache, last };
    const logits = await model.runtime.scope(() => model.runtime.read(model.forward(tokens, forward)));
    await rest();
    return logits;
  };
  using proposer = speculation && openProposer(model, speculation, rows.length, {
    length: promptLength + limit,
    promptLength,
    samplers: buildSamplers(options.samplers ?? [], model.config.vocab, options.components),
    random: createRandom(options.seed ?? 0, "proposals"),
    prefill: options.prefill ?? 512,
    rest,
  });
  if (!proposer && choosesFar(g)) return yield* chosenFar(g, run);
  const logits = await runPrompts(g, run);
  if (!proposer) return yield* chosenHere(g, logits, run);
  yield* speculated(model, {
    ...rows[0],
    logits,
    cache,
    run: (tokens, start) => run(tokens, start, false),
    limit,
    samplers,
    top,
    proposer,
    count: speculation?.count,
    onPass: options.onSpeculation,
  });
}

/** Tokens `start … end` of every row. */
function piece({ rows }: Generation, start: number, end: number): number[] {
  return rows.flatMap(({ tokens }) => tokens.slice(start, end));
}

/** Runs what the cache does not know of the prompts up to `end`, piece by piece; the logits of the last position. */
async function runPrompts(
  g: Generation,
  run: Run,
  end = g.promptLength,
): Promise<Float32Array<ArrayBuffer>> {
  const { rows, cache, promptLength, options: { prefill = 512, onPrefill } } = g;
  // The last position is computed even where it is known: what follows it is not.
  let known = cache.keep(rows.map(({ tokens }) => tokens.slice(0, promptLength - 1))), logits = new Float32Array();
  if (known) onPrefill?.(known, promptLength);
  while (known < end) {
    const next = Math.min(end, known + prefill);
    logits = await run(piece(g, known, next), known);
    known = next;
    onPrefill?.(known, promptLength);
  }
  return logits;
}

async function* chosenHere(
  { model, rows, promptLength, limit, samplers, options: { top = 0 } }: Generation,
  logits: Float32Array,
  run: Run,
): AsyncGenerator<(GeneratedToken | undefined)[], void> {
  const { vocab } = model.config;
  for (let step = 0; step < limit; step++) {
    yield rows.map((row, i) => {
      if (row.end) return undefined;
      const own = logits.subarray(i * vocab, (i + 1) * vocab);
      return chooseToken(own, samplers, model.plugins, { tokens: row.tokens, promptLength }, row.random, top);
    });
    if (step + 1 < limit) logits = await run(rows.map((r) => r.tokens.at(-1)!), promptLength + step);
  }
}

/** Whether the backend chooses: where reading takes long, and nothing asks for more than the best token. */
function choosesFar({ model, limit, samplers, options: { top = 0 } }: Generation): boolean {
  return !!model.runtime.backend.far && limit > 0 && isGreedy(samplers) && !top && !model.plugins.some((p) => p.logits);
}

/** The last piece of the prompts goes along with the first tokens. */
async function* chosenFar(g: Generation, run: Run): AsyncGenerator<GeneratedToken[], void> {
  const { model, cache, promptLength, limit, options: { prefill = 512, onPrefill } } = g;
  await runPrompts(g, run, Math.floor((promptLength - 1) / prefill) * prefill);
  const start = cache.held;
  let told = false;
  for await (const chosen of greedyRuns(model, { cache, tokens: piece(g, start, promptLength), start, limit })) {
    if (!told) onPrefill?.(promptLength, promptLength);
    told = true;
    yield chosen;
  }
}
