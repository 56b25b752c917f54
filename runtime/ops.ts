import type { CrossEntropyOptions } from "./gradient_kernels.ts";
import type {
  AttentionOptions,
  GatedKernel,
  Kernels,
  KeyValueCache,
  RotaryLayout,
  SinusoidLayout,
  UnaryKernel,
} from "./kernels.ts";
import { expectKept, newKeyValueCache } from "./key_value_cache.ts";
import { expectRows, expectVector, mismatch } from "./op_errors.ts";
import type { RouteOps } from "./route.ts";
import { describeTensor, dimOf, type DType, type Layout, rowsOf, size, type Tensor } from "./tensor.ts";

/** Element-wise functions: `out = f(x)`, the shape of `x`. See {@linkcode Kernels} for the formulas. */
export type UnaryOps = Readonly<Record<UnaryKernel, (x: Tensor) => Tensor>>;
/** Gated functions: `out = f(gate) · up`. See {@linkcode Kernels} for the formulas. */
export type GatedOps = Readonly<Record<GatedKernel, (gate: Tensor, up: Tensor) => Tensor>>;

/**
 * What components compute with. Each op checks shapes, allocates its result in scratch memory and runs a kernel. Shape
 * errors are `TypeError`s, values out of range `RangeError`s.
 */
export interface Ops extends UnaryOps, GatedOps, RouteOps {
  /**
   * `x · wᵀ + bias`: `[..., k]`, `w [n, k]`, `bias [n]` → `[..., n]`. A `w` stored in rows is packed first, each time;
   * weights made by `BuildContext.linear` are packed once.
   */
  matmul(x: Tensor, w: Tensor, bias?: Tensor): Tensor;
  /**
   * Rows `ids` of `table [n, dim]` → `[...shape, dim]`. Ids in an i32 tensor cannot be checked: each must be a row's number,
   * and they must not change before gradients are computed.
   */
  embed(table: Tensor, ids: ArrayLike<number> | Tensor, shape: readonly number[]): Tensor;
  /** The index of the largest of each row, the first of equals: `[..., n]` → i32 `[...]`. It has no gradient. */
  argmax(x: Tensor): Tensor;
  /** `weight · (x − mean) / √(var + eps) + bias` over the last axis. */
  layerNorm(x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, eps: number): Tensor;
  /** `weight · x / √(mean(x²) + eps)` over the last axis. */
  rmsNorm(x: Tensor, weight: Tensor | undefined, eps: number): Tensor;
  /** `eˣ / Σ eˣ` over the last axis. */
  softmax(x: Tensor): Tensor;
  /** The same over the `count` largest of each row, the first of equals; 0 for the others. */
  topSoftmax(x: Tensor, count: number): Tensor;
  /** `ln softmax(logits)[target]` for each row: `[..., vocab]` → `[...]`. */
  logSoftmaxAt(logits: Tensor, targets: ArrayLike<number>): Tensor;
  /**
   * Sines and cosines of `position · frequency`, written to `out [positions, dim]`, which is returned. `frequencies` are
   * f64, ⌈dim/2⌉ of them.
   */
  sinusoid(
    out: Tensor,
    positions: ArrayLike<number>,
    frequencies: readonly number[],
    layout: SinusoidLayout,
  ): Tensor;
  /** Rotary embedding of `x [batch, time, heads, headDim]` by rows `start …` of a `cosSin` table. */
  rotate(x: Tensor, table: Tensor, start: number, layout: RotaryLayout): Tensor;
  /**
   * Causal attention of `q [batch, time, heads, headDim]` over `k`, `v` `[batch, time, kvHeads, headDim]` and whatever
   * `cache` holds before `start`; `k` and `v` are appended to it. Returns the shape of `q`.
   */
  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions, cache?: KeyValueCache): Tensor;
  /** The probabilities of the same: `[batch, heads, time, start + time]`. */
  attentionWeights(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions, cache?: KeyValueCache): Tensor;
  /** `x + y`; `y` is repeated over the leading axes of `x`. */
  add(x: Tensor, y: Tensor): Tensor;
  /** `x · y`, element by element; `y` is repeated over the leading axes of `x`. */
  mul(x: Tensor, y: Tensor): Tensor;
  /** `factor · x`. */
  scale(x: Tensor, factor: number): Tensor;
  /**
   * The loss of each row: `−ln softmax(logits)[target]`, `[..., vocab]` → `[...]`; 0 where the target is −1. `smoothing`
   * and `zLoss` default to 0.
   */
  crossEntropy(logits: Tensor, targets: ArrayLike<number>, options?: Partial<CrossEntropyOptions>): Tensor;
  /** `x / (1 − rate)`, or 0 with probability `rate`; the same elements for the same `seed`. Rate 0 gives `x` itself. */
  dropout(x: Tensor, rate: number, seed: number): Tensor;
}

