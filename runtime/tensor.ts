/** Element type: what is computed with (`f32`), token ids (`i32`), and what weights may be stored as (`f16`, `bf16`). */
export type DType = "f32" | "i32" | "f16" | "bf16";

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = { f32: 4, i32: 4, f16: 2, bf16: 2 };

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

/** Bytes that a tensor takes, the filling of its last panel included. */
export function bytesOf({ shape, dtype, layout }: Omit<Tensor, "ptr">): number {
  return elementBytes[dtype] * (layout === "panels" ? panelsOf(shape[0]) * PANEL * shape[1] : size(shape));
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
  return { ...t, ptr: t.ptr + first * size(rest) * elementBytes[t.dtype], shape: [count, ...rest] };
}

/** `f32 [2, 3]`, for messages. */
export function describeTensor(t: Tensor): string {
  return `${t.dtype} [${t.shape.join(", ")}]${t.layout === "panels" ? " in panels" : ""}`;
}
