import type { Plugin } from "../model/plugin.ts";
import { matchesPath } from "./glob.ts";

/**
 * Keeps training from changing the parameters whose names match one of `patterns`: `*` stands for one name, `**` for any
 * number of them.
 *
 * @example
 * ```ts
 * import { describeModel, freeze } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const config = { vocab: 100, context: 32, dim: 16, depth: 1, heads: 2 };
 * const { parameters, trainable } = describeModel(config, { plugins: [freeze("embedding.weight")] });
 * assertEquals(parameters - trainable, 100 * 16);
 * ```
 */
export function freeze(...patterns: string[]): Plugin {
  return {
    name: "freeze",
    param: (path, declaration) =>
      patterns.some((p) => matchesPath(p, path)) ? { ...declaration, trainable: false } : declaration,
  };
}
