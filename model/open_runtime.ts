import { backendNames } from "../runtime/open_backend.ts";
import { createRuntime, Runtime, type RuntimeOptions } from "../runtime/runtime.ts";
import { type Plugin, pluginError } from "./plugin.ts";

/** Options of {@linkcode openRuntime}. */
export interface OpenRuntimeOptions extends Omit<RuntimeOptions, "backend"> {
  /** What `createRuntime` takes, or the name of a plugin that brings a backend. Default: `wasm`. */
  readonly backend?: string;
  /** That may bring one. Their hooks have nothing to do with it. */
  readonly plugins?: readonly Plugin[];
}

/** What `backend` may be where there are these plugins, the names that come with Tenon first: a plugin cannot take those. */
export function namesOfBackends(plugins: readonly Plugin[]): readonly string[] {
  return [...new Set([...backendNames, ...plugins.flatMap(({ name, backend }) => backend ? name : [])])];
}

/**
 * A runtime on a backend that is known by name: one that comes with Tenon, or that of a plugin, which is given the other
 * options. Throws a `TypeError` for any other name.
 *
 * @example
 * ```ts
 * import { openRuntime, type Plugin, referenceBackend } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const slow: Plugin = { name: "slow", backend: (options) => ({ ...referenceBackend(options), name: "slow" }) };
 * using runtime = await openRuntime({ backend: "slow", plugins: [slow] });
 * assertEquals(runtime.backend.name, "slow");
 * ```
 */
export async function openRuntime(options: OpenRuntimeOptions = {}): Promise<Runtime> {
  const { backend: name = "wasm", plugins = [], ...rest } = options;
  const builtin = backendNames.find((known) => known === name);
  if (builtin) return await createRuntime({ ...rest, backend: builtin });
  const plugin = plugins.find((p) => p.backend && p.name === name);
  if (!plugin) {
    const names = namesOfBackends(plugins).join(", ");
    throw new TypeError(`Cannot use backend ${JSON.stringify(name)}, expected one of ${names}`);
  }
  try {
    return new Runtime(await plugin.backend!(rest));
  } catch (error) {
    throw pluginError(plugin, "backend", error);
  }
}