const unaryNames: Readonly<Record<UnaryKernel, true>> = {
  relu: true,
  reluSquared: true,
  gelu: true,
  geluTanh: true,
  silu: true,
  sigmoid: true,
  tanh: true,
  erf: true,
  exp: true,
  sin: true,
  cos: true,
};
const gatedNames: Readonly<Record<GatedKernel, true>> = { reglu: true, geglu: true, gegluTanh: true, swiglu: true };
/** The names of element-wise functions. */
export const unaryKernels = Object.keys(unaryNames) as readonly UnaryKernel[];
/** The names of gated functions. */
export const gatedKernels = Object.keys(gatedNames) as readonly GatedKernel[];

/** What ops need of a runtime. */
export interface OpsHost {
  /** What computes. */
  readonly kernels: Kernels;
  /** A scratch tensor. */
  temp(shape: readonly number[], dtype?: DType, layout?: Layout): Tensor;
  /** Ids in scratch memory, checked; of a tensor its type alone. */
  indices(op: string, values: ArrayLike<number> | Tensor, limit: number, least?: number): Tensor;
  /** Runs `f`, which fills `out`, and forgets its scratch tensors. */
  scopeInto(out: Tensor, f: () => void): Tensor;
}

/** The ops of `rt`, each of which runs a kernel. */
export function createOps(rt: OpsHost): Omit<Ops, keyof RouteOps> {
  const { kernels } = rt;
  const unary = Object.fromEntries(
    unaryKernels.map((name) => [name, (x: Tensor) => {
      expectRows(name, x);
      const out = rt.temp(x.shape);
      kernels[name](out, x);
      return out;
    }]),
  ) as unknown as UnaryOps;
  const gated = Object.fromEntries(
    gatedKernels.map((name) => [name, (gate: Tensor, up: Tensor) => {
      expectRows(name, gate, up);
      if (String(gate.shape) !== String(up.shape)) throw mismatch(name, [gate, up], "two tensors of one shape");
      const out = rt.temp(gate.shape);
      kernels[name](out, gate, up);
      return out;
    }]),
  ) as unknown as GatedOps;
  const repeated = (name: "add" | "mul") => (x: Tensor, y: Tensor) => {
    expectRows(name, x, y);
    const tail = x.shape.slice(x.shape.length - y.shape.length);
    const scalar = size(y.shape) === 1;
    if (!scalar && String(tail) !== String(y.shape)) throw mismatch(name, [x, y], "the last axes of the first");
    const out = rt.temp(x.shape);
    kernels[name](out, x, y);
    return out;
  };

  function attend(
    name: "attention" | "attentionWeights",
    shape: (q: readonly number[], length: number) => readonly number[],
  ) {
    return (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions, cache?: KeyValueCache) => {
      expectRows(name, q, k, v);
      const [batch, time, heads, headDim] = q.shape, kvHeads = k.shape[2], { start, bias, sinks, softcap } = options;
      const expected = [batch, time, kvHeads, headDim];
      if (q.shape.length !== 4 || String(k.shape) !== String(expected) || String(v.shape) !== String(expected)) {
        throw mismatch(name, [q, k, v], "q [batch, time, heads, headDim], k and v [batch, time, kvHeads, headDim]");
      }
      if (heads % kvHeads) throw new TypeError(`Cannot share ${kvHeads} key heads among ${heads} heads evenly`);
      if (!cache && start) throw new TypeError(`Cannot attend from position ${start} without a cache`);
      if (options.dropout && start) throw new TypeError(`Cannot drop probabilities from position ${start} on`);
      const length = cache?.length ?? time;
      if (cache) expectKept(cache, start, time, options.window);
      if (cache && cache.keys.shape[0] !== batch) {
        throw new TypeError(`Cannot use a cache for batch ${cache.keys.shape[0]} with batch ${batch}`);
      }
      if (bias && (bias.shape[0] !== heads || dimOf(bias) < start + time)) {
        throw mismatch(name, [bias], `a bias [${heads}, ≥ ${start + time}]`);
      }
      if (sinks && (sinks.shape.length !== 1 || sinks.shape[0] !== heads)) {
        throw mismatch(name, [sinks], `sinks [${heads}]`);
      }
      if (softcap !== undefined && !(softcap > 0)) {
        throw new RangeError(`Cannot cap scores at ${softcap}, expected a number above 0`);
      }
      const out = rt.temp(shape(q.shape, start + time));
      return rt.scopeInto(out, () => {
        const held = cache ?? newKeyValueCache((s) => rt.temp(s), batch, kvHeads, headDim, length);
        kernels.append(held, k, v, start);
        kernels[name](out, q, held, kvHeads, options);
      });
    };
  }

  return {
    ...unary,
    ...gated,
    matmul(x, w, bias) {
      expectRows("matmul", x);
      if (w.shape.length !== 2 || dimOf(x) !== dimOf(w)) {
        throw mismatch("matmul", [x, w], "w [n, k] with the last axis of x");
      }
      if (bias && size(bias.shape) !== w.shape[0]) throw mismatch("matmul", [w, bias], "a bias [n]");
      const out = rt.temp([...x.shape.slice(0, -1), w.shape[0]]);
      return rt.scopeInto(out, () => {
        let packed = w;
        if (w.layout !== "panels") kernels.pack(packed = rt.temp(w.shape, "f32", "panels"), w, 0);
        kernels.matmul(out, x, packed, bias);
      });
    },
    embed(table, ids, shape) {
      const count = "ptr" in ids ? size(ids.shape) : ids.length;
      if (size(shape) !== count) throw new TypeError(`Cannot arrange ${count} ids as [${shape}]`);
      const indices = rt.indices("embed", ids, table.shape[0]), out = rt.temp([...shape, dimOf(table)]);
      kernels.gather(out, table, indices);
      return out;
    },
    argmax(x) {
      expectRows("argmax", x);
      const out = rt.temp(x.shape.slice(0, -1), "i32");
      kernels.argmax(out, x);
      return out;
    },
    layerNorm(x, weight, bias, eps) {
      expectVector("layerNorm", x, weight, bias);
      const out = rt.temp(x.shape);
      kernels.layerNorm(out, x, weight, bias, eps);
      return out;
    },
    rmsNorm(x, weight, eps) {
      expectVector("rmsNorm", x, weight);
      const out = rt.temp(x.shape);
      kernels.rmsNorm(out, x, weight, eps);
      return out;
    },
    softmax(x) {
      expectRows("softmax", x);
      const out = rt.temp(x.shape);
      kernels.softmax(out, x);
      return out;
    },
    topSoftmax(x, count) {
      expectRows("topSoftmax", x);
      if (!(Number.isInteger(count) && count > 0 && count <= dimOf(x))) {
        throw new RangeError(
          `Cannot take the ${count} largest of ${describeTensor(x)}, expected from 1 to ${dimOf(x)}`,
        );
      }
      const out = rt.temp(x.shape);
      kernels.topSoftmax(out, x, count);
      return out;
    },
    logSoftmaxAt(logits, targets) {
      expectRows("logSoftmaxAt", logits);
      const out = rt.temp(logits.shape.slice(0, -1));
      if (targets.length !== size(out.shape)) {
        throw new TypeError(`Cannot score ${targets.length} targets with ${describeTensor(logits)}`);
      }
      kernels.logSoftmaxAt(out, logits, rt.indices("logSoftmaxAt", targets, dimOf(logits)));
      return out;
    },
    sinusoid(out, positions, frequencies, layout) {
      expectRows("sinusoid", out);
      if (rowsOf(out) !== positions.length || frequencies.length !== Math.ceil(dimOf(out) / 2)) {
        throw mismatch("sinusoid", [out], `[${positions.length}, ${2 * frequencies.length}]`);
      }
      return rt.scopeInto(
        out,
        () => kernels.sinusoid(out, rt.indices("sinusoid", positions, 2 ** 31), frequencies, layout),
      );
    },
    rotate(x, table, start, layout) {
      expectRows("rotate", x, table);
      const [, time, , headDim] = x.shape;
      if (x.shape.length !== 4 || dimOf(table) % 2 || dimOf(table) > headDim || start + time > table.shape[0]) {
        throw mismatch("rotate", [x, table], `x [batch, time, heads, headDim] and a table of ${start + time} rows`);
      }
      const out = rt.temp(x.shape);
      kernels.rotate(out, x, table, start, layout);
      return out;
    },
    attention: attend("attention", (q) => q),
    attentionWeights: attend("attentionWeights", ([batch, time, heads], length) => [batch, heads, time, length]),
    add: repeated("add"),
    mul: repeated("mul"),
    scale(x, factor) {
      expectRows("scale", x);
      const out = rt.temp(x.shape);
      kernels.scale(out, x, factor);
      return out;
    },
    crossEntropy(logits, targets, { smoothing = 0, zLoss = 0 } = {}) {
      expectRows("crossEntropy", logits);
      const out = rt.temp(logits.shape.slice(0, -1));
      if (targets.length !== size(out.shape)) {
        throw new TypeError(`Cannot score ${targets.length} targets with ${describeTensor(logits)}`);
      }
      const indices = rt.indices("crossEntropy", targets, dimOf(logits), -1);
      kernels.crossEntropy(out, logits, indices, { smoothing, zLoss });
      return out;
    },
    dropout(x, rate, seed) {
      expectRows("dropout", x);
      if (!(rate >= 0 && rate < 1)) throw new RangeError(`Cannot drop a share of ${rate}, expected 0 ≤ rate < 1`);
      if (rate === 0) return x;
      const out = rt.temp(x.shape);
      kernels.dropout(out, x, rate, seed);
      return out;
    },
  };
}
