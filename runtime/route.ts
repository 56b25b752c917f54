import type { Backend } from "./backend.ts";
import type { Kernels } from "./kernels.ts";
import { expectRows, mismatch } from "./op_errors.ts";
import type { Tape } from "./tape.ts";
import { dimOf, type DType, type Layout, reshape, rowsOf, sliceRows, type Tensor } from "./tensor.ts";

/** What sends rows to some of several functions. */
export interface RouteOps {
  /**
   * `y[r] = Σ_e shares[r, e] · f(x, e)[r]`, `x [..., dim]`, `shares [..., experts]`: `f` gets rows `[count, dim]`, the same
   * result for each whichever rows they come with, and returns as many. Where values can be looked at
   * ({@linkcode Backend.peek}), it gets only those whose share is not 0, and is not called if there are none; elsewhere it
   * gets all, which gives the same bits if it gives finite numbers. Shares of 0 may or may not get a gradient: that of
   * `topSoftmax` does not ask for it.
   */
  route(x: Tensor, shares: Tensor, f: (x: Tensor, expert: number) => Tensor): Tensor;
}

/** The ops that routing is made of, as {@linkcode withRouting} finds them. */
export interface RoutingParts {
  /** Rows `ids` of a table. */
  embed(table: Tensor, ids: Tensor, shape: readonly number[]): Tensor;
  /** `x · wᵀ`. */
  matmul(x: Tensor, w: Tensor): Tensor;
  /** `x · y`, element by element. */
  mul(x: Tensor, y: Tensor): Tensor;
}

/** What routing needs of a runtime. */
export interface RoutingHost {
  /** The tape being recorded, if any. */
  readonly tape: Tape | undefined;
  /** What may look at shares. */
  readonly backend: Pick<Backend, "peek">;
  /** What sums up. */
  readonly kernels: Pick<Kernels, "fill" | "gather" | "gatherGrad" | "addScaled">;
  /** A scratch tensor. */
  temp(shape: readonly number[], dtype?: DType, layout?: Layout): Tensor;
  /** Ids in scratch memory, checked. */
  indices(op: string, values: ArrayLike<number>, limit: number): Tensor;
  /** Runs `f` and forgets its scratch tensors. */
  scope<T>(f: () => T): T;
  /** Runs `f`, which fills `out`, and forgets its scratch tensors. */
  scopeInto(out: Tensor, f: () => void): Tensor;
}

/** What an expert adds to the sum. */
interface Part {
  /** Rows times their shares. */
  readonly y: Tensor;
  /** Numbers of these rows; absent if they are all. */
  readonly ids: Tensor | undefined;
}

/** `ops`, which are recorded already, and those of {@linkcode RouteOps} made of them. */
export function withRouting<O extends RoutingParts>(ops: O, rt: RoutingHost): O & RouteOps {
  const { kernels } = rt;

  /** Adds `part`; rows that are left out would have added 0. */
  function add(sum: Tensor, { y, ids }: Part): void {
    if (ids) kernels.gatherGrad(sum, y, ids);
    else kernels.addScaled(sum, y, 1);
  }
  /** The way back: `y` was made for this sum alone, so its gradient is empty. */
  function addBack(tape: Tape, { y, ids }: Part, g: Tensor): void {
    const dy = tape.sum(y);
    if (!dy) return;
    if (ids) kernels.gather(dy, g, ids);
    else kernels.addScaled(dy, g, 1);
  }

  return {
    ...ops,
    route(x, shares, f) {
      expectRows("route", x, shares);
      if (String(x.shape.slice(0, -1)) !== String(shares.shape.slice(0, -1))) {
        throw mismatch("route", [x, shares], "shares for each row");
      }
      const rows = rowsOf(x), dim = dimOf(x), experts = dimOf(shares);
      const flat = reshape(x, [rows, dim]), list = reshape(shares, [rows * experts, 1]);
      const out = rt.temp(x.shape), sum = reshape(out, flat.shape), parts: Part[] = [];
      rt.scopeInto(out, () => {
        kernels.fill(out, 0);
        const ones = rt.temp([dim, 1], "f32", "panels"); // a product with it repeats a share for each channel
        kernels.fill(ones, 1);
        const chosen = rowsByExpert(rt.backend.peek?.(shares), rows, experts);
        // All at once: on a GPU, writing comes between kernels.
        const places = rt.indices("route", chosen.flatMap((own, e) => own.map((r) => r * experts + e)), rows * experts);
        let first = 0;
        // In ascending order: sums have an order.
        for (const [e, own] of chosen.entries()) {
          if (!own.length) continue;
          const count = own.length, place = sliceRows(places, first, count);
          first += count;
          rt.scope(() => {
            const ids = count < rows ? rt.indices("route", own, rows) : undefined;
            const given = ids ? ops.embed(flat, ids, [count]) : flat, y = f(given, e);
            if (String(y.shape) !== String(given.shape)) throw mismatch("route", [given, y], "as many rows, as long");
            const part = { y: ops.mul(y, ops.matmul(ops.embed(list, place, [count]), ones)), ids };
            add(sum, part);
            parts.push(part);
          });
        }
      });
      const { tape } = rt;
      tape?.record(out, parts.map(({ y }) => y), (g) => {
        for (const part of parts) addBack(tape, part, reshape(g, flat.shape));
      });
      return out;
    },
  };
}

/** Numbers of the rows that each expert has a share of; all of them if shares are not known. */
function rowsByExpert(shares: Float32Array | undefined, rows: number, experts: number): number[][] {
  const all = Array.from({ length: rows }, (_, r) => r);
  return Array.from({ length: experts }, (_, e) => shares ? all.filter((r) => shares[r * experts + e] !== 0) : all);
}
