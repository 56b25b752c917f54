/** Tenon, from this checkout. */
import { createModel, createRuntime, type Layout } from "../../mod.ts";
import { type ModelSize, weights } from "./cases.ts";
import { prepareProduct, transposed } from "./measure.ts";
import { type Model, modelRunner } from "./models.ts";
import type { Runner } from "./protocol.ts";

type Runtime = Awaited<ReturnType<typeof createRuntime>>;

/** Weights are packed once, outside of the time: what a model does. */
export function start(threads: number): Promise<Runner> {
  return startWith(threads, "panels");
}

/** Weights lie in rows, and each product packs them anew: what multiplying two activations costs. */
export function startPacking(threads: number): Promise<Runner> {
  return startWith(threads, "rows");
}

async function startWith(threads: number, layout: Layout): Promise<Runner> {
  const runtime = await createRuntime({ threads });
  const model = modelRunner(({ size }) => Promise.resolve(buildModel(runtime, size)));
  return {
    about: `Tenon, ${runtime.backend.name}`,
    prepare(c) {
      if (c.kind !== "product") return model(c);
      return prepareProduct(c, (a, b) => {
        const { m, k, n, weights } = c, arena = runtime.arena();
        const x = runtime.place(arena, [m, k]), w = runtime.place(arena, [n, k], layout, weights);
        runtime.write(x, a);
        runtime.write(w, transposed(b, k, n));
        return {
          run: () => runtime.scope(() => runtime.ops.matmul(x, w)),
          result: () => runtime.scope(() => runtime.read(runtime.ops.matmul(x, w))),
          close: () => arena.close(),
        };
      });
    },
  };
}

function buildModel(runtime: Runtime, size: ModelSize): Model {
  const { vocab, context, dim, depth, heads, kvHeads, hidden, weights: stored } = size;
  const config = {
    vocab,
    context,
    dim,
    depth,
    heads,
    position: "rope",
    attention: { type: "groupedQuery", kvHeads },
    feedForward: { type: "swiglu", hidden },
  } as const;
  const model = createModel(runtime, config, { initialize: false, weights: stored });
  for (const { name, values } of weights(size)) runtime.write(model.params.get(name)!.tensor, values());
  const cache = model.newCache();
  const forward = (tokens: readonly number[], start: number) =>
    runtime.scope(() => runtime.read(model.forward(tokens, { start, cache, last: true })));
  return {
    read: (tokens) => forward(tokens, 0),
    next: (token, position) => forward([token], position),
  };
}
