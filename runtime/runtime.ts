import { Arena } from "./arena.ts";
import type { Backend } from "./backend.ts";
import type { AttentionDropout, Kernels } from "./kernels.ts";
import { type BackendName, type BackendOptions, openBackend } from "./open_backend.ts";
import { createOps, type Ops } from "./ops.ts";
import { recordedOps } from "./recorded_ops.ts";
import { withRouting } from "./route.ts";
import { Tape } from "./tape.ts";
import { blockWriter } from "./blocks.ts";
import { loadBlocks } from "./load_blocks.ts";
import type { ReadBytes, StoredAs } from "./stored.ts";
import {
  bytesOf,
  describeTensor,
  type DType,
  elementBytes,
  elementBytesOf,
  isBlocks,
  type Layout,
  PANEL,
  panelBytes,
  size,
  type Tensor,
} from "./tensor.ts";

export type { ReadBytes, StoredAs } from "./stored.ts";

/** Bytes read from a file at a time: small enough to stay in cache until they are packed. */
const PIECE = 1 << 20;

/** Options of {@linkcode createRuntime}. */
export interface RuntimeOptions extends BackendOptions {
  /**
   * `wasm` (default), `webgpu`, `auto` (a GPU if there is one, else WASM; {@linkcode Backend.note} says which and why),
   * `reference`, or a backend of your own, to which the other options mean nothing.
   */
  readonly backend?: BackendName | Backend;
}

/**
 * A runtime: memory, kernels and ops. Close it to free its memory and threads.
 *
 * @example
 * ```ts
 * import { createRuntime } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * using runtime = await createRuntime({ threads: 1 });
 * const x = runtime.tensor([2, 2], [1, 2, 3, 4]);
 * assertEquals(await runtime.read(runtime.ops.scale(x, 10)), Float32Array.of(10, 20, 30, 40));
 * ```
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const { backend = "wasm", ...rest } = options;
  return new Runtime(typeof backend === "object" ? backend : await openBackend(backend, rest));
}

/** What ops do beside computing. */
interface Mode {
  readonly tape: Tape | undefined;
  readonly attentionDropout: AttentionDropout | undefined;
}

/** Memory, kernels and ops over one backend. */
export class Runtime implements Disposable {
  /** What it runs on. */
  readonly backend: Backend;
  /** Differentiable operations. */
  readonly ops: Ops;
  #closed = false;
  #mode: Mode = { tape: undefined, attentionDropout: undefined };

  /** Takes over `backend`: closing the runtime closes it. */
  constructor(backend: Backend) {
    this.backend = backend;
    this.ops = withRouting(recordedOps(createOps(this), this), this);
  }

  /** The backend's kernels. */
  get kernels(): Kernels {
    return this.backend.kernels;
  }

  /** A new arena for tensors that outlive a {@linkcode Runtime.scope}. */
  arena(): Arena {
    this.#check();
    return new Arena(this.backend.memory);
  }

  /** An uninitialised tensor in `arena`. */
  place(arena: Arena, shape: readonly number[], layout: Layout = "rows", dtype: DType = "f32"): Tensor {
    return { ptr: arena.alloc(bytesOf({ shape, dtype, layout })), shape, dtype, layout };
  }

  /** An uninitialised tensor in scratch memory, which lasts until the enclosing {@linkcode Runtime.scope} ends. */
  temp(shape: readonly number[], dtype: DType = "f32", layout: Layout = "rows"): Tensor {
    this.#check();
    return this.place(this.backend.scratch, shape, layout, dtype);
  }

  /** A tensor in scratch memory that holds `values`. */
  tensor(shape: readonly number[], values: ArrayLike<number>): Tensor {
    const t = this.temp(shape);
    this.write(t, values);
    return t;
  }

