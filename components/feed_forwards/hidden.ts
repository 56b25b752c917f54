import { integer, nullable, type Option } from "../options.ts";

/** The option `hidden`, the width between the two products. */
export function hiddenOption(meaning: string): Option<number | null> {
  return nullable(integer(64, { min: 1 }), meaning);
}

/** Hidden width of a gated feed-forward that has as many parameters as a plain one of `4 · dim`: `8/3 · dim`, up to a multiple of 8. */
export function gatedHidden(dim: number): number {
  return Math.ceil(dim / 3) * 8;
}
