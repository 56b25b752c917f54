/** What is trained: sizes, initial weights and batches, the same for every participant. */
import { createRandom, normal } from "../../mod.ts";

/** Sizes of a GPT-2-shaped model without biases, its head tied to the embedding, and of a step. */
export interface Size {
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
  /** Width of the residual stream; the feed-forward is four times as wide. */
  readonly dim: number;
  /** Tokens of a sequence. */
  readonly context: number;
  /** Sequences of a step. */
  readonly batch: number;
  /** Number of tokens: the characters of tinyshakespeare. */
  readonly vocab: number;
}

/**
 * `small`: nanoGPT's settings for a CPU (804,096 parameters). `large`: the model of its settings for a GPU (10,745,088),
 * with fewer sequences a step. https://github.com/karpathy/nanoGPT
 */
export const sizes = {
  small: { depth: 4, heads: 4, dim: 128, context: 64, batch: 12, vocab: 65 },
  large: { depth: 6, heads: 6, dim: 384, context: 256, batch: 8, vocab: 65 },
} as const satisfies Readonly<Record<string, Size>>;

/** How everyone trains. The learning rate is the largest from the first step on: a wrong step shows in the next loss. */
export const hyper = { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.1, clip: 1, normEps: 1e-5 };

/** What everyone trains with. */
export type Hyper = typeof hyper;

/** A parameter. */
export interface Parameter {
  /** As Tenon names it: `blocks.0.attention.q.weight`. */
  readonly name: string;
  /** `[outputs, inputs]`, or `[dim]` for a norm. */
  readonly shape: readonly number[];
}

/** Every parameter of a model, in the order in which files hold them. */
export function parameters({ depth, dim, context, vocab }: Size): Parameter[] {
  const list: Parameter[] = [];
  const add = (name: string, ...shape: number[]) => list.push({ name, shape });
  add("embedding.weight", vocab, dim);
  add("position.table", context, dim);
  for (let i = 0; i < depth; i++) {
    add(`blocks.${i}.norm1.weight`, dim);
    for (const part of ["q", "k", "v", "out"]) add(`blocks.${i}.attention.${part}.weight`, dim, dim);
    add(`blocks.${i}.norm2.weight`, dim);
    add(`blocks.${i}.feedForward.up.weight`, 4 * dim, dim);
    add(`blocks.${i}.feedForward.down.weight`, dim, 4 * dim);
  }
  add("norm.weight", dim);
  return list;
}

/** How many elements a parameter has. */
export function elements({ shape }: Parameter): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** All initial weights, one parameter after another: norms 1, the rest as GPT-2's. */
export function initialWeights(size: Size): Float32Array<ArrayBuffer> {
  const list = parameters(size), all = new Float32Array(list.reduce((sum, p) => sum + elements(p), 0));
  let first = 0;
  for (const p of list) {
    const values = all.subarray(first, first += elements(p)), { name, shape } = p;
    const residual = /attention\.out|down/.test(name) ? Math.sqrt(2 * size.depth) : 1;
    if (shape.length === 1) values.fill(1);
    else normal(0.02 / residual)(values, createRandom(1, name), shape);
  }
  return all;
}

/** The weights of a file, by parameter. */
export function namedWeights(size: Size, all: Float32Array<ArrayBuffer>): Map<string, Float32Array<ArrayBuffer>> {
  let first = 0;
  return new Map(parameters(size).map((p) => [p.name, all.subarray(first, first += elements(p))]));
}

/** Tokens of a step and what follows each, `[batch, context]`. */
export interface Batch {
  /** Tokens. */
  readonly inputs: readonly number[];
  /** The token after each. */
  readonly targets: readonly number[];
}

/** `count` batches of a made-up language in which each character has four successors: there is something to learn. */
export function batches({ batch, context, vocab }: Size, count: number): Batch[] {
  const random = createRandom(1, "batches"), draw = (n: number) => Math.floor(n * random());
  return Array.from({ length: count }, () => {
    const rows = Array.from({ length: batch }, () => {
      const row = [draw(vocab)];
      while (row.length <= context) row.push((7 * row[row.length - 1] + 3 + draw(4)) % vocab);
      return row;
    });
    return { inputs: rows.flatMap((row) => row.slice(0, -1)), targets: rows.flatMap((row) => row.slice(1)) };
  });
}
