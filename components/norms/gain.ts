import type { Tensor } from "../../runtime/tensor.ts";
import type { BuildContext } from "../component.ts";
import { constant } from "../init.ts";
import { boolean, integer, type Options } from "../options.ts";

/** Options of norms with a trained factor for each channel. */
export interface GainConfig {
  /** Multiplies by a trained `weight`. */
  weight: boolean;
  /** Added to `weight`, which starts at what is left to 1: with 1, as in Gemma, decay draws the factor to 1, not to 0. */
  offset: number;
}

/** The options of a {@linkcode GainConfig}. */
export const gainOptions: Options<GainConfig> = { weight: boolean(true), offset: integer(0, { min: 0, max: 1 }) };

/** Declares `weight [dim]`, if there is one, and returns a function that gives the factor: `offset + weight`. */
export function normGain(
  { weight: wanted, offset }: GainConfig,
  { buffer, dim, error, ops, param }: BuildContext,
): () => Tensor | undefined {
  if (!wanted) {
    if (offset) throw error(`norm.offset ${offset} is added to a weight, but norm.weight is false`);
    return () => undefined;
  }
  const weight = param("weight", [dim], constant(1 - offset));
  if (!offset) return () => weight;
  const shift = buffer([1], (values) => void values.fill(offset));
  return () => ops.add(weight, shift);
}
