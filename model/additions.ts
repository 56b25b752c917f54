import type { Component } from "../components/component.ts";
import type { Plugin } from "./plugin.ts";

/** What modules add to Tenon. */
export interface Additions {
  /** Exported plugins, in the order of the modules and of the exports. */
  readonly plugins: readonly Plugin[];
  /** Exported components. */
  readonly components: readonly Component[];
}

/** Components that configs may name beside those built in: given ones, then those that plugins bring. */
export function componentsOf({ components, plugins }: Additions): readonly Component[] {
  return [...components, ...plugins.flatMap((plugin) => plugin.components ?? [])];
}

/**
 * Imports modules: a path (from the current folder), or a specifier such as `jsr:@me/norms`. Every export that is a
 * component or a plugin is taken, lists of them too. Throws a `TypeError` for a module that cannot be imported or exports
 * neither.
 */
export async function importAdditions(specifiers: readonly string[]): Promise<Additions> {
  const plugins: Plugin[] = [], components: Component[] = [];
  for (const specifier of specifiers) {
    let module: Record<string, unknown>;
    try {
      module = await import(resolve(specifier));
    } catch (error) {
      throw new TypeError(`Cannot use ${specifier}: it cannot be imported: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const before = plugins.length + components.length;
    for (const value of new Set(Object.values(module).flat())) {
      if (isComponent(value)) components.push(value);
      else if (isPlugin(value)) plugins.push(value);
    }
    if (plugins.length + components.length === before) {
      throw new TypeError(
        `Cannot use ${specifier}: it exports ${
          Object.keys(module).join(", ") || "nothing"
        }, expected a component or a plugin`,
      );
    }
  }
  return { plugins, components };
}

function resolve(specifier: string): string {
  const isPath = /^([./]|[a-z]:[\\/]|[^:]*$)/i.test(specifier);
  const escaped = (path: string) => path.replace(/[%#?]/g, encodeURIComponent);
  return isPath ? new URL(escaped(specifier), `file://${escaped(Deno.cwd())}/`).href : specifier;
}

function isComponent(value: unknown): value is Component {
  const { slot, type, options, build } = (value ?? {}) as Partial<Component>;
  return typeof slot === "string" && typeof type === "string" && typeof options === "object" &&
    typeof build === "function";
}

function isPlugin(value: unknown): value is Plugin {
  if (typeof value !== "object" || value === null || typeof (value as Plugin).name !== "string") return false;
  const parts: readonly (keyof Plugin)[] = [
    "components",
    "checkpoints",
    "backend",
    "config",
    "param",
    "layer",
    "logits",
    "step",
    "train",
  ];
  return parts.some((part) => part in value);
}
