import { type Builtin, builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import type { Arena } from "../runtime/arena.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type CacheType, size, type Tensor } from "../runtime/tensor.ts";
import { assemble } from "./assemble.ts";
import { bufferIn, type ModelCache, openCache } from "./cache.ts";
import { type ModelConfig, resolveConfig, type ResolvedConfig } from "./config.ts";
import { type Description, planModel } from "./describe.ts";
import { forward, type ForwardOptions } from "./forward.ts";
import { paramDeclaration, type Plugin, runHook } from "./plugin.ts";
import { createRandom } from "./random.ts";
import { expectRoom } from "./room.ts";
import { expectStored, type Weights, weightType } from "./weights.ts";

/** Bytes that a tensor may take beyond its own, for the next to begin where memory wants it. */
const FILLING = 64;

/** A trained tensor of a model. */
export interface Param {
  /** Where it is. Read and write it with {@linkcode Runtime.read} and {@linkcode Runtime.write}, which know its layout. */
  readonly tensor: Tensor;
  /** Whether training may change it. */
  readonly trainable: boolean;
}

/** A built model. */
export interface Model extends Disposable {
  /** Its config, every default filled in. */
  readonly config: ResolvedConfig;
  /** What it runs on. */
  readonly runtime: Runtime;
  /** What its caches keep keys and values as. */
  readonly cacheType: CacheType;
  /** Parameters by name, in the order in which they were declared. */
  readonly params: ReadonlyMap<string, Param>;
  /** What it was built with. */
  readonly plugins: readonly Plugin[];
  /**
   * `tokens [batch · time]` → logits `[batch, time, vocab]`, in scratch memory: call it inside {@linkcode Runtime.scope}.
   * Tokens may be i32 in the backend's memory, which nobody checks then. Throws a `RangeError` for positions beyond the context or the cache.
   */
  forward(tokens: ArrayLike<number> | Tensor, options?: ForwardOptions): Tensor;
  /** Room for `length` positions (default: the whole context) of `batch` sequences (default: 1). */
  newCache(batch?: number, length?: number): ModelCache;
  /** Sizes and costs. `String(model.describe())` is a table. */
  describe(): Description;
  /** Gives the memory of parameters back. */
  close(): void;
}

/** Options of {@linkcode createModel}. */
export interface ModelOptions<C extends Component = Component> {
  /** Components beside those built in that the config may name. */
  readonly components?: readonly C[];
  /** Run in order. */
  readonly plugins?: readonly Plugin[];
  /** Seed of the initial weights. Default: 0. */
  readonly seed?: number;
  /** `false` leaves weights undefined, for a checkpoint to fill. Default: `true`. */
  readonly initialize?: boolean;
  /**
   * How matrices of weights are stored: in f32 (default), in 16 bits, or in blocks of 8 or 4 bits, which then are read by
   * products as they are; or each as a function of its name says. Vectors stay f32. Only f32 can be trained. Throws a
   * `TypeError` where the backend cannot.
   */
  readonly weights?: Weights;
  /** What caches keep keys and values as. Default: `f32`. Throws a `TypeError` where the backend cannot. */
  readonly cacheType?: CacheType;
  /** Whether there must be room for a cache of the whole context, too. Nothing is taken for it. Default: `false`. */
  readonly cached?: boolean;
}

/**
 * Builds a decoder on `runtime`. Throws a `TypeError` for a config that is wrong, and a `RangeError` that says what is
 * needed, and what would do, where it does not fit into memory.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 100, context: 32, dim: 16, depth: 2, heads: 2, norm: "layerNorm" });
 * const logits = runtime.scope(() => model.forward([3, 1, 4]));
 * assertEquals(logits.shape, [1, 3, 100]);
 * ```
 */
export function createModel<const C extends Component = never>(
  runtime: Runtime,
  config: ModelConfig<Builtin | C>,
  options: ModelOptions<C> = {},
): Model {
  const { components = [], plugins = [], seed = 0, initialize = true, cached = false } = options;
  const { weights = "f32", cacheType = "f32" } = options;
  if (typeof weights === "string") expectStored(runtime, weights);
  expectCached(runtime, cacheType);
  const known = knownComponents(components, plugins);
  const resolved = resolveConfig(known, changedByPlugins(config, plugins));
  const description = planModel(resolved, known, plugins, weights, cacheType);
  expectRoom(
    runtime,
    { config: resolved, components: known, plugins, weights, cacheType, cached, loaded: !initialize },
    description,
  );

  const params = new Map<string, Param>(), arena = roomFor(runtime, description);
  const parts = built(runtime, arena, () =>
    assemble(runtime, resolved, known, plugins, {
      weights,
      cacheType,
      param(path, declared) {
        const declaration = paramDeclaration(plugins, path, declared, params);
        const { shape, layout, init, trainable } = declaration;
        // Only matrices that products read.
        const dtype = layout === "panels" ? weightType(weights, path) : "f32";
        expectStored(runtime, dtype);
        const tensor = runtime.place(arena, shape, layout, dtype);
        params.set(path, { tensor, trainable });
        if (initialize) {
          const values = new Float32Array(size(shape));
          init(values, createRandom(seed, path), shape);
          runtime.write(tensor, values);
        }
        return tensor;
      },
      buffer: bufferIn(runtime, arena),
    }));
  return {
    config: resolved,
    runtime,
    cacheType,
    params,
    plugins,
    forward: (tokens, options) => forward(runtime, resolved, parts, tokens, options),
    newCache: (batch = 1, length = resolved.context) => openCache(runtime, resolved, parts.blocks, batch, length),
    describe: () => description,
    close: () => arena.close(),
    [Symbol.dispose]: () => arena.close(),
  };
}

/** What a config needs and costs, without building it. See {@linkcode Model.describe}. */
export function describeModel<const C extends Component = never>(
  config: ModelConfig<Builtin | C>,
  options: Pick<ModelOptions<C>, "components" | "plugins" | "weights" | "cacheType"> = {},
): Description {
  const { components = [], plugins = [], weights, cacheType } = options;
  const known = knownComponents(components, plugins);
  return planModel(resolveConfig(known, changedByPlugins(config, plugins)), known, plugins, weights, cacheType);
}

/** Throws a `TypeError` where the backend of `runtime` cannot keep keys and values as `type`. */
export function expectCached({ backend }: Runtime, type: CacheType): void {
  const { caches = ["f32"], name } = backend;
  if (caches.includes(type)) return;
  throw new TypeError(`Cannot keep keys and values in ${type} on ${name}, expected ${caches.join(" or ")}`);
}

function knownComponents(components: readonly Component[], plugins: readonly Plugin[]): readonly Component[] {
  return [...builtins, ...components, ...plugins.flatMap((p) => p.components ?? [])];
}

function changedByPlugins(config: unknown, plugins: readonly Plugin[]): unknown {
  return runHook(plugins, "config", config, (p, c) => p.config!(c as Readonly<Record<string, unknown>>));
}

/** An arena that has all that a model will ask for in one piece, where memory is one: chunk by chunk, ends are wasted. */
function roomFor(runtime: Runtime, { bytes, params, layers }: Description): Arena {
  const arena = runtime.arena(), empty = arena.mark();
  if (runtime.backend.memory.largest !== undefined) return arena;
  arena.alloc(Math.min(runtime.backend.memory.available, bytes + FILLING * (params.length + 2 * layers.length)));
  arena.rewind(empty);
  return arena;
}

/** What `build` makes in `arena`, which is closed if it fails. */
function built<T>(runtime: Runtime, arena: Arena, build: () => T): T {
  try {
    return runtime.scope(build);
  } catch (error) {
    arena.close();
    throw error;
  }
}
