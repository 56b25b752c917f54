/** Weights in blocks of 32 integers of 8 or 4 bits along k, with a scale each: `d · q`. Only in panels. */
export type BlockType = "q8_0" | "q4_0";

/** What matrices of weights may be stored as. Only those in f32 can be trained. */
export type WeightType = "f32" | "f16" | BlockType;

/**
 * What caches may keep keys and values as: in f32; in f16, rounded to the nearest, halves to the even one, and what is
 * larger to ±65504; or as 32 channels of 8 bits with a scale in f32, `d = max|x| / 127` and `q = x · (1/d)`, rounded to
 * the nearest, halves to the even one. NaN makes NaN: in f16 of itself, in q8_0 of its 32 channels.
 */
export type CacheType = "f32" | "f16" | "q8_0";

/**
 * Element type: what is computed with (`f32`), token ids (`i32`), what weights may be stored as (`f16`, `bf16`, and
 * blocks), and the integers of a cache (`i8`).
 */
export type DType = "f32" | "i32" | "f16" | "bf16" | "i8" | BlockType;

/** Bytes of one element of a type that has elements. */
export const elementBytes: Readonly<Record<Exclude<DType, BlockType>, number>> = {
  f32: 4,
  i32: 4,
  f16: 2,
  bf16: 2,
  i8: 1,
};

/** Values of a block along k. */
export const BLOCK = 32;

/** Bytes of a block of eight columns: its integers, as in kernels/assembly/blocks.ts, then eight scales in f32. */
export const blockBytes: Readonly<Record<BlockType, number>> = { q8_0: 288, q4_0: 160 };

/**
 * How elements lie in memory: `rows` is row-major; `panels` is how matrix products want a weight `[n, k]`: ⌈n/8⌉ panels
 * of `[k][8]`, the last filled up with zeros. Only {@linkcode Ops.matmul} and {@linkcode Ops.embed} read panels.
 */
export type Layout = "rows" | "panels";

/** A dense array in a backend's memory. It owns nothing: an {@linkcode Arena} does. */
export interface Tensor {
  /** Byte offset of the first element. */
  readonly ptr: number;
  /** Outermost axis first, e.g. `[batch, time, dim]`. */
  readonly shape: readonly number[];
  /** What an element is. */
  readonly dtype: DType;
  /** How elements are ordered. */
  readonly layout: Layout;
}

/** Columns of a panel. */
export const PANEL = 8;

/** Positions of a panel of cached values. */
export const VALUE_BLOCK = 64;

/** Number of elements: `size([2, 3]) === 6`. */
export function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Length of the innermost axis; 1 for a scalar. */
export function dimOf(t: Tensor): number {
  return t.shape.at(-1) ?? 1;
}

/** Number of innermost rows: every axis but the last, flattened. */
export function rowsOf(t: Tensor): number {
  return size(t.shape.slice(0, -1));
}

/** Number of panels that hold `n` columns. */
export function panelsOf(n: number): number {
  return Math.ceil(n / PANEL);
}

/** Whether a type is one of blocks. */
export function isBlocks(dtype: DType): dtype is BlockType {
  return dtype === "q8_0" || dtype === "q4_0";
}

/** Bytes of a panel that is `k` deep. A last block that is not full takes a whole one. */
export function panelBytes(k: number, dtype: DType): number {
  return isBlocks(dtype) ? Math.ceil(k / BLOCK) * blockBytes[dtype] : PANEL * k * elementBytes[dtype];
}

/** Bytes that a tensor takes, the filling of its last panel included. */
export function bytesOf({ shape, dtype, layout }: Omit<Tensor, "ptr">): number {
  if (layout === "panels") return panelsOf(shape[0]) * panelBytes(shape[1], dtype);
  if (isBlocks(dtype)) throw new TypeError(`Cannot store [${shape.join(", ")}] as ${dtype} in rows, expected panels`);
  return elementBytes[dtype] * size(shape);
}

/** Bytes of an element of a tensor in rows. */
export function elementBytesOf(t: Tensor): number {
  if (isBlocks(t.dtype)) throw new TypeError(`Cannot address elements of ${describeTensor(t)}: it is stored in blocks`);
  return elementBytes[t.dtype];
}

/** The same elements under another shape of the same size. */
export function reshape(t: Tensor, shape: readonly number[]): Tensor {
  if (t.layout !== "rows") throw new TypeError(`Cannot reshape ${describeTensor(t)}: it is stored in panels`);
  if (size(shape) !== size(t.shape)) {
    throw new TypeError(
      `Cannot reshape [${t.shape}] to [${shape}]: ${size(t.shape)} elements, expected ${size(shape)}`,
    );
  }
  return { ...t, shape };
}

/** Rows `first … first + count` of `t`, in place: `[n, ...rest] → [count, ...rest]`. */
export function sliceRows(t: Tensor, first: number, count: number): Tensor {
  const [n, ...rest] = t.shape;
  if (t.layout !== "rows") throw new TypeError(`Cannot slice ${describeTensor(t)}: it is stored in panels`);
  if (first < 0 || count < 0 || first + count > n) {
    throw new RangeError(`Cannot take rows ${first} … ${first + count - 1} of ${describeTensor(t)}`);
  }
  return { ...t, ptr: t.ptr + first * size(rest) * elementBytesOf(t), shape: [count, ...rest] };
}

/** `f32 [2, 3]`, for messages. */
export function describeTensor(t: Tensor): string {
  return `${t.dtype} [${t.shape.join(", ")}]${t.layout === "panels" ? " in panels" : ""}`;
}
