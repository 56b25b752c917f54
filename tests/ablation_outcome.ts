/** Outcomes of ablations that never ran: real plans, models and statistics on losses from a formula. */
import type { AblationOutcome, ArmOutcome, Costs, Metric, Score, TrialResult } from "../model/ablation/outcome.ts";
import { type AblationMode, type Arm, planArms, type Variation } from "../model/ablation/plan.ts";
import { presetConfig, presetPath } from "../model/ablation/presets.ts";
import { compareArms } from "../model/ablation/comparisons.ts";
import { summary } from "../model/ablation/statistics.ts";
import type { Study, TrialTraining } from "../model/ablation/study.ts";
import type { ModelConfig, ResolvedOptions } from "../model/config.ts";
import { describeModel } from "../model/decoder.ts";
import { createRandom } from "../model/random.ts";

/** What an outcome is to be like. */
export interface SampleOptions {
  /** Default: 5 seeds from 1. */
  readonly seeds?: readonly number[];
  /** How the arms are combined: the first steps of Vaswani's decoder to Llama's by default. */
  readonly mode?: AblationMode;
  /** What is changed. */
  readonly vary?: readonly Variation[];
  /** Sizes and slots beside the default ones. */
  readonly base?: Partial<ModelConfig>;
  /** How much lower the loss of an arm is than that of the base (path: of the step before), by index; none: 0. */
  readonly gains?: readonly number[];
  /** How many runs of an arm diverge, by its index. */
  readonly diverged?: Readonly<Record<number, number>>;
  /** Default: true. */
  readonly costs?: boolean;
  /** Multiples of the context. */
  readonly lengths?: readonly number[];
  /** Whether exact match of a task is compared. */
  readonly task?: boolean;
  /** Whether every arm chose its learning rate. */
  readonly sweep?: boolean;
  /** Whether sizes were matched. */
  readonly match?: boolean;
  /** Names of arms in place of those planned, by index. */
  readonly names?: Readonly<Record<number, string>>;
  /** Default: 0.012. */
  readonly noise?: number;
  /** Everything else that is to be different. */
  readonly others?: Partial<AblationOutcome>;
}

const STEPS = 2000, EVALUATIONS = 8, LEARNING_RATE = 0.003;

/** Vaswani's decoder, step by step Llama's: five arms, five seeds. */
export const pathOptions: SampleOptions = { gains: [0, 0.012, 0.16, 0.03, 0.055] };

/** Ten arms of one base, one of which diverges, with longer windows. */
export const manyOptions: SampleOptions = {
  mode: "one-at-a-time",
  vary: [
    { path: "position", values: ["alibi", { type: "rope", base: 500 }, "none", "learned"] },
    { path: "norm", values: ["layerNorm", "none"] },
    { path: "feedForward", values: ["gelu", "reglu"] },
    { path: "block", values: ["postNorm"] },
  ],
  gains: [0, -0.004, 0.002, -0.11, -0.05, 0, 0, -0.045, 0.001, -0.3],
  diverged: { 6: 5, 9: 2 },
  lengths: [1, 2, 4, 8],
  match: true,
  sweep: true,
};

/** Exact match of a task, four arms. */
export const taskOptions: SampleOptions = {
  mode: "one-at-a-time",
  task: true,
  base: { vocab: 40, context: 34 },
  vary: [{ path: "position", values: ["alibi", "none"] }, { path: "attention.window", values: [8] }],
  gains: [0, 0.25, -0.02, -0.9],
  noise: 0.05,
};

