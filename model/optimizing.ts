import { type Builtin, builtins } from "../components/builtins.ts";
import type { Component, ConfigOf } from "../components/component.ts";
import type { OptimizedParam, Optimizer, ParamKind } from "../components/optimizers/optimizer.ts";
import type { Schedule, ScheduleContext } from "../components/schedules/schedule.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { describeTensor, type Tensor } from "../runtime/tensor.ts";
import { resolveComponent, type ResolvedOptions } from "./config.ts";

/** Components beside those built in that a choice may name. */
export interface ChoiceOptions<C extends Component = Component> {
  /** Default: none. */
  readonly components?: readonly C[];
}

/** An optimizer and its memory. */
export interface BuiltOptimizer extends Optimizer, Disposable {
  /** Its config, every default filled in. */
  readonly config: ResolvedOptions;
  /** What it remembers between steps, by name: what a checkpoint must hold to go on. */
  readonly state: ReadonlyMap<string, Tensor>;
  /** Memory of the state. */
  readonly bytes: number;
  /** Gives the memory of the state back. */
  close(): void;
}

/**
 * Builds an optimizer for `params`, its state all zeros. Throws a `TypeError` for a choice that is wrong and for gradients
 * that do not lie as their parameters do.
 *
 * @example
 * ```ts
 * import { createOptimizer, createRuntime } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * using runtime = await createRuntime({ threads: 1 });
 * const param = runtime.tensor([2], [1, -1]), gradient = runtime.tensor([2], [0.5, 3]);
 * using sgd = createOptimizer(runtime, { type: "sgd", momentum: 0 }, [{ name: "w", param, gradient, kind: "vector" }]);
 * sgd.step(1, 0.5);
 * assertEquals(await runtime.read(param), Float32Array.of(0.75, -2.5));
 * ```
 */
export function createOptimizer<const C extends Component = never>(
  runtime: Runtime,
  choice: ConfigOf<Builtin | C, "optimizer">,
  params: readonly OptimizedParam[],
  { components = [] }: ChoiceOptions<C> = {},
): BuiltOptimizer {
  const { component, config } = resolveComponent([...builtins, ...components], "optimizer", choice, "optimizer");
  for (const { name, param, gradient } of params) {
    if (String(gradient.shape) === String(param.shape) && gradient.layout === param.layout) continue;
    const found = `the gradient is ${describeTensor(gradient)}`;
    throw new TypeError(`Cannot optimize ${name}: ${found}, expected ${describeTensor(param)}`);
  }
  const arena = runtime.arena(), state = new Map<string, Tensor>(), { type: _, ...options } = config;
  const optimizer = (component as Component<"optimizer">).build(options, {
    params,
    kernels: runtime.kernels,
    ops: runtime.ops,
    scope: (f) => runtime.scope(f),
    temp: (shape, dtype, layout) => runtime.temp(shape, dtype, layout),
    state(name, like) {
      if (state.has(name)) throw new TypeError(`Cannot declare ${name} twice, expected a name of its own`);
      const tensor = "ptr" in like ? runtime.place(arena, like.shape, like.layout) : runtime.place(arena, like);
      runtime.kernels.fill(tensor, 0);
      state.set(name, tensor);
      return tensor;
    },
  });
  return {
    config,
    state,
    step(step, learningRate) {
      if (!(Number.isInteger(step) && step > 0)) {
        throw new RangeError(`Cannot make step ${step}, expected a whole number from 1`);
      }
      if (!(Number.isFinite(learningRate) && learningRate >= 0)) {
        throw new RangeError(`Cannot make step ${step} with learning rate ${learningRate}, expected a number from 0`);
      }
      optimizer.step(step, learningRate);
    },
    get bytes() {
      return arena.bytes;
    },
    close: () => arena.close(),
    [Symbol.dispose]: () => arena.close(),
  };
}

/**
 * Builds a schedule. Throws a `TypeError` for a choice that is wrong and a `RangeError` for a warm-up that is longer than the
 * training.
 *
 * @example
 * ```ts
 * import { createSchedule } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const schedule = createSchedule({ type: "linear" }, { steps: 8, warmup: 4, learningRate: 1 });
 * assertEquals([1, 2, 4, 6, 8].map((step) => schedule.at(step)), [0.25, 0.5, 1, 0.5, 0]);
 * ```
 */
export function createSchedule<const C extends Component = never>(
  choice: ConfigOf<Builtin | C, "schedule">,
  context: ScheduleContext,
  { components = [] }: ChoiceOptions<C> = {},
): Schedule {
  const { steps, warmup, learningRate } = context;
  if (!(Number.isInteger(steps) && steps > 0)) {
    throw new RangeError(`Cannot plan ${steps} steps, expected a whole number from 1`);
  }
  if (!(Number.isInteger(warmup) && warmup >= 0 && warmup <= steps)) {
    throw new RangeError(
      `Cannot warm up for ${warmup} of ${steps} steps, expected a whole number from 0 up to ${steps}`,
    );
  }
  if (!(Number.isFinite(learningRate) && learningRate >= 0)) {
    throw new RangeError(`Cannot plan a learning rate of ${learningRate}, expected a number from 0`);
  }
  const { component, config: { type: _, ...options } } = resolveComponent(
    [...builtins, ...components],
    "schedule",
    choice,
    "schedule",
  );
  return (component as Component<"schedule">).build(options, context);
}

/** What a parameter of a decoder is for, by its name and shape. A matrix of positions is an embedding. */
export function paramKind(name: string, shape: readonly number[]): ParamKind {
  if (shape.length !== 2) return "vector";
  if (name === "head.weight") return "head";
  return name === "embedding.weight" || name.startsWith("position.") ? "embedding" : "matrix";
}
