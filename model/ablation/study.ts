import type { Json } from "../../components/options.ts";
import type { ResolvedOptions } from "../config.ts";
import type { AblationMode, Variation } from "./plan.ts";
import type { PresetName } from "./presets.ts";

/** How long each trial trains: exactly one of these. */
export interface Budget {
  /** The same number of steps for every arm. */
  readonly steps?: number;
  /** The same floating-point operations: three times those of the forward products. Cheaper arms make more steps. */
  readonly flops?: number;
  /** The same time: steps are timed, arm by arm in turn, and their numbers fixed before the first trial. */
  readonly seconds?: number;
}

/** How a trial trains; what an ablation shares among its arms. */
export interface TrainingSettings {
  /** Sequences in a step. */
  readonly batch: number;
  /** The largest learning rate. */
  readonly learningRate: number;
  /** Share of the steps in which it rises to that, from 0 to 1. */
  readonly warmup: number;
  /** Component. */
  readonly schedule: ResolvedOptions;
  /** Component. */
  readonly optimizer: ResolvedOptions;
  /** Norm that gradients are shortened to, 0 for never. */
  readonly clip: number;
  /** Share that is dropped of attention probabilities, embeddings and what layers add. */
  readonly dropout: number;
  /** Of labels. */
  readonly smoothing: number;
  /** Weight of the z-loss. */
  readonly zLoss: number;
  /** Windows anywhere, or side by side; see `batches`. */
  readonly order: "random" | "epoch";
}

/** How one trial trains: everything beside config, seed, data and code that its result depends on. */
export interface TrialTraining extends Omit<TrainingSettings, "warmup"> {
  /** Of the whole training. */
  readonly steps: number;
  /** Steps in which the learning rate rises. */
  readonly warmup: number;
  /** Evaluations on everything that is held back, the last one at the end. */
  readonly evaluations: number;
  /** Multiples of the context on which the trained model is evaluated, if any. */
  readonly lengths: readonly number[];
  /** Added to the seed for the initial weights alone: not 0 only where an arm is compared with itself. */
  readonly weights: number;
}

/** Sizes that arms are to have in common. */
export interface Match {
  /** What is counted. */
  readonly by: "parameters" | "flops";
  /** The whole number that is chosen for each arm. Default: `feedForward.hidden`. */
  readonly path: string;
  /** Largest deviation from the base, as a share. Default: 0.01. */
  readonly tolerance: number;
  /** Multiples of it are chosen, kernels like 8; where none is near enough, of its half, and so on. */
  readonly multipleOf: number;
}

/** Learning rates that every arm tries before it is compared. */
export interface Sweep {
  /** To try, at least two. */
  readonly learningRates: readonly number[];
  /** How many seeds try each, other ones than those of the comparison. */
  readonly seeds: number;
}

/** Text to learn from. */
export interface TextData {
  /** UTF-8 files and folders of them. */
  readonly files: readonly string[];
  /** Component; `null` to choose by the size of the text. */
  readonly tokenizer: ResolvedOptions | null;
  /** Share that is held back; `null` for a tenth, less of much text. */
  readonly validation: number | null;
}

/** A synthetic task to learn. */
export interface TaskData {
  /** `"associative recall"`. */
  readonly task: string;
  /** Its options. */
  readonly options: Readonly<Record<string, number>>;
  /** Questions of an evaluation. */
  readonly questions: number;
}

/** An ablation, every default filled in: plain JSON. */
export interface Study {
  /** For headings. */
  readonly title: string;
  /** Preset that the base begins with; `null` for the defaults of a config. */
  readonly preset: PresetName | null;
  /** The rest of the base: a config without `vocab`, which the data decides. */
  readonly base: { readonly [key: string]: Json };
  /** What is changed; nothing for the base alone. */
  readonly vary: readonly Variation[];
  /** How changes are combined. */
  readonly mode: AblationMode;
  /** Every arm trains once with each. */
  readonly seeds: readonly number[];
  /** How long. */
  readonly budget: Budget;
  /** Whether sizes are matched. */
  readonly match: Match | null;
  /** How. */
  readonly training: TrainingSettings;
  /** Learning rates that each arm tries; `null` for the same rate everywhere. */
  readonly sweep: Sweep | null;
  /** What from. */
  readonly data: TextData | TaskData;
  /** Evaluations of each trial. */
  readonly evaluations: number;
  /** Multiples of the context to evaluate on; none by default. */
  readonly lengths: readonly number[];
  /** Value of the metric whose time of training is told; `null` for the one that the base ends at. */
  readonly target: number | null;
  /** The smallest difference that would matter, in the unit of the metric. */
  readonly detect: number;
  /** Largest chance of finding a difference where there is none, over all comparisons. */
  readonly alpha: number;
  /** Whether costs are measured. */
  readonly costs: boolean;
}
