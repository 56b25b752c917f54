/** The kit's checks of what training chooses: optimizers, schedules, initialisations. */
import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import type { OptimizedParam } from "../components/optimizers/optimizer.ts";
import { type BuiltOptimizer, createOptimizer, createSchedule } from "../model/optimizing.ts";
import { createModel } from "../model/decoder.ts";
import type { ModelConfig } from "../model/config.ts";
import { createRandom } from "../model/random.ts";
import { flat } from "../runtime/optimizer_kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Layout, size, type Tensor } from "../runtime/tensor.ts";

const STEPS = 40, RATE = 0.02;

/** A parameter of each kind, tall and wide, of sides that fill no panel. */
const SHAPES: readonly (Pick<OptimizedParam, "name" | "kind"> & { shape: readonly number[]; layout: Layout })[] = [
  { name: "embedding.weight", kind: "embedding", shape: [11, 6], layout: "rows" },
  { name: "wide.weight", kind: "matrix", shape: [5, 12], layout: "panels" },
  { name: "tall.weight", kind: "matrix", shape: [13, 4], layout: "panels" },
  { name: "norm.weight", kind: "vector", shape: [7], layout: "rows" },
  { name: "head.weight", kind: "head", shape: [11, 6], layout: "panels" },
];

/** A bowl: the gradient of each parameter is its distance from a target. */
interface Bowl {
  readonly params: readonly OptimizedParam[];
  /** Sets the gradients and returns the loss, half the squared distance. */
  slope(): Promise<number>;
}

function bowl(runtime: Runtime): Bowl {
  const arena = runtime.arena();
  const filled = (shape: readonly number[], layout: Layout, purpose: string) => {
    const tensor = runtime.place(arena, shape, layout), random = createRandom(3, purpose);
    runtime.write(tensor, Float32Array.from({ length: size(shape) }, () => 2 * random() - 1));
    return tensor;
  };
  const targets: Tensor[] = [];
  const params = SHAPES.map(({ name, kind, shape, layout }) => {
    targets.push(filled(shape, layout, `target of ${name}`));
    return { name, kind, param: filled(shape, layout, name), gradient: runtime.place(arena, shape, layout) };
  });
  return {
    params,
    async slope() {
      let loss = 0;
      for (const [i, { param, gradient }] of params.entries()) {
        runtime.kernels.combine(gradient, param, targets[i], 1, -1);
        for (const v of await runtime.read(flat(gradient))) loss += v * v / 2;
      }
      return loss;
    },
  };
}

/** Steps `first … last` of `optimizer` on `bowl`. */
async function train(optimizer: BuiltOptimizer, { slope }: Bowl, first: number, last: number): Promise<void> {
  for (let step = first; step <= last; step++) {
    await slope();
    optimizer.step(step, RATE);
  }
}

const readAll = (runtime: Runtime, tensors: Iterable<Tensor>) =>
  Promise.all([...tensors].map((t) => runtime.read(flat(t))));

/**
 * Checks an optimizer on a bowl: it goes down, keeps every number finite and the filling of panels zero, gives the same bits
 * on two threads, and remembers nothing that is not in its state.
 */
export async function testOptimizer(
  [one, two]: readonly [Runtime, Runtime],
  component: Component<"optimizer">,
  config: Readonly<Record<string, unknown>>,
  name: string,
): Promise<void> {
  const build = (runtime: Runtime, { params }: Bowl) =>
    createOptimizer(runtime, { ...config, type: component.type } as never, params, { components: extra(component) });
  const a = bowl(one), b = bowl(two), before = await a.slope();
  using first = build(one, a);
  using second = build(two, b);
  await Promise.all([train(first, a, 1, STEPS), train(second, b, 1, STEPS / 2)]);
  const after = await a.slope();
  if (!(after < before)) throw new Error(`${name} must go down a bowl: from ${before} to ${after}`);
  for (const t of [...a.params.map((p) => p.param), ...first.state.values()]) {
    const [stored, own] = await Promise.all([one.read(flat(t)), one.read(t)]);
    if (stored.filter((v) => v !== 0).length !== own.filter((v) => v !== 0).length) {
      throw new Error(`${name} must leave the filling of panels at zero`);
    }
  }

  using resumed = build(two, b);
  const states = await readAll(two, second.state.values());
  [...resumed.state.values()].forEach((t, i) => two.backend.write(flat(t), states[i]));
  await train(resumed, b, STEPS / 2 + 1, STEPS);
  const [expected, actual] = await Promise.all([
    readAll(one, a.params.map((p) => p.param)),
    readAll(two, b.params.map((p) => p.param)),
  ]);
  expected.forEach((values, i) => {
    if (values.some((v, j) => v !== actual[i][j])) {
      throw new Error(`${name} must go on from its state, on two threads as on one: ${a.params[i].name} differs`);
    }
  });
}

/** Checks a schedule: finite, between 0 and the learning rate, which the end of the warm-up reaches; a function of the step. */
export function testSchedule(
  component: Component<"schedule">,
  config: Readonly<Record<string, unknown>>,
  name: string,
): void {
  const choice = { ...config, type: component.type } as never, options = { components: extra(component) };
  for (const [steps, warmup] of [[100, 10], [100, 0], [1, 1], [30, 30], [1, 0]]) {
    const schedule = createSchedule(choice, { steps, warmup, learningRate: 0.3 }, options);
    const rates = Array.from({ length: steps + 5 }, (_, i) => schedule.at(i + 1));
    if (!rates.every((rate) => rate >= 0 && rate <= 0.3 * (1 + 1e-12))) {
      throw new Error(`${name} must stay between 0 and the learning rate: ${rates}`);
    }
    if (warmup && Math.abs(rates[warmup - 1] - 0.3) > 1e-12) {
      throw new Error(`${name} must reach the learning rate at the end of the warm-up: ${rates[warmup - 1]} of 0.3`);
    }
    if (rates.toReversed().some((rate, i) => rate !== schedule.at(steps + 5 - i))) {
      throw new Error(`${name} must depend on the step alone`);
    }
  }
}

/** Checks an initialisation: finite weights, not all the same, decided by the seed. */
export async function testInit(
  [one, two]: readonly [Runtime, Runtime],
  config: ModelConfig,
  components: readonly Component[],
  name: string,
): Promise<void> {
  const weights = async (runtime: Runtime, seed: number) => {
    using model = createModel(runtime, { ...config, tied: false }, { components: components as never, seed });
    const matrices = [...model.params].filter(([, { tensor }]) => tensor.shape.length === 2);
    return await Promise.all(matrices.map(([, { tensor }]) => runtime.read(tensor)));
  };
  const [first, again, other] = await Promise.all([weights(one, 1), weights(two, 1), weights(one, 2)]);
  if (!first.every((w) => w.every(Number.isFinite) && w.some((v) => v !== w[0]))) {
    throw new Error(`${name} must give finite weights that differ`);
  }
  if (String(first) !== String(again)) throw new Error(`${name} must give the same weights for the same seed`);
  if (String(first) === String(other)) throw new Error(`${name} must give other weights for another seed`);
}

/** The component where it is not built in: `createOptimizer` knows the others. */
function extra(component: unknown): readonly never[] {
  return known.has(component) ? [] : [component as never];
}

const known = new Set<unknown>(builtins);
