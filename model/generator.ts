import type { Builtin } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import type { ModelCache } from "./cache.ts";
import { chooseTokens, type Row } from "./choosing.ts";
import type { Model } from "./decoder.ts";
import { pluginError } from "./plugin.ts";
import { createRandom } from "./random.ts";
import { buildSamplers, type GeneratedToken, type SamplerConfigs } from "./sampling.ts";
import type { Speculation, SpeculationPass } from "./speculation.ts";

/** Options of {@linkcode generate}. */
export interface GenerateOptions<C extends Component = Builtin> {
  /** Most tokens to generate. Default: until the context is full. */
  readonly maxTokens?: number;
  /** How a token is chosen, in this order. Default: a draw from the model's own distribution. */
  readonly samplers?: SamplerConfigs<C>;
  /** Samplers beside those built in. */
  readonly components?: readonly C[];
  /** Decides every draw. Default: 0. */
  readonly seed?: number;
  /** Ids that end the text; they are not returned. */
  readonly stopIds?: readonly number[];
  /** How many of the most likely tokens to return beside each token. Default: 0. */
  readonly top?: number;
  /** Ends generation: its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Prompt tokens that run at a time. Results do not depend on it. Default: 512. */
  readonly prefill?: number;
  /** Tokens are proposed, and several of them checked in one pass. The distribution of texts does not depend on it. */
  readonly speculation?: Speculation;
  /** Called after each pass over proposed tokens. */
  readonly onSpeculation?: (pass: SpeculationPass) => void;
  /**
   * What is known already: the positions that the cache holds and that the prompts begin with are not computed again,
   * the rest of what it holds is forgotten. It stays open and holds the new tokens afterwards. Results do not depend on
   * it. Its length limits the context. Default: a cache for this call.
   */
  readonly cache?: ModelCache;
  /** Called after each piece of the prompt; first, with what a `cache` knew, if that is anything. */
  readonly onPrefill?: (done: number, total: number) => void;
}

/** Why generation ended: a stop id (or string), `maxTokens`, or a full context. */
export type EndReason = "stop" | "length" | "context";

/**
 * Generates tokens after `prompt`, one at a time. The same model, prompt and options give the same tokens on any number
 * of threads. Throws a `RangeError` if the prompt leaves no room in the context.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, generate } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 100, context: 32, dim: 16, depth: 1, heads: 2 });
 * const ids = [];
 * for await (const { id } of generate(model, [1, 2, 3], { maxTokens: 4, samplers: ["greedy"] })) ids.push(id);
 * assertEquals(ids.length, 4);
 * ```
 */
export async function* generate<const C extends Component = never>(
  model: Model,
  prompt: ArrayLike<number>,
  options: GenerateOptions<Builtin | C> = {},
): AsyncGenerator<GeneratedToken, EndReason> {
  const steps = generateBatch<C>(model, [prompt], options);
  try {
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value[0];
      yield value[0]!;
    }
  } finally {
    await steps.return([]);
  }
}

/**
 * Generates after several prompts of equal length at once. Each step yields one token for each, `undefined` for those
 * that have ended. A prompt gets the same tokens in any batch, but for the draws: row `i` draws from stream `i` of the
 * seed.
 */
export async function* generateBatch<const C extends Component = never>(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  options: GenerateOptions<Builtin | C> = {},
): AsyncGenerator<(GeneratedToken | undefined)[], EndReason[]> {
  const { vocab } = model.config, { stopIds = [], seed = 0 } = options;
  const context = options.cache?.length ?? model.config.context;
  const samplers = buildSamplers(options.samplers ?? [], vocab, options.components);
  const promptLength = checkPrompts(prompts, context, options);
  const room = context - promptLength, limit = Math.min(options.maxTokens ?? room, room);
  const rows = prompts.map((prompt, i): Row & { end: EndReason | undefined } => ({
    tokens: Array.from(prompt),
    random: createRandom(seed, `sampling ${i}`),
    end: undefined,
  }));
  using lent = lend(options.cache ?? model.newCache(prompts.length, promptLength + limit), options.cache);
  const choices = chooseTokens({ model, rows, cache: lent.cache, promptLength, limit, samplers, options });
  let step = 0;
  for await (const chosen of choices) {
    options.signal?.throwIfAborted();
    const made = rows.map((row, i) => {
      const token = row.end ? undefined : chosen[i]!;
      if (token) row.tokens.push(token.id);
      if (!token || !stopIds.includes(token.id)) return token;
      row.end = "stop";
      return undefined;
    });
    if (rows.every((r) => r.end)) break;
    yield made;
    await afterStep(model, ++step, made);
  }
  const full = limit === room && options.maxTokens !== room;
  return rows.map((r) => r.end ?? (full ? "context" : "length"));
}

/** Caches that a generation runs on. */
const lentCaches = new WeakSet<ModelCache>();

/** A cache for one generation: closed after it, unless it is somebody's `own`. */
function lend(cache: ModelCache, own: ModelCache | undefined): Disposable & { readonly cache: ModelCache } {
  if (lentCaches.has(cache)) {
    throw new RangeError("Cannot generate: the cache is in use, expected one that no other generation runs on");
  }
  lentCaches.add(cache);
  return {
    cache,
    [Symbol.dispose]() {
      lentCaches.delete(cache);
      if (!own) cache.close();
    },
  };
}

function checkPrompts(
  prompts: readonly ArrayLike<number>[],
  context: number,
  { maxTokens, prefill = 1, top = 0 }: Pick<GenerateOptions, "maxTokens" | "prefill" | "top">,
): number {
  const lengths = new Set(prompts.map((p) => p.length)), [length] = lengths;
  if (lengths.size !== 1) {
    throw new RangeError(
      `Cannot generate for prompts of lengths ${[...lengths].join(", ") || "none"}, expected one length`,
    );
  }
  if (length < 1 || length >= context) {
    throw new RangeError(
      `Cannot generate after ${length} tokens: the context is ${context}, expected 1 … ${context - 1}`,
    );
  }
  for (const [name, value, least] of [["maxTokens", maxTokens, 0], ["prefill", prefill, 1], ["top", top, 0]] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      throw new RangeError(`Cannot generate: ${name} is ${value}, expected a whole number from ${least}`);
    }
  }
  return length;
}

async function afterStep(
  { plugins }: Model,
  step: number,
  made: readonly (GeneratedToken | undefined)[],
): Promise<void> {
  const tokens = made.map((t) => t?.id);
  for (const plugin of plugins) {
    try {
      await plugin.step?.({ step, tokens });
    } catch (error) {
      throw pluginError(plugin, "step", error);
    }
  }
}
