/** Models of Llama's shape with random weights: reading a prompt, and writing token by token. */
import { createModel, generate, type Model, type ModelConfig, type Runtime } from "../../mod.ts";
import { bytesOf } from "../../runtime/tensor.ts";
import { median } from "../peers/measure.ts";
import { attempt, type Emit, percent } from "./rows.ts";
import { openRuntime, randomize, secondsPerRun, type Setup, statsOf, type Weights } from "./setup.ts";

const CONTEXT = 1024, ROUNDS = 5;

/** Sizes of a model. */
interface Shape {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly hidden: number;
  readonly vocab: number;
  readonly tied: boolean;
}

/** llama2.c's two larger models, TinyLlama, and one for software. https://arxiv.org/abs/2401.02385 */
const shapes: Readonly<Record<string, Shape>> = {
  "tiny": { dim: 64, depth: 2, heads: 4, kvHeads: 4, hidden: 176, vocab: 512, tied: true },
  "15M": { dim: 288, depth: 6, heads: 6, kvHeads: 6, hidden: 768, vocab: 32000, tied: true },
  "110M": { dim: 768, depth: 12, heads: 12, kvHeads: 12, hidden: 2048, vocab: 32000, tied: true },
  "1.1B": { dim: 2048, depth: 22, heads: 32, kvHeads: 4, hidden: 5632, vocab: 32000, tied: false },
};

/** Names of the models. */
export const modelNames: readonly string[] = Object.keys(shapes);

/** The config of a model. */
export function llamaConfig(name: string): ModelConfig {
  const { kvHeads, hidden, ...sizes } = shapes[name];
  return {
    ...sizes,
    context: CONTEXT,
    position: "rope",
    norm: "rmsNorm",
    attention: { type: "groupedQuery", kvHeads },
    feedForward: { type: "swiglu", hidden },
  };
}

/** A model with random weights: norms near 1, matrices small enough for activations to stay so. */
export async function randomModel(runtime: Runtime, config: ModelConfig, weights: Weights = "f32"): Promise<Model> {
  const model = createModel(runtime, config, { initialize: false, weights });
  for (const { tensor } of model.params.values()) {
    if (tensor.shape.length === 1) runtime.write(tensor, new Float32Array(tensor.shape[0]).fill(1));
    else await randomize(runtime, tensor, 0.035);
  }
  return model;
}

/** Every model that was asked for, with every kind of weights. */
export async function measureModels(setup: Setup, emit: Emit): Promise<void> {
  const chosen = setup.models.length ? setup.models : setup.small ? ["tiny"] : ["15M", "110M", "1.1B"];
  for (const name of chosen) {
    for (const weights of setup.weights) {
      await attempt(emit, `${name}, ${weights} weights`, () => measureModel(name, weights, setup, emit));
    }
  }
}

async function measureModel(name: string, weights: Weights, setup: Setup, emit: Emit): Promise<void> {
  using runtime = await openRuntime(setup);
  const start = performance.now();
  using model = await randomModel(runtime, llamaConfig(name), weights);
  await runtime.read(model.params.get("norm.weight")!.tensor);
  const about = `${name}, ${weights} weights`, loading = (performance.now() - start) / 1000;
  for (const length of setup.small ? [32] : [128, 512]) await measurePrefill(model, length, about, setup, emit);
  await measureDecode(model, setup.small ? 16 : 128, about, loading, setup, emit);
}

/** Logits of the last of `length` tokens. */
async function measurePrefill(
  model: Model,
  length: number,
  about: string,
  { ceilings }: Setup,
  emit: Emit,
): Promise<void> {
  using cache = model.newCache(1, length);
  const { vocab, dim } = model.config, tokens = promptOf(length, vocab);
  const seconds = await secondsPerRun(
    model.runtime,
    () => void model.forward(tokens, { cache, last: true }),
  );
  const head = 2 * vocab * dim, rate = ((model.describe().flopsPerToken - head) * length + head) / seconds;
  emit(`prefill of ${length}, ${about}`, {
    ms: 1000 * seconds,
    "tokens/s": length / seconds,
    "TFLOP/s": rate / 1e12,
    ...(ceilings && { "of multiply-adds": percent(rate, ceilings.multiply) }),
  });
}

/** `count` tokens after as many: what twice as many take longer. Beside it, what reading the weights alone would take. */
async function measureDecode(
  model: Model,
  count: number,
  about: string,
  loading: number,
  { ceilings }: Setup,
  emit: Emit,
): Promise<void> {
  const prompt = promptOf(16, model.config.vocab), counts = { dispatches: 0, submissions: 0, reads: 0 };
  const run = async (maxTokens: number) => {
    const before = statsOf(model.runtime), start = performance.now();
    for await (const token of generate(model, prompt, { maxTokens, samplers: ["greedy"] })) void token;
    const after = statsOf(model.runtime);
    for (const name of ["dispatches", "submissions", "reads"] as const) counts[name] = after[name] - before[name];
    return (performance.now() - start) / 1000;
  };
  await run(count);
  const all: number[] = [], whole: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [one, two] = [await run(count), await run(2 * count)];
    all.push((two - one) / count);
    whole.push(two / (2 * count));
  }
  const seconds = median(all), bytes = bytesPerToken(model);
  emit(`decode, ${about}`, {
    ms: 1000 * seconds,
    "tokens/s": 1 / seconds,
    "tokens/s, prompt and start included": 1 / median(whole),
    "MB of weights": bytes / 1e6,
    ...(ceilings && {
      "tokens/s at most": ceilings.copy / bytes,
      "of that": percent(bytes / seconds, ceilings.copy),
    }),
    "dispatches/token": counts.dispatches / (2 * count),
    "submissions/token": counts.submissions / (2 * count),
    "reads/token": counts.reads / (2 * count),
    "s to load": loading,
  });
}

/** Bytes of weights that a token reads: all, but for an embedding of which it takes one row. */
function bytesPerToken({ params, config }: Model): number {
  let sum = 0;
  for (const [name, { tensor }] of params) if (config.tied || name !== "embedding.weight") sum += bytesOf(tensor);
  return sum;
}

/** Token ids, spread over the vocabulary. */
export function promptOf(length: number, vocab: number): number[] {
  return Array.from({ length }, (_, i) => (i * 7919 + 1) % vocab);
}