  /**
   * Token ids or positions in scratch memory; each must be a whole number from `least` (default: 0) below `limit`. An i32
   * tensor is taken as it is: what it holds is not known here.
   */
  indices(op: string, values: ArrayLike<number> | Tensor, limit: number, least = 0): Tensor {
    if ("ptr" in values) {
      if (values.dtype === "i32" && values.layout === "rows") return values;
      throw new TypeError(`Cannot ${op} ${describeTensor(values)}, expected i32 in rows`);
    }
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      if (!(Number.isInteger(v) && v >= least && v < limit)) {
        throw new RangeError(`Cannot ${op} index ${i}: current value is ${v}, expected a whole number below ${limit}`);
      }
    }
    const t = this.temp([values.length], "i32");
    this.backend.write(t, values);
    return t;
  }

  /** The tape being recorded, if any. */
  get tape(): Tape | undefined {
    return this.#mode.tape;
  }

  /** What {@linkcode Runtime.dropAttention} asks for at the moment. */
  get attentionDropout(): AttentionDropout | undefined {
    return this.#mode.attentionDropout;
  }

  /** Runs `f`, recording its ops on `tape`; with `undefined`, recording nothing. */
  record<T>(tape: Tape | undefined, f: () => T): T {
    return this.#during({ ...this.#mode, tape }, f);
  }

  /** Runs `f`, in which attention drops probabilities. */
  dropAttention<T>(dropout: AttentionDropout, f: () => T): T {
    return this.#during({ ...this.#mode, attentionDropout: dropout }, f);
  }

  /** Runs `f`, then forgets the scratch tensors that it made. While a tape is recorded they stay: it refers to them. */
  scope<T>(f: () => T): T {
    if (this.tape) return f();
    const { scratch } = this.backend, mark = scratch.mark();
    try {
      return f();
    } finally {
      scratch.rewind(mark);
    }
  }

  /** Runs `f`, which fills `out`, then forgets the other scratch tensors that it made. */
  scopeInto(out: Tensor, f: () => void): Tensor {
    this.scope(f);
    return out;
  }

  /** Runs `f` and keeps only its result. */
  keep(f: () => Tensor): Tensor {
    if (this.tape) return f();
    const result = this.scope(f), home = this.temp(result.shape, result.dtype);
    if (home.ptr !== result.ptr) this.backend.copy(home, result);
    return home;
  }

  /**
   * `f(x)`; going back, it is run again, so that nothing of it need be kept meanwhile. Chen et al. 2016,
   * https://arxiv.org/abs/1604.06174
   */
  recompute(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
    const { tape } = this;
    if (!tape) return f(x);
    const out = this.record(undefined, () => this.keep(() => f(x)));
    tape.record(out, undefined, (g) => {
      tape.gradient(x); // made here, outside of what is forgotten
      this.scope(() => {
        const inner = new Tape(this, tape), again = this.record(inner, () => f(x));
        inner.backward(again, g);
      });
    });
    return out;
  }

  /** Sets the elements of `t` from row-major `values`. */
  write(t: Tensor, values: ArrayLike<number>): void {
    if (values.length !== size(t.shape)) {
      throw new TypeError(`Cannot write ${values.length} values to ${describeTensor(t)}, expected ${size(t.shape)}`);
    }
    if (t.layout === "rows") return this.backend.write(t, values);
    const { dtype } = t;
    if (!isBlocks(dtype)) return this.scope(() => this.kernels.pack(t, this.tensor(t.shape, values), 0));
    this.backend.fill(t, (into) => blockWriter(into, dtype, t.shape).rows(Float32Array.from(values), 0));
  }

  /** A copy of the elements of `t`, row-major. */
  read(t: Tensor): Promise<Float32Array<ArrayBuffer>> {
    this.#check();
    if (t.layout === "rows") return this.backend.read(t);
    const { scratch } = this.backend, mark = scratch.mark(), rows = this.temp(t.shape);
    this.kernels.unpack(rows, t);
    const read = this.backend.read(rows);
    scratch.rewind(mark);
    return read;
  }

  /**
   * The elements of `t`, row-major, in pieces of about a megabyte: what {@linkcode Runtime.load} is for reading, this is
   * for writing. `t` must not change before the last piece.
   */
  async *pieces(t: Tensor): AsyncGenerator<Float32Array<ArrayBuffer>, void> {
    // A run of whole panels is a tensor in panels; a run of values in rows is a vector.
    const panels = t.layout === "panels", unit = panels ? t.shape[1] : 1, count = size(t.shape) / unit;
    const step = Math.max(PANEL, Math.floor(PIECE / 4 / unit / PANEL) * PANEL);
    for (let first = 0; first < count; first += step) {
      const rows = Math.min(step, count - first);
      yield await this.read({
        ...t,
        ptr: t.ptr + (panels ? first / PANEL * panelBytes(unit, t.dtype) : first * elementBytesOf(t)),
        shape: panels ? [rows, unit] : [rows],
      });
    }
  }

  /** Fills `t` from a stored tensor, piece by piece, without ever holding it a second time. */
  async load(t: Tensor, read: ReadBytes, stored: StoredAs): Promise<void> {
    const { dtype, transposed = false } = stored, { dtype: held } = t;
    if (isBlocks(held)) {
      await this.backend.fill(t, (into) => loadBlocks(into, held, t.shape, read, stored));
      return;
    }
    if (t.layout === "rows" && dtype === "f32" && !transposed) {
      await this.backend.fill(t, (into) => read(0, into));
      return;
    }
    if (transposed && t.layout !== "panels") {
      throw new TypeError(`Cannot transpose into ${describeTensor(t)}, expected a matrix in panels`);
    }
    const [n, k] = t.shape.length === 2 ? t.shape : [1, size(t.shape)];
    const outer = transposed ? k : n, inner = transposed ? n : k, row = inner * elementBytes[dtype];
    // Whole panels at a time; a vector goes in one piece.
    const step = t.shape.length === 2 ? Math.max(8, Math.floor(PIECE / row / 8) * 8) : outer;
    const staging = this.arena(), empty = staging.mark(); // its own: scratch may not be held while reading
    try {
      for (let first = 0; first < outer; first += step) {
        const rows = Math.min(step, outer - first);
        staging.rewind(empty);
        const raw = this.place(staging, [rows, inner], "rows", dtype);
        await this.backend.fill(raw, (into) => read(first * row, into));
        const wide = dtype === "f32" ? raw : this.place(staging, [rows, inner]);
        if (wide !== raw) this.kernels.widen(wide, raw);
        if (t.layout === "panels") this.kernels[transposed ? "packTransposed" : "pack"](t, wide, first);
        else this.backend.copy({ ...t, ptr: t.ptr + first * inner * elementBytesOf(t), shape: wide.shape }, wide);
      }
    } finally {
      staging.close();
    }
  }

  /** Ends threads and gives memory back. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.backend.scratch.close();
    this.backend.close();
  }

  /** Lets `using` close it. */
  [Symbol.dispose](): void {
    this.close();
  }

  #during<T>(mode: Mode, f: () => T): T {
    const before = this.#mode;
    this.#mode = mode;
    try {
      return f();
    } finally {
      this.#mode = before;
    }
  }

  #check(): void {
    if (this.#closed) throw new Error("Cannot use the runtime: it is closed, expected an open one");
  }
}
