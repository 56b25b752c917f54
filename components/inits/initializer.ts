import type { Init } from "../init.ts";

/** What a weight is for: `residual` ends a branch of the residual stream (attention's output, the way down). */
export type WeightRole = "embedding" | "head" | "linear" | "residual";

/** What an initialisation may know of the model. */
export interface InitContext {
  /** Number of blocks. */
  readonly depth: number;
  /** Width of the residual stream. */
  readonly dim: number;
  /** The embedding is the head as well. */
  readonly tied: boolean;
}

/** How the matrices of a model start. Gains, biases and positions start as their layers say. */
export interface Initializer {
  /** How a weight starts: `[vocab, dim]` for embedding and head, `[outputs, inputs]` for products. */
  weight(role: WeightRole, shape: readonly number[]): Init;
}
