/** Tenon, from this checkout. */
import { createModel, createRuntime, createTrainer, type Runtime } from "../../mod.ts";
import type { Job, Step, Trainer } from "./protocol.ts";

/** Starts it. */
export async function start(threads: number): Promise<Trainer> {
  const runtime = await createRuntime({ threads });
  return { about: `Tenon, ${runtime.backend.name}`, train: (job) => trainOn(runtime, job) };
}

/** Builds the model on `runtime`. */
export function trainOn(runtime: Runtime, { size, hyper, weights }: Job): Step {
  const { depth, heads, dim, context, batch, vocab } = size;
  const { learningRate, beta1, beta2, eps, decay, clip, normEps } = hyper;
  const model = createModel(runtime, {
    vocab,
    context,
    dim,
    depth,
    heads,
    position: "learned",
    norm: { type: "layerNorm", bias: false, eps: normEps },
    feedForward: "gelu",
  }, { initialize: false });
  for (const [name, { tensor }] of model.params) runtime.write(tensor, weights.get(name)!);
  const trainer = createTrainer(model, {
    steps: 1,
    learningRate,
    schedule: { at: () => learningRate },
    optimizer: { type: "adamW", beta1, beta2, eps, decay },
    clip,
  });
  return async (example) => (await trainer.train([example], batch)).loss;
}
