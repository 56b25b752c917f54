import type { Component, ModelSlots } from "../components/component.ts";
import type { Init } from "../components/init.ts";
import type { SamplerState } from "../components/samplers/sampler.ts";
import type { Backend } from "../runtime/backend.ts";
import type { Runtime, RuntimeOptions } from "../runtime/runtime.ts";
import type { Layout } from "../runtime/tensor.ts";
import type { CheckpointFormat } from "./format.ts";

/** A parameter about to be made. */
export interface ParamDeclaration {
  /** Sizes. */
  readonly shape: readonly number[];
  /** How it is stored. */
  readonly layout: Layout;
  /** How it starts. */
  readonly init: Init;
  /** Whether training may change it. */
  readonly trainable: boolean;
}

/** A token has been generated. */
export interface StepEvent {
  /** Generated tokens so far, this one included. */
  readonly step: number;
  /** The token of each sequence; `undefined` where it has ended. */
  readonly tokens: readonly (number | undefined)[];
}

/** The gradient of an example is about to be computed. */
export interface TrainEvent {
  /** The step that it is for, from 1. */
  readonly step: number;
  /** Which of the examples of the step it is, from 0. */
  readonly example: number;
}

/**
 * Something that adds to Tenon without being built in: every contribution and hook is optional. Hooks run in the order
 * in which plugins are listed; what one returns is what the next one gets. An error in a hook carries the plugin's name.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, type Plugin } from "@tenon/tenon";
 *
 * const layers: string[] = [];
 * const listing: Plugin = {
 *   name: "listing",
 *   layer(slot, path, layer) {
 *     layers.push(`${path}: ${slot}`);
 *     return layer;
 *   },
 * };
 * using runtime = await createRuntime();
 * createModel(runtime, { vocab: 100, context: 32, dim: 16, depth: 1, heads: 2 }, { plugins: [listing] });
 * ```
 */
export interface Plugin {
  /** For messages. */
  readonly name: string;
  /** Components that configs may name. */
  readonly components?: readonly Component[];
  /** Checkpoint formats that can be opened. */
  readonly checkpoints?: readonly CheckpointFormat[];
  /** A backend that {@linkcode openRuntime} opens where the plugin's name is asked for. */
  backend?(options: RuntimeOptions): Backend | Promise<Backend>;
  /** Changes a model's config (plain JSON) before it is checked. */
  config?(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** Changes how a parameter is made. */
  param?(path: string, declaration: ParamDeclaration): ParamDeclaration;
  /** Watches or replaces a layer as it is built. */
  layer?<S extends keyof ModelSlots>(slot: S, path: string, layer: ModelSlots[S], runtime: Runtime): ModelSlots[S];
  /** Changes logits in place before samplers see them. */
  logits?(logits: Float32Array, state: SamplerState): void;
  /** Watches generation. */
  step?(event: StepEvent): void | Promise<void>;
  /**
   * Is told by a trainer that the gradient of an example is computed from now on, and with `undefined` that it has been:
   * what layers do in between is training, blocks that are run again for `recompute` included,
   * and all else is not.
   */
  train?(event: TrainEvent | undefined): void;
}

/** Passes `value` through one hook of every plugin. */
export function runHook<T>(
  plugins: readonly Plugin[],
  hook: keyof Plugin,
  value: T,
  call: (plugin: Plugin, value: T) => T | undefined,
): T {
  for (const plugin of plugins) {
    if (!plugin[hook]) continue;
    try {
      value = call(plugin, value) ?? value;
    } catch (error) {
      throw pluginError(plugin, hook, error);
    }
  }
  return value;
}

/**
 * `f()`, of which plugins know that it trains. What `f` does before it first waits must be all of its work: then nothing
 * else runs in between.
 */
export function whileTraining<T>(plugins: readonly Plugin[], event: TrainEvent, f: () => T): T {
  const tell = (what: TrainEvent | undefined) => runHook(plugins, "train", undefined, (p) => void p.train!(what));
  try {
    tell(event);
    return f();
  } finally {
    tell(undefined);
  }
}

/** What plugins make of a declaration. The name must be new. */
export function paramDeclaration(
  plugins: readonly Plugin[],
  path: string,
  declared: ParamDeclaration,
  taken: ReadonlyMap<string, unknown>,
): ParamDeclaration {
  if (taken.has(path)) throw new TypeError(`Cannot declare ${path} twice, expected a name of its own`);
  return runHook(plugins, "param", declared, (p, d) => p.param!(path, d));
}

/** `error`, of its own kind, with the plugin and the hook in front. */
export function pluginError(plugin: Plugin, hook: keyof Plugin, error: unknown): Error {
  const message = `Plugin "${plugin.name}" failed in ${hook}: ${
    error instanceof Error ? error.message : String(error)
  }`;
  const Kind = error instanceof TypeError ? TypeError : error instanceof RangeError ? RangeError : Error;
  return new Kind(message, { cause: error });
}
