import type { Builtin } from "../components/builtins.ts";
import { show } from "./json.ts";
import type { Component, ConfigOf, ModelSlots, Slots } from "../components/component.ts";
import { boolean, integer, type Option, type Options } from "../components/options.ts";

/** One choice for all layers, or a list that is repeated over depth. */
export type PerLayer<T> = T | readonly T[];

/** The sizes of a model. */
export interface ModelSizes {
  /** Number of tokens. */
  vocab: number;
  /** Most positions that the model will see. */
  context: number;
  /** Width of the residual stream. */
  dim: number;
  /** Number of blocks. */
  depth: number;
  /** Attention heads. */
  heads: number;
  /** The output projection is the embedding, transposed. */
  tied: boolean;
}

/**
 * A model as data: what `JSON.parse` of a config file yields. `C` is the union of the components that it may name. A
 * slot holds the name of a component, or an object with its name as `type` and its options, or a list of those.
 */
export interface ModelConfig<C extends Component = Builtin> extends Readonly<Omit<ModelSizes, "tied">> {
  /** Default: `true`. */
  readonly tied?: boolean;
  /** Default: `"plain"`. */
  readonly stem?: ConfigOf<C, "stem">;
  /** Default: `"rope"`. A list must not hold any that add to embeddings; equal entries are one position. */
  readonly position?: PerLayer<ConfigOf<C, "position">>;
  /** Default: `"rmsNorm"`. */
  readonly norm?: PerLayer<ConfigOf<C, "norm">>;
  /** Default: `"multiHead"`. */
  readonly attention?: PerLayer<ConfigOf<C, "attention">>;
  /** Default: `"plain"`. */
  readonly queryKey?: PerLayer<ConfigOf<C, "queryKey">>;
  /** Default: `"softmax"`. */
  readonly scores?: PerLayer<ConfigOf<C, "scores">>;
  /** Default: `"swiglu"`. */
  readonly feedForward?: PerLayer<ConfigOf<C, "feedForward">>;
  /** Default: `"preNorm"`. */
  readonly block?: PerLayer<ConfigOf<C, "block">>;
  /** Default: `"linear"`. */
  readonly head?: ConfigOf<C, "head">;
  /** How weights start. Default: `"normal"`, deviation 0.02. */
  readonly init?: ConfigOf<C, "init">;
}

/** A component's config with every option given. */
export type ResolvedOptions = Readonly<Record<string, unknown>> & {
  /** Name of the component. */
  readonly type: string;
};

/** A {@linkcode ModelConfig} with everything filled in. It is a config itself, and plain JSON. */
export interface ResolvedConfig extends Readonly<ModelSizes> {
  /** See {@linkcode ModelConfig}. */
  readonly stem: ResolvedOptions;
  /** See {@linkcode ModelConfig}. */
  readonly position: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly norm: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly attention: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly queryKey: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly scores: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly feedForward: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly block: PerLayer<ResolvedOptions>;
  /** See {@linkcode ModelConfig}. */
  readonly head: ResolvedOptions;
  /** See {@linkcode ModelConfig}. */
  readonly init: ResolvedOptions;
}

/** Sizes of a model and what they may be; all but `tied` must be given. */
export const sizeOptions: Options<ModelSizes> = {
  vocab: integer(1, { min: 1, max: 2 ** 31 - 1 }),
  context: integer(1, { min: 1, max: 2 ** 30 }),
  dim: integer(1, { min: 1, max: 2 ** 20 }),
  depth: integer(1, { min: 1, max: 2 ** 12 }),
  heads: integer(1, { min: 1, max: 2 ** 16 }),
  tied: boolean(true),
};

/** The slots of a model and what fills them by default. */
export const slotDefaults: Readonly<Record<keyof ModelSlots | "init", string>> = {
  stem: "plain",
  position: "rope",
  norm: "rmsNorm",
  attention: "multiHead",
  queryKey: "plain",
  scores: "softmax",
  feedForward: "swiglu",
  block: "preNorm",
  head: "linear",
  init: "normal",
};

/** Slots that hold one component for the whole model. */
export const singleSlots: ReadonlySet<string> = new Set(["stem", "head", "init"]);

/** Checks a config and fills in every default. Throws a `TypeError` that names the field, its value and what is allowed. */
export function resolveConfig(components: readonly Component[], config: unknown): ResolvedConfig {
  expectUnique(components);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new TypeError(`Cannot build a model from ${show(config, 80)}, expected an object`);
  }
  const known = [...Object.keys(sizeOptions), ...Object.keys(slotDefaults)], given = config as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw new TypeError(`Cannot build a model: it has no "${key}", expected ${list(known)}`);
  }
  const resolved: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(sizeOptions) as [string, Option<unknown>][]) {
    const value = key === "tied" && given[key] === undefined ? option.default : given[key];
    if (!option.accepts(value)) throw wrongValue(key, value, option.expected);
    resolved[key] = value;
  }
  for (const [slot, standard] of Object.entries(slotDefaults) as [keyof typeof slotDefaults, string][]) {
    const choice = given[slot] === undefined ? standard : given[slot];
    if (!Array.isArray(choice)) resolved[slot] = resolveComponent(components, slot, choice, slot).config;
    else if (singleSlots.has(slot)) throw wrongValue(slot, choice, `one ${slot} for all layers`);
    else if (!choice.length) throw wrongValue(slot, choice, "a list that is not empty");
    else resolved[slot] = choice.map((c, i) => resolveComponent(components, slot, c, `${slot}[${i}]`).config);
  }
  return resolved as unknown as ResolvedConfig;
}

/** Finds the component that a config names, checks its options and fills in the rest. */
export function resolveComponent(
  components: readonly Component[],
  slot: keyof Slots,
  choice: unknown,
  path: string,
): { component: Component; config: ResolvedOptions } {
  const object: Record<string, unknown> = typeof choice === "string" ? { type: choice } : { ...choice as object };
  const { type, ...given } = object;
  const known = components.filter((c) => c.slot === slot);
  const component = known.find((c) => c.type === type);
  if (!component) {
    throw new TypeError(
      `Cannot build ${path}: unknown type ${show(type ?? choice, 80)}, expected one of ${
        list(known.map((c) => c.type))
      }`,
    );
  }
  const options = component.options as Options<Record<string, unknown>>;
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(options, key)) {
      throw new TypeError(
        `Cannot build ${path}: "${type}" has no option "${key}", expected ${list(Object.keys(options)) || "none"}`,
      );
    }
  }
  const config: Record<string, unknown> = { type };
  for (const [key, option] of Object.entries(options)) {
    const value = given[key] === undefined ? option.default : given[key];
    if (!option.accepts(value)) throw wrongValue(`${path}.${key}`, value, option.expected);
    config[key] = value;
  }
  return { component, config: config as unknown as ResolvedOptions };
}

/** The choice for layer `index` out of one for all or a list that is repeated. */
export function forLayer<T>(choice: PerLayer<T>, index: number): T {
  return Array.isArray(choice) ? choice[index % choice.length] : choice as T;
}

function expectUnique(components: readonly Component[]): void {
  const seen = new Set<string>();
  for (const { slot, type } of components) {
    if (seen.has(`${slot} ${type}`)) throw new TypeError(`Cannot use two components for ${slot} "${type}"`);
    seen.add(`${slot} ${type}`);
  }
}

function wrongValue(path: string, value: unknown, expected: string): TypeError {
  return new TypeError(`Cannot build ${path}: current value is ${show(value, 80)}, expected ${expected}`);
}

function list(names: readonly string[]): string {
  return names.map((n) => JSON.stringify(n)).join(", ");
}
