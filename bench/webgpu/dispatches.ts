/** What JavaScript pays for asking, and what it asks for: with one submission for many dispatches, and with one for each. */
import { createModel, generate, type Runtime } from "../../mod.ts";
import { median } from "../peers/measure.ts";
import { batches } from "../training/sizes.ts";
import { llamaConfig, promptOf, randomModel } from "./models.ts";
import { attempt, type Emit } from "./rows.ts";
import { openRuntime, type Setup, statsOf } from "./setup.ts";
import { gptConfig, trainerOf, trainingSize } from "./training.ts";

/** Rounds that count, and those before them, in which JavaScript is compiled. */
const ROUNDS = 30, WARM = 20;
/** Tokens between two readings, as when the GPU chooses them. */
const RUN = 8;

/** Dispatches, submissions and microseconds of a token and of a training step. */
export async function measureDispatches(setup: Setup, emit: Emit): Promise<void> {
  for (const batch of setup.backend === "webgpu" ? [true, false] : [true]) {
    const about = batch ? "batched" : "one by one";
    using runtime = await openRuntime(setup, { batch });
    for (const measure of [measureRecording, measureGenerated, measureStep]) {
      await attempt(emit, about, () => measure(runtime, setup, about, emit));
    }
  }
}

/** The model whose ops are counted. */
function modelName({ models, small }: Setup): string {
  return models[0] ?? (small ? "tiny" : "15M");
}

/** Decoding steps alone, several between two readings: the time until all of them have been asked for. */
async function measureRecording(runtime: Runtime, setup: Setup, about: string, emit: Emit): Promise<void> {
  using model = await randomModel(runtime, llamaConfig(modelName(setup)));
  using cache = model.newCache(1, (WARM + ROUNDS) * RUN);
  const all: number[] = [], before = statsOf(runtime).dispatches;
  for (let round = 0; round < WARM + ROUNDS; round++) {
    const begin = performance.now();
    for (let i = 0; i < RUN; i++) {
      runtime.scope(() => model.forward([1], { start: round * RUN + i, cache, last: true }));
    }
    if (round >= WARM) all.push(1000 * (performance.now() - begin) / RUN);
    await runtime.read(model.params.get("norm.weight")!.tensor); // before the next: nothing is to wait for the GPU
  }
  const dispatches = (statsOf(runtime).dispatches - before) / (WARM + ROUNDS) / RUN, microseconds = median(all);
  emit(`recording a token of ${modelName(setup)}, ${about}`, {
    "µs": microseconds,
    dispatches,
    ...(dispatches && { "µs/dispatch": microseconds / dispatches }),
  });
}

async function measureGenerated(runtime: Runtime, setup: Setup, about: string, emit: Emit): Promise<void> {
  using model = await randomModel(runtime, llamaConfig(modelName(setup)));
  const maxTokens = setup.small ? 16 : 64, prompt = promptOf(8, model.config.vocab);
  const run = async () => {
    for await (const token of generate(model, prompt, { maxTokens, samplers: ["greedy"] })) void token;
  };
  await run();
  emit(`a token of ${modelName(setup)} by generate, ${about}`, await counted(runtime, run, maxTokens));
}

async function measureStep(runtime: Runtime, setup: Setup, about: string, emit: Emit): Promise<void> {
  const size = trainingSize(setup.small), steps = 3, [example] = batches(size, 1);
  using model = createModel(runtime, gptConfig(size));
  using trainer = trainerOf(model);
  const run = async () => {
    for (let step = 0; step < steps; step++) await trainer.train([example], size.batch);
  };
  await run();
  emit(`a training step, ${about}`, await counted(runtime, run, steps));
}

/** Time and counts of `run` for each of the `times` that it does something. */
async function counted(runtime: Runtime, run: () => Promise<void>, times: number): Promise<Record<string, number>> {
  const before = statsOf(runtime), start = performance.now();
  await run();
  const microseconds = 1000 * (performance.now() - start) / times, after = statsOf(runtime);
  const count = (name: "dispatches" | "submissions" | "reads") => (after[name] - before[name]) / times;
  return {
    "µs": microseconds,
    dispatches: count("dispatches"),
    submissions: count("submissions"),
    reads: count("reads"),
  };
}
