import type { StoredTensor } from "../../model/format.ts";
import { CheckpointError } from "../../model/source.ts";
import { size } from "../../runtime/tensor.ts";

/** `count` rows from `first` on. */
export type Run = readonly [first: number, count: number];

/** Rows of a stored tensor of `all` rows, run after run: of a vector, elements. Nothing is read before they are. */
export function rowsOf(tensor: StoredTensor, all: number, runs: readonly Run[]): StoredTensor {
  expectRows(tensor, all);
  return stacked(runs.map((run) => ({ tensor, run })));
}

/** Rows of stored tensors that differ in nothing but their number of rows, one after another. */
function stacked(parts: readonly { readonly tensor: StoredTensor; readonly run: Run }[]): StoredTensor {
  const { tensor } = parts[0], [, ...rest] = tensor.shape, row = (tensor.dtype === "f32" ? 4 : 2) * size(rest);
  return {
    ...tensor,
    shape: [parts.reduce((sum, { run: [, count] }) => sum + count, 0), ...rest],
    async read(offset, into) {
      let at = 0, skip = offset;
      for (const { tensor: { read }, run: [first, count] } of parts) {
        const bytes = Math.min(count * row - skip, into.length - at);
        if (bytes > 0) await read(first * row + skip, into.subarray(at, at + bytes));
        at += Math.max(0, bytes);
        skip = Math.max(0, skip - count * row);
      }
    },
  };
}

function expectRows({ shape: [rows, ...rest], where }: StoredTensor, all: number): void {
  if (rows === all) return;
  const [own, expected] = [rows, all].map((n) => [n, ...rest].join(", "));
  throw new CheckpointError(`Cannot read ${where}: its shape is [${own}], expected [${expected}]`);
}

/** A stored tensor `[a, b, ...rest]` as `[a · b, ...rest]`. */
export function flat(tensor: StoredTensor): StoredTensor {
  const [a, b, ...rest] = tensor.shape;
  return { ...tensor, shape: [a * b, ...rest] };
}

/** How queries, keys and values lie in one tensor: `groups` times the rows of some query heads, a key head, a value head. */
export interface FusedHeads {
  /** Key heads. */
  readonly groups: number;
  /** Query heads that share a key head. */
  readonly queries: number;
  /** Rows of a head. */
  readonly headDim: number;
}

/** The parameters of an attention at `path` in a tensor of queries, keys and values; `kind` is `weight` or `bias`. */
export function fusedHeads(
  path: string,
  kind: string,
  tensor: StoredTensor,
  { groups, queries, headDim }: FusedHeads,
): [path: string, tensor: StoredTensor][] {
  const group = (queries + 2) * headDim;
  if (!Number.isInteger(headDim)) {
    throw new CheckpointError(`Cannot read ${tensor.where}: ${groups * queries} heads have ${headDim} rows each`);
  }
  expectRows(tensor, groups * group); // before as many runs are listed as a config says
  const part = (first: number, count: number) =>
    rowsOf(
      tensor,
      groups * group,
      Array.from({ length: groups }, (_, g): Run => [g * group + first * headDim, count * headDim]),
    );
  return [
    [`${path}.q.${kind}`, part(0, queries)],
    [`${path}.k.${kind}`, part(queries, 1)],
    [`${path}.v.${kind}`, part(queries + 1, 1)],
  ];
}

/**
 * The parameters of experts at `path` in a tensor of all of them: `down_proj [experts, dim, hidden]`, or `gate_up_proj
 * [experts, 2 · hidden, dim]`.
 */
export function fusedExperts(
  path: string,
  which: string,
  tensor: StoredTensor,
  { experts, hidden }: { readonly experts: number; readonly hidden: number },
): [path: string, tensor: StoredTensor][] {
  const [count, rows] = tensor.shape, down = which === "down_proj";
  if (tensor.shape.length !== 3 || count !== experts || (!down && rows !== 2 * hidden)) {
    throw new CheckpointError(
      `Cannot read ${tensor.where}: its shape is [${tensor.shape.join(", ")}], expected [${experts}, ${
        down ? "dim" : 2 * hidden
      }, ...]`,
    );
  }
  const part = (first: number, size: number) => rowsOf(flat(tensor), count * rows, [[first, size]]);
  return Array.from({ length: count }, (_, e): [string, StoredTensor][] => {
    const expert = `${path}.expert.${e}`, at = e * rows;
    if (down) return [[`${expert}.down.weight`, part(at, rows)]];
    return [[`${expert}.gate.weight`, part(at, hidden)], [`${expert}.up.weight`, part(at + hidden, hidden)]];
  }).flat();
}

/** Stored tensors one after another: `[Σ nᵢ, ...rest]`. */
export function joined(parts: readonly StoredTensor[]): StoredTensor {
  const [{ dtype, shape: [, ...rest] }] = parts;
  const odd = parts.find((part) => part.dtype !== dtype || String(part.shape.slice(1)) !== String(rest));
  if (odd) {
    throw new CheckpointError(`Cannot read ${odd.where}: it differs from ${parts[0].where}, expected ${dtype} alike`);
  }
  return stacked(parts.map((tensor) => ({ tensor, run: [0, tensor.shape[0]] })));
}
