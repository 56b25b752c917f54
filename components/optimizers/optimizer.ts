import type { Kernels } from "../../runtime/kernels.ts";
import type { Ops } from "../../runtime/ops.ts";
import type { DType, Layout, Tensor } from "../../runtime/tensor.ts";

/** What a parameter is for: optimizers treat embeddings, heads and vectors (gains, biases) apart from other matrices. */
export type ParamKind = "embedding" | "head" | "matrix" | "vector";

/** A parameter that is being trained. */
export interface OptimizedParam {
  /** `blocks.3.attention.q.weight`. */
  readonly name: string;
  /** What is changed. */
  readonly param: Tensor;
  /** Of its shape and layout; the filling of panels is zero. */
  readonly gradient: Tensor;
  /** What it is for. */
  readonly kind: ParamKind;
}

/** What an optimizer may use. */
export interface OptimizerContext {
  /** What it changes, in order. */
  readonly params: readonly OptimizedParam[];
  /** The backend's kernels. */
  readonly kernels: Kernels;
  /** Operations on scratch tensors. */
  readonly ops: Ops;
  /** Runs `f`, then forgets the scratch tensors that it made. */
  scope<T>(f: () => T): T;
  /** An uninitialised tensor in scratch memory. */
  temp(shape: readonly number[], dtype?: DType, layout?: Layout): Tensor;
  /**
   * Declares memory that starts as zeros and lasts as long as the training; checkpoints save it under `name`. It has a
   * given shape in rows, or shape and layout of a tensor. All of it is declared while the optimizer is built.
   */
  state(name: string, like: Tensor | readonly number[]): Tensor;
}

/** Changes parameters along their gradients. */
export interface Optimizer {
  /** Makes step number `step`, from 1, with the learning rate of a schedule. Gradients are read, not changed. */
  step(step: number, learningRate: number): void;
}

/** Options of weight decay. */
export interface DecayConfig {
  /** Share of each weight, times the learning rate, that a step takes away. Vectors never decay. */
  decay: number;
  /** Embeddings decay too. */
  decayEmbeddings: boolean;
}

/** The decay of a parameter: none for vectors. */
export function decayOf(kind: ParamKind, { decay, decayEmbeddings }: DecayConfig): number {
  return kind === "vector" || (kind === "embedding" && !decayEmbeddings) ? 0 : decay;
}
