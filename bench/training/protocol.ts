/**
 * What the parent and its children say to each other, one JSON object a line, beside `Ready` and `Failed` of
 * ../peers/protocol.ts, and what a trainer has to be.
 */
import type { Batch, Hyper, Parameter, Size } from "./sizes.ts";

/** From the parent. */
export type Command = Prepare | Measure;

/** Build the model and make the first steps. */
export interface Prepare {
  /** Tells it from the other command. */
  readonly do: "prepare";
  /** Sizes. */
  readonly size: Size;
  /** How to train. */
  readonly hyper: Hyper;
  /** What the file of weights holds, in order. */
  readonly parameters: readonly Parameter[];
  /** Path of the initial weights: f32, little-endian. */
  readonly weights: string;
  /** One for each step; then from the first again. */
  readonly batches: readonly Batch[];
  /** How many steps to make. */
  readonly steps: number;
}

/** Answer to {@linkcode Prepare}. */
export interface Prepared {
  /** The loss before each step. */
  readonly losses: readonly number[];
}

/** Make a step that does not count, then steps for so long, at least one. */
export interface Measure {
  /** Tells it from the other command. */
  readonly do: "measure";
  /** For how long. */
  readonly seconds: number;
}

/** Answer to {@linkcode Measure}. */
export interface Measured {
  /** Milliseconds of each step. */
  readonly steps: readonly number[];
  /** Processors that the child kept busy, on average. */
  readonly cpus: number;
}

/** What a trainer begins with. */
export interface Job {
  /** Sizes. */
  readonly size: Size;
  /** How to train. */
  readonly hyper: Hyper;
  /** Initial weights by parameter, row-major. */
  readonly weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

/** Makes a step and returns the loss before it. All of it is done when the promise resolves. */
export type Step = (batch: Batch) => number | Promise<number>;

/** What can train, started. */
export interface Trainer {
  /** Name and version, for people. */
  readonly about: string;
  /** Builds the model. */
  train(job: Job): Step;
}

/** What a module of a trainer exports as `start`. */
export type Start = (threads: number) => Promise<Trainer>;
