/** Training steps of nanoGPT's configuration for a GPU. */
import { createModel, createTrainer, type Example, type Model, type ModelConfig, type Trainer } from "../../mod.ts";
import { median } from "../peers/measure.ts";
import { batches, hyper, type Size, sizes } from "../training/sizes.ts";
import { type Emit, percent } from "./rows.ts";
import { openRuntime, type Setup, statsOf } from "./setup.ts";

/** Its 64 sequences a step, and sizes that software can do. https://github.com/karpathy/nanoGPT */
const LARGE: Size = { ...sizes.large, batch: 64 };
const SMALL: Size = { depth: 2, heads: 2, dim: 64, context: 32, batch: 4, vocab: 65 };
const STEPS = 15, WARM = 3;

/** What is trained. */
export function trainingSize(small: boolean): Size {
  return small ? SMALL : LARGE;
}

/** Its config. */
export function gptConfig({ batch: _, ...size }: Size): ModelConfig {
  return { ...size, position: "learned", norm: { type: "layerNorm", bias: false }, feedForward: "gelu" };
}

/** Its trainer: AdamW, clipped. */
export function trainerOf(model: Model): Trainer {
  const { learningRate, beta1, beta2, eps, decay, clip } = hyper;
  const optimizer = { type: "adamW", beta1, beta2, eps, decay } as const;
  return createTrainer(model, { steps: 1, learningRate, schedule: { at: () => learningRate }, optimizer, clip });
}

/** Milliseconds of a step, with what it computes. */
export async function measureTraining(setup: Setup, emit: Emit): Promise<void> {
  const size = trainingSize(setup.small), { batch, context } = size, tokens = batch * context;
  using runtime = await openRuntime(setup);
  using model = createModel(runtime, gptConfig(size));
  using trainer = trainerOf(model);
  const examples: Example[] = batches(size, 4), all: number[] = [], losses: number[] = [];
  let before = statsOf(runtime);
  for (let step = 0; step < WARM + STEPS; step++) {
    if (step === WARM) before = statsOf(runtime);
    const start = performance.now(), { loss } = await trainer.train([examples[step % examples.length]], batch);
    if (step >= WARM) all.push((performance.now() - start) / 1000);
    losses.push(loss);
  }
  const after = statsOf(runtime), seconds = median(all), { flopsPerToken, flopsPerTokenFull } = model.describe();
  // Attention grows from the first token to the last; going back is twice going forward.
  const rate = 3 * (flopsPerToken + flopsPerTokenFull) / 2 * tokens / seconds;
  emit(`step of ${batch} × ${context} tokens, ${(model.describe().parameters / 1e6).toFixed(2)} M parameters`, {
    ms: 1000 * seconds,
    "ms, least … most": `${(1000 * Math.min(...all)).toFixed(1)} … ${(1000 * Math.max(...all)).toFixed(1)}`,
    "tokens/s": tokens / seconds,
    "TFLOP/s": rate / 1e12,
    ...(setup.ceilings && { "of multiply-adds": percent(rate, setup.ceilings.multiply) }),
    "dispatches/step": (after.dispatches - before.dispatches) / STEPS,
    "submissions/step": (after.submissions - before.submissions) / STEPS,
    "reads/step": (after.reads - before.reads) / STEPS,
    "MB on the GPU": after.bytes / 1e6,
    "loss, first and last": `${losses[0].toFixed(3)}, ${losses[losses.length - 1].toFixed(3)}`,
  });
}
