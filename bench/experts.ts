/**
 * What choosing experts saves: tokens per second of a model whose tokens get 2 of 8, beside the same model where all 8 are
 * computed (as where values cannot be looked at) and one without a router whose feed-forward is as wide as 2; in turn.
 *
 *     deno run -A bench/experts.ts [threads]
 *
 * @module
 */
import { createGradients, createModel, createRuntime, type Model, type ModelConfig, Runtime } from "../mod.ts";
import { median } from "./peers/measure.ts";

const DIM = 512, HIDDEN = 1024, DEPTH = 4, PROMPT = 128, STEPS = 16, ROUNDS = 9, threads = Number(Deno.args[0] ?? 1);
const config: ModelConfig = { vocab: 1000, context: 2 * PROMPT, dim: DIM, depth: DEPTH, heads: 8 };
const feedForward = { type: "experts", experts: 8, active: 2, hidden: HIDDEN } as const;
const ids = Array.from({ length: PROMPT }, (_, i) => i * 7919 % 1000);

/** A model on a runtime of its own, which may be one that cannot look at values. */
async function build(parts: Partial<ModelConfig>, weights: "f32" | "q8_0", blind = false): Promise<Model> {
  const { backend } = await createRuntime({ threads }), { peek: _, ...far } = backend;
  return createModel(new Runtime(blind ? far : backend), { ...config, ...parts }, { weights, seed: 1 });
}

type Work = (model: Model) => Promise<number>;

/** Tokens, each of which waits for the one before it. */
const decode: Work = async (model) => {
  using cache = model.newCache();
  const forward = (tokens: readonly number[], start: number) =>
    model.runtime.scope(() => model.runtime.read(model.forward(tokens, { start, cache, last: true })));
  await forward(ids.slice(0, 8), 0);
  const begin = performance.now();
  for (let i = 0; i < STEPS; i++) await forward([ids[i]], 8 + i);
  return STEPS / (performance.now() - begin) * 1000;
};
const prefill: Work = async (model) => {
  const begin = performance.now();
  await model.runtime.scope(() => model.runtime.read(model.forward(ids, { last: true })));
  return PROMPT / (performance.now() - begin) * 1000;
};
const training: Work = async (model) => {
  using gradients = createGradients(model);
  const begin = performance.now();
  await gradients.add({ inputs: ids.slice(0, -1), targets: ids.slice(1) }, { fresh: true });
  return (PROMPT - 1) / (performance.now() - begin) * 1000;
};

console.log(`${DEPTH} blocks of ${DIM}, experts of ${HIDDEN}, ${threads} thread(s), medians of ${ROUNDS}, tokens/s`);
for (const weights of ["f32", "q8_0"] as const) {
  const models = {
    chosen: await build({ feedForward }, weights),
    all: await build({ feedForward }, weights, true),
    "as wide": await build({ feedForward: { type: "swiglu", hidden: 2 * HIDDEN } }, weights),
  };
  const works = { decode, [`prompt of ${PROMPT}`]: prefill, ...(weights === "f32" && { gradients: training }) };
  for (const [name, work] of Object.entries(works)) {
    const rates = Object.fromEntries(Object.keys(models).map((key): [string, number[]] => [key, []]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const [key, model] of Object.entries(models)) {
        const rate = await work(model);
        if (round >= 0) rates[key].push(rate);
      }
    }
    const ratio = (other: string) => median(rates.chosen.map((rate, i) => rate / rates[other][i])).toFixed(2);
    const all = Object.entries(rates).map(([key, list]) => `${key} ${median(list).toFixed(0)}`).join(", ");
    console.log(`${weights}, ${name}: ${all}; chosen/all ${ratio("all")}, chosen/as wide ${ratio("as wide")}`);
  }
  for (const model of Object.values(models)) {
    model.close();
    model.runtime.close();
  }
}