/** An outcome; equal options, equal outcomes. */
export function sampleOutcome(options: SampleOptions = {}): AblationOutcome {
  const { seeds = [1, 2, 3, 4, 5], mode = "path", task = false, costs = true, lengths = [], names = {} } = options;
  const sizes = { vocab: 512, context: 64, dim: 64, depth: 4, heads: 4 };
  const base = mode === "path" ? presetConfig("vaswani", sizes, options.base) : { ...sizes, ...options.base };
  const vary = options.vary ?? presetPath("vaswani", "llama").map(({ path, value }) => ({ path, values: [value] }));
  const metric: Metric = task
    ? { key: "exactMatch", label: "exact match", unit: "", better: "higher" }
    : { key: "loss", label: "validation loss", unit: "nats per token", better: "lower" };
  const study = sampleStudy(options, base, vary, seeds);
  const planned = planArms({ base, vary, mode });
  let level = task ? 1.1 : 2.31;
  const arms = planned.map((arm, i): ArmOutcome => {
    const gain = options.gains?.[i] ?? 0, floor = level - gain;
    if (mode === "path") level = floor;
    const name = names[i] ?? arm.name;
    const learningRate = options.sweep && i % 3 === 1 ? 2 * LEARNING_RATE : LEARNING_RATE;
    const training = {
      ...study.training,
      learningRate,
      steps: STEPS,
      warmup: 100,
      evaluations: EVALUATIONS,
      lengths,
      weights: 0,
    };
    const lost = options.diverged?.[i] ?? 0;
    const runs = seeds.map((seed, k) => sampleRun({ ...arm, name }, i, seed, k < lost, floor, training, options));
    const finished = runs.flatMap((run) => run.outcome === "finished" ? [run.score![metric.key]!] : []);
    return {
      ...arm,
      name,
      ...(options.match && i > 0
        ? { matched: { path: "feedForward.hidden", value: 168 + 8 * i, deviation: 0.0031 * ((i % 3) - 1) } }
        : {}),
      training,
      ...(options.sweep ? { sweep: sampleSweep(learningRate, floor, i === 4) } : {}),
      runs,
      summary: finished.length ? summary(finished) : undefined,
      diverged: lost,
      ...(costs ? { costs: sampleCosts(arm, i) } : {}),
    };
  });
  return {
    title: task
      ? "Associative recall: positions"
      : mode === "path"
      ? "From Vaswani to Llama"
      : "Parts of a small Llama",
    command: `deno run -A train.ts ablate --data stories.txt --seeds ${seeds.join(",")} --out results/`,
    study,
    data: {
      describe: task ? "associative recall with 8 pairs" : "4.1 MB of stories, 512 byte-pair tokens",
      hash: digits(64, createRandom(0, "data")),
      vocab: sizes.vocab,
      ...(task ? {} : { trainTokens: 1_302_118, bytesPerToken: 2.71 }),
      validationTokens: task ? 1000 : 68_544,
    },
    metric,
    code: "0.1.0 relaxed",
    machine: "2 cores, Deno 2.9.6, linux x86_64",
    arms,
    comparisons: compareArms(arms, metric, study),
    unused: 0,
    ...options.others,
  };
}

function sampleStudy(
  { mode = "path", task, costs = true, lengths = [], sweep, match }: SampleOptions,
  base: ModelConfig,
  vary: readonly Variation[],
  seeds: readonly number[],
): Study {
  const { vocab: _, ...rest } = base;
  return {
    title: "",
    preset: mode === "path" ? "vaswani" : null,
    base: rest as unknown as Study["base"],
    vary,
    mode,
    seeds,
    budget: { steps: STEPS },
    match: match ? { by: "parameters", path: "feedForward.hidden", tolerance: 0.01, multipleOf: 8 } : null,
    training: {
      batch: 16,
      learningRate: LEARNING_RATE,
      warmup: 0.05,
      schedule: { type: "cosine", end: 0.1 },
      optimizer: { type: "adamW", decay: 0.1 },
      clip: 1,
      dropout: 0,
      smoothing: 0,
      zLoss: 0,
      order: "random",
    },
    sweep: sweep ? { learningRates: [0.0015, 0.003, 0.006], seeds: 2 } : null,
    data: task
      ? { task: "associative recall", options: { pairs: 8 }, questions: 1000 }
      : { files: ["stories.txt"], tokenizer: { type: "bpe", vocab: 512 }, validation: 0.05 },
    evaluations: EVALUATIONS,
    lengths,
    detect: 0.01,
    target: null,
    alpha: 0.05,
    costs,
  };
}

