/** Weights as products `x · w` take them, for peers that store matrices input-major. */
import { transposed } from "../peers/measure.ts";
import type { Job } from "./protocol.ts";

/** A parameter of a peer. */
export interface PeerWeight {
  /** `[inputs, outputs]`; the embeddings are `[rows, dim]` as they are. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** Parameters of a block in the list of {@linkcode inputMajor}: norm1, qkv, out, norm2, up, down. */
export const PER_BLOCK = 6;

/** Embedding, positions, {@linkcode PER_BLOCK} of each block, norm. Queries, keys and values are one product. */
export function inputMajor({ size: { depth, dim, context, vocab }, weights }: Job): PeerWeight[] {
  const vector = (name: string): PeerWeight => ({ shape: [dim], values: weights.get(name)! });
  const matrix = (outputs: number, inputs: number, ...names: string[]): PeerWeight => {
    const values = new Float32Array(outputs * inputs), rows = values.length / names.length;
    names.forEach((name, i) => values.set(weights.get(name)!, i * rows));
    return { shape: [inputs, outputs], values: transposed(values, outputs, inputs) };
  };
  const blocks = Array.from({ length: depth }, (_, i) => {
    const attention = (part: string) => `blocks.${i}.attention.${part}.weight`;
    return [
      vector(`blocks.${i}.norm1.weight`),
      matrix(3 * dim, dim, ...["q", "k", "v"].map(attention)),
      matrix(dim, dim, attention("out")),
      vector(`blocks.${i}.norm2.weight`),
      matrix(4 * dim, dim, `blocks.${i}.feedForward.up.weight`),
      matrix(dim, 4 * dim, `blocks.${i}.feedForward.down.weight`),
    ];
  });
  return [
    { shape: [vocab, dim], values: weights.get("embedding.weight")! },
    { shape: [context, dim], values: weights.get("position.table")! },
    ...blocks.flat(),
    vector("norm.weight"),
  ];
}

/** A list of {@linkcode inputMajor} in its parts. */
export function parts<T>(list: readonly T[]): { table: T; positions: T; blocks: (readonly T[])[]; norm: T } {
  const [table, positions] = list, depth = (list.length - 3) / PER_BLOCK;
  const blocks = Array.from({ length: depth }, (_, i) => list.slice(2 + i * PER_BLOCK, 2 + (i + 1) * PER_BLOCK));
  return { table, positions, blocks, norm: list[list.length - 1] };
}
