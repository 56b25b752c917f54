import type { CrossEntropyOptions } from "../runtime/gradient_kernels.ts";
import { Tape } from "../runtime/tape.ts";
import { describeTensor, size, type Tensor } from "../runtime/tensor.ts";
import type { Model } from "./decoder.ts";

/** A parameter and its gradient, which has the same shape and layout. */
export interface ParamGradient {
  /** `blocks.3.attention.q.weight`. */
  readonly name: string;
  /** The parameter. */
  readonly param: Tensor;
  /** What adds up. */
  readonly gradient: Tensor;
}

/** Tokens and what follows them. */
export interface Example {
  /** `[batch, time]`. */
  readonly inputs: ArrayLike<number>;
  /** The token after each; −1 where none is to be predicted. */
  readonly targets: ArrayLike<number>;
}

/** How a loss is computed. */
export interface LossOptions extends Partial<CrossEntropyOptions> {
  /** Number of sequences in an example. Default: 1. */
  readonly batch?: number;
  /** Blocks are run again on the way back, which needs less memory and more time. Default: `false`. */
  readonly recompute?: boolean;
  /** What the loss is divided by. Default: the number of targets that count. */
  readonly count?: number;
  /** Gradients are set, not added to: saves clearing them. Default: `false`. */
  readonly fresh?: boolean;
}

/** The gradients of a model. */
export interface Gradients extends Disposable {
  /** Of every parameter that may be trained, in order. */
  readonly params: readonly ParamGradient[];
  /** Sets all of them to zero. */
  clear(): void;
  /**
   * Adds the gradient of the mean loss of `example`, and returns that loss. Several examples with `count` set to the number
   * of targets of all of them give what one large example would.
   */
  add(example: Example, options?: LossOptions): Promise<number>;
  /** Gives the memory back. */
  close(): void;
}

/**
 * Room for the gradients of `model`.
 *
 * @example
 * ```ts
 * import { createGradients, createModel, createRuntime } from "@tenon/tenon";
 * import { assert } from "@std/assert";
 *
 * using runtime = await createRuntime();
 * const model = createModel(runtime, { vocab: 20, context: 8, dim: 16, depth: 1, heads: 2 });
 * using gradients = createGradients(model);
 * const loss = await gradients.add({ inputs: [1, 2, 3], targets: [2, 3, 4] });
 * assert(Math.abs(loss - Math.log(20)) < 0.2);
 * ```
 */
export function createGradients(model: Model): Gradients {
  const { runtime } = model, { kernels } = runtime, arena = runtime.arena();
  const params = [...model.params].filter(([, { trainable }]) => trainable).map(([name, { tensor: param }]) => {
    if (param.dtype !== "f32") {
      throw new TypeError(`Cannot train ${name}: it is ${describeTensor(param)}, expected weights in f32`);
    }
    const gradient = runtime.place(arena, param.shape, param.layout);
    kernels.fill(gradient, 0);
    return { name, param, gradient };
  });
  return {
    params,
    clear: () => params.forEach(({ gradient }) => kernels.fill(gradient, 0)),
    async add({ inputs, targets }, { batch = 1, recompute = false, count, fresh = false, ...options } = {}) {
      const counted = count ?? countTargets(targets);
      const losses = runtime.scope(() => {
        const tape = new Tape(runtime);
        for (const { param, gradient } of params) tape.track(param, { ...gradient, empty: fresh });
        const rows = runtime.record(tape, () => {
          const logits = model.forward(inputs, { batch, recompute });
          return runtime.ops.crossEntropy(logits, targets, options);
        });
        const read = runtime.read(rows);
        if (params.length) {
          tape.backward(rows, runtime.tensor(rows.shape, new Float32Array(size(rows.shape)).fill(1 / counted)));
          // Parameters that the loss does not depend on.
          for (const { param } of params) tape.gradient(param);
        }
        return read;
      });
      return (await losses).reduce((sum, loss) => sum + loss, 0) / counted;
    },
    close: () => arena.close(),
    [Symbol.dispose]: () => arena.close(),
  };
}

/** How many targets are to be predicted. */
export function countTargets(targets: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < targets.length; i++) if (targets[i] >= 0) count++;
  return count;
}
