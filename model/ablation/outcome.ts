import type { ResolvedConfig } from "../config.ts";
import type { Change } from "./plan.ts";
import type { Study, TrialTraining } from "./study.ts";
import type { Summary } from "./statistics.ts";
import type { Verdict } from "./verdict.ts";

/** A loss at a step. */
export interface CurvePoint {
  /** Steps made. */
  readonly step: number;
  /** In nats for each target. */
  readonly loss: number;
}

/** What an evaluation on everything that was held back found. */
export interface Score {
  /** Mean, in nats for each target. */
  readonly loss: number;
  /** Share of answers that are right in every token; of tasks alone. */
  readonly exactMatch?: number;
}

/** The score of a model on windows of another length than it was trained on. */
export interface LengthScore {
  /** Tokens of a window. */
  readonly length: number;
  /** Mean over all tokens, in nats; `null`, as JSON has nothing else for it, where it is not finite. */
  readonly loss: number | null;
}

/** One training, as a line of `results.jsonl`. It holds nothing that differs between two runs of the same trial. */
export interface TrialResult {
  /** What tells the trial apart: see `trialKey`. */
  readonly key: string;
  /** Name of its arm. */
  readonly arm: string;
  /** Of data order and weights. */
  readonly seed: number;
  /** `diverged`: a number was not finite, or the training ended more than a tenth above the loss that it began with. */
  readonly outcome: "finished" | "diverged";
  /** Why it counts as diverged. */
  readonly reason?: string;
  /** Steps made. */
  readonly steps: number;
  /** After the last step. Of a diverged trial the last one that there is, if any. */
  readonly score?: Score;
  /** Evaluations by step, the last one included. */
  readonly evaluations: readonly (Score & { readonly step: number })[];
  /** Training loss: means of up to 100 equal parts of the steps, each at its last step. */
  readonly curve: readonly CurvePoint[];
  /** On longer windows, where that was asked for. */
  readonly lengths?: readonly LengthScore[];
  /** SHA-256 of the weights; see `hashWeights`. */
  readonly weights: string;
  /** The model. */
  readonly config: ResolvedConfig;
  /** How it was trained. */
  readonly training: TrialTraining;
  /** Tells the data apart. */
  readonly data: string;
  /** Tells the code apart. */
  readonly code: string;
}

/** What a model costs. Everything but counts was measured, undisturbed, in turn with the other arms; medians. */
export interface Costs {
  /** Trained values. */
  readonly parameters: number;
  /** Those outside embedding and head. */
  readonly bodyParameters: number;
  /** Floating-point operations of products for a token of a prompt, attention included, averaged over the context. */
  readonly flopsPerToken: number;
  /** Bytes of a cache for each position. */
  readonly cacheBytesPerToken: number;
  /** Linear memory that a training step takes, weights, gradients and optimizer included, in bytes. */
  readonly peakBytes: number;
  /** Tokens that are trained on in a second. */
  readonly trainingRate: number;
  /** Prompt tokens in a second, a prompt of the context's length but one. */
  readonly prefillRate: number;
  /** Tokens that are generated in a second after half a context. */
  readonly decodeRate: number;
}

/** How the learning rate of an arm was chosen. */
export interface LearningRateChoice {
  /** Every rate that was tried and what the tuning seeds came to, on average; `undefined` where one diverged. */
  readonly tried: readonly { readonly learningRate: number; readonly value: number | undefined }[];
  /** The best one is the smallest or largest that was tried, so a better one may lie outside. */
  readonly atEdge: boolean;
}

/** One arm of an ablation. */
export interface ArmOutcome {
  /** As planned: `base`, `norm=rmsNorm`, `+ norm=rmsNorm`. */
  readonly name: string;
  /** The model, after sizes were matched. */
  readonly config: ResolvedConfig;
  /** What makes it differ from the base. */
  readonly changes: readonly Change[];
  /** Where it was resized to match the base: the value that was chosen at a path, and how far off it is. */
  readonly matched?: { readonly path: string; readonly value: number; readonly deviation: number };
  /** How it was trained. */
  readonly training: TrialTraining;
  /** Where rates were swept. */
  readonly sweep?: LearningRateChoice;
  /** Every trial, by seed. */
  readonly runs: readonly TrialResult[];
  /** Of the metric over runs that finished; `undefined` where none did. */
  readonly summary: Summary | undefined;
  /** Runs that diverged. */
  readonly diverged: number;
  /** What it costs; absent where costs were not measured. */
  readonly costs?: Costs;
}

/** One comparison of two arms. */
export interface Comparison extends Verdict {
  /** Name of the arm. */
  readonly arm: string;
  /** Name of what it is compared with. */
  readonly against: string;
}

/** What is compared. */
export interface Metric {
  /** Which number of a {@linkcode Score}. */
  readonly key: "loss" | "exactMatch";
  /** `validation loss`. */
  readonly label: string;
  /** `nats per token`; empty for a share. */
  readonly unit: string;
  /** Which values are better. */
  readonly better: "lower" | "higher";
}

/** What the trials learn from. */
export interface DataSummary {
  /** For a person. */
  readonly describe: string;
  /** SHA-256 of all of it. */
  readonly hash: string;
  /** Number of different tokens. */
  readonly vocab: number;
  /** Tokens to train on; absent for a task, which has no end. */
  readonly trainTokens?: number;
  /** Targets of an evaluation; of a task the number of its questions. */
  readonly validationTokens: number;
  /** Bytes of text that a token of the validation stands for; absent for a task. */
  readonly bytesPerToken?: number;
}

/** Everything that an ablation found: plain JSON, from which reports are made. */
export interface AblationOutcome {
  /** For headings. */
  readonly title: string;
  /** The command that repeats it, if it was one. */
  readonly command?: string;
  /** What was asked for, every default filled in. */
  readonly study: Study;
  /** What was learned from. */
  readonly data: DataSummary;
  /** What was compared. */
  readonly metric: Metric;
  /** `0.1.0 relaxed`: version and build of the kernels. */
  readonly code: string;
  /** `2 cores, Deno 2.9.6, linux x86_64`. */
  readonly machine: string;
  /** The base first. */
  readonly arms: readonly ArmOutcome[];
  /** In the order of the arms; of a path each step against the one before it, then the last against the base. */
  readonly comparisons: readonly Comparison[];
  /** Results in the same folder that are of other data, configs, trainings, seeds or code, and were not used. */
  readonly unused: number;
}
