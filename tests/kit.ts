/**
 * Checks that any component must pass: for components of your own, with any test runner.
 *
 * @example
 * ```ts
 * import { type Component } from "@tenon/tenon";
 * import { testComponent } from "@tenon/tenon/testing";
 *
 * const identity: Component<"norm", "identity", Record<never, never>> = {
 *   slot: "norm",
 *   type: "identity",
 *   options: {},
 *   build: () => ({ forward: (x) => x }),
 * };
 * Deno.test("identity", () => testComponent(identity));
 * ```
 *
 * @module
 */
import type { Component, Slots } from "../components/component.ts";
import type { Options } from "../components/options.ts";
import type { ModelConfig } from "../model/config.ts";
import { createModel, type Model } from "../model/decoder.ts";
import type { ForwardOptions } from "../model/forward.ts";
import type { Plugin } from "../model/plugin.ts";
import { createRandom } from "../model/random.ts";
import { dispatchBackend } from "../runtime/backend.ts";
import { Pool } from "../runtime/pool.ts";
import { Runtime } from "../runtime/runtime.ts";
import { size, type Tensor } from "../runtime/tensor.ts";
import type { Activations } from "../runtime/kernels.ts";
import { bestSimd, compileKernels, type Simd } from "../runtime/wasm.ts";
import { checkGradients } from "./kit_gradients.ts";
import { testSampler } from "./kit_sampler.ts";
import { testInit, testOptimizer, testSchedule } from "./kit_training.ts";
import { testTokenizer } from "./kit_tokenizer.ts";

/** How strict the checks are. */
export interface TestOptions {
  /** Options of the component beside its defaults. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Other components that the model needs. */
  readonly components?: readonly Component[];
  /** Largest difference of two ways to compute the same, as a share of the largest number, or of 1. Default: 0, the same bits. */
  readonly tolerance?: number;
}

/** A model that is small enough to check in every way. */
export const tinyConfig: ModelConfig = { vocab: 19, context: 24, dim: 16, depth: 2, heads: 4 };

/**
 * Checks a component: its options, that it builds and gives finite numbers of the right shape, that rows are independent
 * where they must be, and within a small model everything that {@linkcode testModel} checks. A sampler is checked on
 * random logits, an optimizer on a bowl, a schedule at every step, a tokenizer on a few texts. Throws an error that says
 * which law does not hold.
 */
export async function testComponent<S extends keyof Slots, Config>(
  tested: Component<S, string, Config>,
  options: TestOptions = {},
): Promise<void> {
  const component = tested as unknown as Component, { slot, type } = component, name = `${slot} "${type}"`;
  checkOptions(component, name);
  if (slot === "sampler") return testSampler(component as unknown as Component<"sampler">, options.config ?? {}, name);
  if (slot === "schedule") {
    return testSchedule(component as unknown as Component<"schedule">, options.config ?? {}, name);
  }
  if (slot === "optimizer") {
    using one = await eagerRuntime(bestSimd(), 1), two = await eagerRuntime(bestSimd(), 2);
    return await testOptimizer([one, two], component as unknown as Component<"optimizer">, options.config ?? {}, name);
  }
  if (slot === "tokenizer") {
    return await testTokenizer(component as unknown as Component<"tokenizer">, options.config ?? {}, name);
  }
  const config = { ...tinyConfig, [slot]: { type, ...options.config } };
  const builtin = (await import("../components/builtins.ts")).builtins.includes(component as never);
  const components = [...(builtin ? [] : [component]), ...(options.components ?? [])];
  if (slot === "init") {
    using one = await eagerRuntime(bestSimd(), 1), two = await eagerRuntime(bestSimd(), 2);
    await testInit([one, two], config, components, name);
  }
  if (slot === "norm" || slot === "feedForward") await checkRows(config, components, slot, name);
  await testModel(config, { ...options, components });
}

/**
 * Checks the laws of a model: logits are finite and depend on the tokens, no token sees a later one, a cache changes
 * nothing, nor does running a prompt in pieces, in a batch or on two threads, the config survives JSON, and gradients are
 * slopes of the loss.
 */
export async function testModel(
  config: ModelConfig,
  { components = [], tolerance = 0 }: Pick<TestOptions, "components" | "tolerance"> = {},
): Promise<void> {
  using one = await eagerRuntime(bestSimd(), 1), two = await eagerRuntime(bestSimd(), 2);
  await checkLaws([one, two], config, components, tolerance);
  using first = filledModel(one, config, components), second = filledModel(two, config, components);
  await checkGradients([first, second]);
}

