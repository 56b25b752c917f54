import { Arena } from "./arena.ts";
import type { Backend } from "./backend.ts";
import type { Kernels } from "./kernels.ts";
import type { MemoryPool, Region } from "./memory.ts";
import { dimOf, rowsOf, size, type Tensor } from "./tensor.ts";

/** A backend that computes nothing and counts: for knowing what a model needs before it is built. */
export interface Planner {
  /** Pass it to a {@linkcode Runtime}. */
  readonly backend: Backend;
  /** Floating-point operations of products so far, a multiply-add counted as two. */
  flops(): number;
}

/** Multiply-adds of the kernels that are products; everything else is below a hundredth of them and counts nothing. */
const multiplyAdds: { readonly [K in keyof Kernels]?: (...args: Parameters<Kernels[K]>) => number } = {
  matmul: (out, x) => size(out.shape) * dimOf(x),
  attention(_out, q, _cache, _kvHeads, { start, window }) {
    const [batch, time, heads, headDim] = q.shape;
    let seen = 0;
    for (let t = 1; t <= time; t++) seen += window ? Math.min(window, start + t) : start + t;
    return 2 * batch * heads * headDim * seen;
  },
};

/** A new {@linkcode Planner}, with all the memory that it is asked for. */
export function createPlanner(): Planner {
  let top = 65536, used = 0, count = 0, chosen: { readonly out: Tensor; readonly count: number } | undefined;
  const memory: MemoryPool = {
    get used() {
      return used;
    },
    available: Infinity,
    reserve(bytes): Region {
      const start = top;
      top += bytes;
      used += bytes;
      return { start, end: top };
    },
    release: ({ start, end }) => void (used -= end - start),
  };
  const kernels = new Proxy({}, {
    get: (_, name: keyof Kernels) => (...args: unknown[]) => {
      const cost = multiplyAdds[name] as ((...args: unknown[]) => number) | undefined;
      count += cost?.(...args) ?? 0;
      const [out] = args as [Tensor];
      if (name === "topSoftmax") chosen = { out, count: args[2] as number };
      else if (chosen?.out.ptr === out.ptr) chosen = undefined;
    },
  }) as Kernels;
  const backend: Backend = {
    name: "planner",
    threads: 1,
    kernels,
    memory,
    scratch: new Arena(memory),
    fill() {},
    write() {},
    copy() {},
    // Of a row, as many are not 0 as topSoftmax leaves, no matter which; of anything else, all that it may be.
    peek(t) {
      const n = dimOf(t), most = chosen?.out.ptr === t.ptr ? chosen.count : n;
      return Float32Array.from({ length: rowsOf(t) * n }, (_, i) => i % n < most ? 1 : 0);
    },
    read: (t) => Promise.resolve(new Float32Array(rowsOf(t) * dimOf(t))),
    close() {},
  };
  return { backend, flops: () => 2 * count };
}