function sampleRun(
  arm: Arm,
  index: number,
  seed: number,
  diverges: boolean,
  floor: number,
  training: TrialTraining,
  { noise = 0.012, task }: SampleOptions,
): TrialResult {
  const own = createRandom(seed, `run ${index}`), common = createRandom(seed, "seed");
  const normal = (random: () => number) => random() + random() + random() + random() - 2;
  const level = floor + noise * (1.4 * normal(common) + normal(own)), steps = diverges ? 640 : training.steps;
  const start = Math.log(arm.config.vocab);
  const at = (step: number) => level + (start - level) * (1 + step / 60) ** -1.1;
  const jitter = () => 0.03 * normal(own);
  const score = (loss: number): Score => ({
    loss,
    ...(task ? { exactMatch: Math.round(1000 / (1 + Math.exp(14 * (loss - 1.25)))) / 1000 } : {}),
  });
  const every = training.steps / training.evaluations;
  const evaluations = Array.from({ length: Math.floor(steps / every) }, (_, i) => {
    return { step: every * (i + 1), ...score(at(every * (i + 1)) + 0.02) };
  });
  const last = evaluations[evaluations.length - 1], { config } = arm, { context } = config;
  const [position] = [config.position].flat() as ResolvedOptions[];
  const worse = position.type === "alibi" ? 0.004 : position.type === "rope" ? 0.35 : 0.12;
  return {
    key: digits(64, createRandom(seed, `key ${index}`)),
    arm: arm.name,
    seed,
    outcome: diverges ? "diverged" : "finished",
    ...(diverges ? { reason: `the loss of step ${steps} is NaN` } : {}),
    steps,
    ...(last ? { score: score(last.loss) } : {}),
    evaluations,
    curve: Array.from(
      { length: steps / 20 },
      (_, i) => ({ step: 20 * (i + 1), loss: at(20 * (i + 1) - 10) + jitter() }),
    ),
    ...(training.lengths.length && position.type !== "learned" && !diverges
      ? {
        lengths: training.lengths.map((m) => {
          return { length: m * context, loss: level + 0.03 + worse * Math.log2(m) ** 1.5 * (1 + 0.2 * normal(own)) };
        }),
      }
      : {}),
    weights: digits(64, createRandom(seed, `weights ${index}`)),
    config,
    training,
    data: "d",
    code: "0.1.0 relaxed",
  };
}

function sampleCosts({ config }: Arm, index: number): Costs {
  const d = describeModel(config as unknown as ModelConfig), pace = 1 + 0.04 * Math.sin(5 * index);
  const flopsPerToken = (d.flopsPerToken + d.flopsPerTokenFull) / 2;
  return {
    parameters: d.parameters,
    bodyParameters: d.parameters - config.vocab * config.dim,
    flopsPerToken,
    cacheBytesPerToken: d.cacheBytesPerToken,
    peakBytes: 61_341_696 + 262_144 * index,
    trainingRate: pace * 9e9 / flopsPerToken,
    prefillRate: pace * 3.1e10 / flopsPerToken,
    decodeRate: pace * 1.2e10 / flopsPerToken,
  };
}

function sampleSweep(chosen: number, floor: number, diverges: boolean) {
  const tried = [0.0015, 0.003, 0.006].map((learningRate) => ({
    learningRate,
    value: diverges && learningRate === 0.006 ? undefined : floor + 0.02 + 0.05 * Math.log2(learningRate / chosen) ** 2,
  }));
  return { tried, atEdge: chosen === 0.006 };
}

function digits(count: number, random: () => number): string {
  return Array.from({ length: count }, () => Math.floor(16 * random()).toString(16)).join("");
}
