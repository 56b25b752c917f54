import type { ModelSlots, Position } from "../components/component.ts";
import type { Plugin, TrainEvent } from "./plugin.ts";
import { createRandom } from "./random.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../runtime/tensor.ts";

/** Options of {@linkcode dropout}. */
export interface DropoutOptions {
  /** Share of attention probabilities that is dropped. Default: 0. */
  readonly attention?: number;
  /** Share of what attention and feed-forward add to the residual stream that is dropped. Default: 0. */
  readonly residual?: number;
  /** Share of the embeddings, positions added, that is dropped. Default: 0. */
  readonly embedding?: number;
  /** Decides which elements. Default: 0. */
  readonly seed?: number;
}

/**
 * Dropout: while a model is trained by {@linkcode createTrainer}, elements are set to 0 with probability `rate`, the
 * others divided by `1 − rate`; at any other time nothing is changed. Srivastava et al. 2014,
 * https://jmlr.org/papers/v15/srivastava14a.html
 *
 * What is dropped follows from seed, layer, step and example alone: a training that is resumed drops what it would have
 * dropped. With it, several small examples no longer give what one large one would.
 *
 * Throws a `RangeError` for a rate that is not from 0, below 1.
 *
 * @example
 * ```ts
 * import { createModel, createRuntime, createTrainer, dropout } from "@tenon/tenon";
 *
 * using runtime = await createRuntime();
 * const config = { vocab: 10, context: 8, dim: 16, depth: 1, heads: 2 };
 * const model = createModel(runtime, config, { plugins: [dropout({ residual: 0.1, embedding: 0.1 })] });
 * using trainer = createTrainer(model, { steps: 10, learningRate: 1e-3 });
 * await trainer.train([{ inputs: [1, 2, 3], targets: [2, 3, 1] }], 1);
 * ```
 */
export function dropout({ attention = 0, residual = 0, embedding = 0, seed = 0 }: DropoutOptions = {}): Plugin {
  for (const [name, rate] of Object.entries({ attention, residual, embedding })) {
    if (!(rate >= 0 && rate < 1)) throw new RangeError(`Cannot use ${name} dropout ${rate}, expected 0 ≤ rate < 1`);
  }
  if (!Number.isInteger(seed)) throw new RangeError(`Cannot use seed ${seed}, expected a whole number`);
  let now: TrainEvent | undefined;
  const wordOf = (path: string, { step, example }: TrainEvent) =>
    Math.floor(createRandom(seed, `dropout of ${path} in step ${step}, example ${example}`)() * 2 ** 32);
  const drop = (x: Tensor, rate: number, path: string, { ops }: Runtime) =>
    now && rate ? ops.dropout(x, rate, wordOf(path, now)) : x;
  return {
    name: "dropout",
    train: (event) => void (now = event),
    layer<S extends keyof ModelSlots>(slot: S, path: string, layer: ModelSlots[S], runtime: Runtime): ModelSlots[S] {
      if (slot === "position" && embedding) {
        const { embed = (x: Tensor) => x } = layer as Position;
        return { ...layer, embed: (x: Tensor, start: number) => drop(embed(x, start), embedding, path, runtime) };
      }
      const inside = slot === "attention" ? attention : 0;
      if ((slot !== "attention" && slot !== "feedForward") || !(residual || inside)) return layer;
      const { forward } = layer as { forward(x: Tensor, start: number, cache?: unknown): Tensor };
      return {
        ...layer,
        forward(x: Tensor, start: number, cache?: unknown) {
          const run = () => forward(x, start, cache), seed = now && inside ? wordOf(`${path}.weights`, now) : undefined;
          const out = seed === undefined ? run() : runtime.dropAttention({ rate: inside, seed }, run);
          return drop(out, residual, path, runtime);
        },
      };
    },
  };
}

/** {@linkcode dropout} at the same rate at every site, as plugins: none for a rate of 0. */
export function dropoutEverywhere(rate: number, seed = 0): Plugin[] {
  return rate ? [dropout({ attention: rate, residual: rate, embedding: rate, seed })] : [];
}