/** The laws of {@linkcode testModel} on given runtimes: the second must give what the first gives. */
export async function checkLaws(
  [one, two]: readonly [Runtime, Runtime],
  config: ModelConfig,
  components: readonly Component[] = [],
  tolerance = 0,
): Promise<void> {
  const what = JSON.stringify(config), { vocab } = config, length = 11, changed = 7;
  const random = createRandom(1, "tokens"), draw = () => Math.floor(random() * vocab);
  const tokens = Array.from({ length }, draw), others = Array.from({ length }, draw);
  using model = filledModel(one, config, components);
  const run = (m: Model, ids: readonly number[], options?: ForwardOptions) =>
    m.runtime.scope(() => m.runtime.read(m.forward(ids, options)));
  const same = (actual: Float32Array, expected: Float32Array, law: string) => {
    const limit = tolerance * expected.reduce((top, v) => Math.max(top, Math.abs(v)), 1);
    const at = actual.findIndex((v, i) => !(Math.abs(v - expected[i]) <= limit));
    if (actual.length !== expected.length || at >= 0) {
      throw new Error(`${law}: logit ${at} is ${actual[at]}, expected ${expected[at]}, for ${what}`);
    }
  };
  const whole = await run(model, tokens);
  if (!whole.every(Number.isFinite)) throw new Error(`Logits must be finite, for ${what}`);

  const perturbed = await run(model, tokens.map((t, i) => i < changed ? t : (t + 1) % vocab));
  const before = changed * vocab;
  same(perturbed.subarray(0, before), whole.subarray(0, before), "No token may see a later one");
  if (perturbed.subarray(before).every((v, i) => v === whole[before + i])) {
    throw new Error(`Changed tokens must change the logits from there on, for ${what}`);
  }
  for (const pieces of [[5, 3, 3], Array(length).fill(1)]) {
    using cache = model.newCache(1, length);
    let start = 0;
    for (const piece of pieces) {
      const logits = await run(model, tokens.slice(start, start + piece), { start, cache });
      same(logits, whole.subarray(start * vocab, (start + piece) * vocab), "A cache must change nothing");
      start += piece;
    }
    using copy = cache.fork();
    copy.trim(changed);
    const rest = await run(model, tokens.slice(changed), { start: changed, cache: copy });
    same(rest, whole.subarray(before), "A copy of a cache, trimmed, must change nothing");
  }
  const last = await run(model, tokens, { last: true });
  same(last, whole.subarray((length - 1) * vocab), "The last logits alone must be the last of all");
  const both = await run(model, [...tokens, ...others], { batch: 2 });
  same(both.subarray(0, whole.length), whole, "Sequences of a batch must not see each other");
  same(both.subarray(whole.length), await run(model, others), "Sequences of a batch must not see each other");

  const text = JSON.stringify(model.config);
  using again = filledModel(two, JSON.parse(text), components);
  if (JSON.stringify(again.config) !== text) throw new Error(`A config must survive JSON: ${text}`);
  same(await run(again, tokens), whole, "Two threads must give what one gives");
}

/** A model whose every parameter holds numbers in [−0.5, 0.5), so that nothing is hidden by a gain of 1 or a bias of 0. */
function filledModel(
  runtime: Runtime,
  config: ModelConfig,
  components: readonly Component[],
  plugins: readonly Plugin[] = [],
): Model {
  const model = createModel(runtime, config, { components: components as never, plugins, initialize: false });
  for (const [path, { tensor }] of model.params) {
    const random = createRandom(7, path);
    runtime.write(tensor, Float32Array.from({ length: size(tensor.shape) }, () => random() - 0.5));
  }
  return model;
}

async function checkRows(
  config: ModelConfig,
  components: readonly Component[],
  slot: "norm" | "feedForward",
  name: string,
): Promise<void> {
  using runtime = await eagerRuntime(bestSimd(), 2);
  let layer: { forward(x: Tensor): Tensor } | undefined;
  const catching: Plugin = {
    name: "kit",
    layer(made, _path, built) {
      if (made === slot) layer ??= built as { forward(x: Tensor): Tensor };
      return built;
    },
  };
  using model = filledModel(runtime, config, components, [catching]);
  const { dim } = model.config, random = createRandom(2, "rows"), rows = 5;
  const values = Float32Array.from({ length: rows * dim }, () => 4 * random() - 2);
  const forward = (shape: readonly number[], v: Float32Array) =>
    runtime.scope(() => {
      const y = layer!.forward(runtime.tensor(shape, v));
      if (String(y.shape) !== String(shape)) {
        throw new Error(`${name} made [${y.shape}] of [${shape}], expected the same`);
      }
      return runtime.read(y);
    });
  const all = await forward([1, rows, dim], values);
  if (!all.every(Number.isFinite)) throw new Error(`${name} must give finite numbers`);
  for (let r = 0; r < rows; r++) {
    const alone = await forward([1, 1, dim], values.subarray(r * dim, (r + 1) * dim));
    if (alone.some((v, i) => v !== all[r * dim + i])) {
      throw new Error(`${name} must treat rows independently: row ${r} differs`);
    }
  }
}

function checkOptions({ slot, type, options }: Component, name: string): void {
  const entries = Object.entries(options as Options<Record<string, unknown>>);
  if (!/^[a-z]\w*$/i.test(type)) throw new Error(`${slot} has type ${JSON.stringify(type)}, expected a plain name`);
  if (entries.length > 5) throw new Error(`${name} has ${entries.length} options, expected at most 5`);
  for (const [key, option] of entries) {
    if (!option.accepts(option.default)) throw new Error(`${name}: ${key} does not accept its own default`);
    if (option.accepts(Symbol())) throw new Error(`${name}: ${key} accepts anything`);
  }
}

class EagerPool extends Pool {
  override chunk(count: number, _work: number, grain = 1): number {
    return this.threads === 1 ? count : Math.max(1, Math.ceil(count / (2 * this.threads) / grain) * grain);
  }
}

/** A runtime that shares every kernel among its threads, however small: an ordinary one would keep tiny work to itself. */
export async function eagerRuntime(simd: Simd, threads: number, activations?: Activations): Promise<Runtime> {
  const module = await compileKernels(simd);
  const name = `wasm ${simd}, ${threads} eager threads`;
  const open = (memory: WebAssembly.Memory) => new EagerPool(module, memory, threads);
  return new Runtime(dispatchBackend(name, threads, open, undefined, activations));
}
