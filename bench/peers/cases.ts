/**
 * What is measured: sizes, cases, and the numbers that every implementation is given, so that their results can be
 * compared.
 */

/** How matrices are stored: as they are, or in blocks of 32 values with a scale, of 8 or 4 bits each. */
export type Weights = "f32" | "q8_0" | "q4_0";

/** A matrix product `C [m, n] = A [m, k] · B [k, n]`, where B is a weight. */
export interface ProductCase {
  /** Tells it from the model cases. */
  readonly kind: "product";
  /** `512x768x768`, with ` q4_0` behind it where the weight is stored so. */
  readonly name: string;
  /** Rows of A and C. */
  readonly m: number;
  /** Columns of A, rows of B. */
  readonly k: number;
  /** Columns of B and C. */
  readonly n: number;
  /** How B is stored: in blocks along k, if in blocks. */
  readonly weights: Weights;
}

/** A Llama-shaped model that reads a prompt, or writes on from a short one. */
export interface ModelCase {
  /** `prefill` reads `tokens` tokens at once; `decode` writes `tokens` tokens one by one. */
  readonly kind: "prefill" | "decode";
  /** `15M prefill 128`. */
  readonly name: string;
  /** The model. */
  readonly size: ModelSize;
  /** How many tokens. */
  readonly tokens: number;
}

/** Anything that an implementation may be asked to measure. */
export type Case = ProductCase | ModelCase;

/** Sizes of a Llama-shaped model with a tied embedding. */
export interface ModelSize {
  /** Its parameters, roughly. */
  readonly name: string;
  /** Width of the residual stream. */
  readonly dim: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
  /** Heads of keys and values; each is shared by as many attention heads. */
  readonly kvHeads: number;
  /** Width of the feed-forward. */
  readonly hidden: number;
  /** Number of tokens. */
  readonly vocab: number;
  /** Most positions. */
  readonly context: number;
  /** How matrices are stored. */
  readonly weights: Weights;
}

const shape15M = { dim: 288, depth: 6, heads: 6, kvHeads: 6, hidden: 768, vocab: 32000, context: 1024 };
const shape110M = { dim: 768, depth: 12, heads: 12, kvHeads: 12, hidden: 2048, vocab: 32000, context: 1024 };
const shape1B = { dim: 2048, depth: 22, heads: 32, kvHeads: 4, hidden: 5632, vocab: 32000, context: 1024 };

/**
 * The models: the shapes of the 15M and 110M checkpoints of llama2.c, and that of TinyLlama, which fits into the memory of
 * WebAssembly only in blocks. Those of one size with other weights are models of their own.
 */
export const modelSizes: readonly ModelSize[] = [
  { name: "15M", ...shape15M, weights: "f32" },
  { name: "110M", ...shape110M, weights: "f32" },
  ...(["q8_0", "q4_0"] as const).flatMap((weights) => [
    { name: `15M ${weights}`, ...shape15M, weights },
    { name: `110M ${weights}`, ...shape110M, weights },
    { name: `1B ${weights}`, ...shape1B, weights },
  ]),
];

const shapes: readonly (readonly [m: number, k: number, n: number])[] = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [128, 768, 2048],
  [512, 768, 768],
  [1, 768, 2048],
  [1, 768, 768],
  [1, 288, 32000],
  [1, 2048, 16384],
];

/** Products with weights in blocks: what decoding consists of, and one of many rows. */
const blockShapes: typeof shapes = [[1, 768, 2048], [1, 2048, 8192], [1, 288, 32000], [128, 768, 2048]];

/** All matrix products. */
export const productCases: readonly ProductCase[] = [
  ...shapes.map((shape) => productCase(shape, "f32")),
  ...(["q8_0", "q4_0"] as const).flatMap((weights) => blockShapes.map((shape) => productCase(shape, weights))),
];

function productCase([m, k, n]: readonly [m: number, k: number, n: number], weights: Weights): ProductCase {
  return { kind: "product", name: `${m}x${k}x${n}${weights === "f32" ? "" : ` ${weights}`}`, m, k, n, weights };
}

/** How a case's matrices are stored. */
export function weightsOf(c: Case): Weights {
  return c.kind === "product" ? c.weights : c.size.weights;
}

/** All model cases; those of one size lie together. */
export const modelCases: readonly ModelCase[] = modelSizes.flatMap((size) => {
  const kinds = [["prefill", 128], ["prefill", 512], ["decode", 32]] as const;
  // A peer takes some seconds for a token of the largest.
  const chosen = size.name.startsWith("1B") ? [["prefill", 128], ["decode", 4]] as const : kinds;
  return chosen.map(([kind, tokens]) => ({
    kind,
    name: `${size.name} ${kind}${kind === "prefill" ? ` ${tokens}` : ""}`,
    size,
    tokens,
  }));
});

/** The token that starts a sequence, and the one that stands for byte 0; those of the other bytes follow it. */
export const START = 1, BYTES = 3;

/** A text of `count` letters; the models know no word in it, so that each is a token of its own. */
export function promptText(count: number): string {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(97 + (i * 7 + (i >> 4)) % 26)).join("");
}

/** `count` token ids: the start token, then a {@linkcode promptText}. */
export function promptTokens(count: number): number[] {
  return [START, ...new TextEncoder().encode(promptText(count - 1)).values().map((byte) => BYTES + byte)];
}

/** `count` values, evenly spread over −`scale` … `scale`; the same for the same `seed`. */
export function spread(count: number, seed: number, scale: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = Math.imul(seed + 1, 0x9e3779b1);
  for (let i = 0; i < count; i++) {
    // A linear congruential generator, Numerical Recipes' constants; its high bits are good enough for weights.
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = state / 2 ** 31 * scale;
  }
  return values;
}

/** A weight of a model. */
export interface Weight {
  /** As Tenon names it: `blocks.0.attention.q.weight`. */
  readonly name: string;
  /** `[outputs, inputs]`, or `[dim]` for a norm. */
  readonly shape: readonly number[];
  /** Its values, row-major. Made anew by each call, so that nothing is held longer than needed. */
  values(): Float32Array<ArrayBuffer>;
}

/** The weights of a model, norms 1, everything else random; a Llama checkpoint of Hugging Face holds the same. */
export function weights({ dim, depth, heads, kvHeads, hidden, vocab }: ModelSize): Weight[] {
  const list: Weight[] = [];
  const add = (name: string, ...shape: number[]) => {
    const seed = list.length, count = shape.reduce((product, n) => product * n, 1);
    const values = () => shape.length === 1 ? new Float32Array(count).fill(1) : spread(count, seed, 0.05);
    list.push({ name, shape, values });
  };
  add("embedding.weight", vocab, dim);
  for (let i = 0; i < depth; i++) {
    add(`blocks.${i}.norm1.weight`, dim);
    for (const part of ["q", "k", "v", "out"]) {
      const outputs = part === "k" || part === "v" ? dim / heads * kvHeads : dim;
      add(`blocks.${i}.attention.${part}.weight`, outputs, dim);
    }
    add(`blocks.${i}.norm2.weight`, dim);
    add(`blocks.${i}.feedForward.gate.weight`, hidden, dim);
    add(`blocks.${i}.feedForward.up.weight`, hidden, dim);
    add(`blocks.${i}.feedForward.down.weight`, dim, hidden);
  }
  add("norm.weight", dim);
  return list;
}
