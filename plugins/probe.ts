import type { ModelSlots } from "../components/component.ts";
import { hasWeights } from "../model/assemble.ts";
import type { Plugin } from "../model/plugin.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { matchesPath } from "./glob.ts";

/** What a layer computed in the last forward pass. */
export interface Captured {
  /** Sizes, outermost axis first. */
  readonly shape: readonly number[];
  /** Elements, row-major. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** A plugin that keeps what layers compute. */
export interface Probe extends Plugin {
  /** What `path` gave in the last forward pass; `undefined` if it did not run or does not match. */
  get(path: string): Promise<Captured | undefined>;
  /** Paths captured so far. */
  paths(): string[];
}

/**
 * Captures by path: a layer's output (`blocks.0`), its input (`blocks.0.in`), or the probabilities of an attention
 * (`blocks.0.attention.weights`, `[batch, heads, time, length]`). In `patterns`, `*` stands for one name and `**` for any
 * number of them. Layers that do not match are left alone and cost nothing.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, probe } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const seen = probe("blocks.*.attention.weights");
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 100, context: 32, dim: 16, depth: 1, heads: 2 }, { plugins: [seen] });
 * runtime.scope(() => model.forward([3, 1, 4]));
 * assertEquals((await seen.get("blocks.0.attention.weights"))?.shape, [1, 2, 3, 3]);
 * ```
 */
export function probe(...patterns: string[]): Probe {
  const captured = new Map<string, { shape: readonly number[]; values: Promise<Float32Array<ArrayBuffer>> }>();
  const wanted = (path: string) => patterns.some((p) => matchesPath(p, path));
  return {
    name: "probe",
    layer<S extends keyof ModelSlots>(slot: S, path: string, layer: ModelSlots[S], runtime: Runtime): ModelSlots[S] {
      const [input, weights] = [wanted(`${path}.in`), slot === "attention" && wanted(`${path}.weights`)];
      const record = (name: string, t: Tensor) => captured.set(name, { shape: t.shape, values: runtime.read(t) });
      if (!("forward" in layer) || !(wanted(path) || input || weights)) return layer;
      const { forward } = layer as { forward(x: Tensor, start: number, cache?: unknown): Tensor };
      return {
        ...layer,
        forward(x: Tensor, start: number, cache?: unknown) {
          if (input) record(`${path}.in`, x);
          if (weights && hasWeights(layer)) {
            runtime.scope(() => record(`${path}.weights`, layer.weights(x, start, cache)));
          }
          const out = forward(x, start, cache);
          if (wanted(path)) record(path, out);
          return out;
        },
      };
    },
    async get(path) {
      const found = captured.get(path);
      return found && { shape: found.shape, values: await found.values };
    },
    paths: () => [...captured.keys()],
  };
}
