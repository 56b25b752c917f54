import { Arena } from "./arena.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Activations, Kernels } from "./kernels.ts";
import { LinearMemory, type MemoryPool } from "./memory.ts";
import { Pool } from "./pool.ts";
import { referenceKernels } from "./reference.ts";
import { bytesOf, type CacheType, type Tensor, type WeightType } from "./tensor.ts";
import { bestSimd, compileKernels, type Simd, wasmKernels } from "./wasm.ts";

/**
 * Where tensors live and what computes on them. Everything but {@linkcode Backend.read} is done, or queued, when it
 * returns; so a backend whose memory is elsewhere fits the same calls.
 */
export interface Backend {
  /** For people: `wasm relaxed, 2 threads`. */
  readonly name: string;
  /** What was taken, and why, where it was not named outright: `no WebGPU adapter was found: computing with wasm …`. */
  readonly note?: string;
  /** Threads that share the work. */
  readonly threads: number;
  /** What it computes. */
  readonly kernels: Kernels;
  /** What arenas take their memory from. */
  readonly memory: MemoryPool;
  /** Activations and other short-lived tensors. */
  readonly scratch: Arena;
  /** Lets `read` write the stored bytes of `t`, straight into place where memory can be reached. */
  fill(t: Tensor, read: (into: Uint8Array<ArrayBufferLike>) => void | Promise<void>): void | Promise<void>;
  /** Sets the stored elements of an f32 or i32 tensor. */
  write(t: Tensor, values: ArrayLike<number>): void;
  /** Copies the elements of `x` to `out`, which may overlap it. */
  copy(out: Tensor, x: Tensor): void;
  /** A copy of the stored elements of an f32 or i32 tensor. */
  read(t: Tensor): Promise<Float32Array<ArrayBuffer>>;
  /**
   * A copy of the elements of an f32 tensor, at once: for deciding by values what is to be computed. Absent where reading
   * waits.
   */
  peek?(t: Tensor): Float32Array;
  /** Its memory is far away, so that reading waits: what depends on values had better be decided there. Default: `false`. */
  readonly far?: boolean;
  /** What matrices of weights may be stored as. Default: only `f32`; anything else can be read by products, but not trained. */
  readonly stores?: readonly WeightType[];
  /** What caches may keep keys and values as. Default: only `f32`. */
  readonly caches?: readonly CacheType[];
  /** Frees everything. */
  close(): void;
}

/** How {@linkcode wasmBackend} is set up. */
export interface WasmOptions {
  /** Threads to use, at least 1. Default: as many as the machine has. Results are the same for any number. */
  readonly threads?: number;
  /** Default: `relaxed` where the engine has it. `baseline` gives the same bytes on every machine. */
  readonly simd?: Simd;
  /** Most memory to use. Default and limit: 4 GiB. */
  readonly maximumBytes?: number;
  /** How products with weights in blocks take activations. Default: `q8`. */
  readonly activations?: Activations;
}

/** Kernels in WebAssembly SIMD on shared memory, split over threads. */
export async function wasmBackend(options: WasmOptions = {}): Promise<Backend> {
  const { threads = machineThreads(), simd = bestSimd(), maximumBytes, activations } = options;
  expectActivations(activations);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new RangeError(`Cannot use ${threads} threads, expected a whole number from 1 to 1024`);
  }
  if (simd !== "baseline" && simd !== "relaxed") {
    throw new TypeError(`Cannot use simd ${JSON.stringify(simd)}, expected "baseline" or "relaxed"`);
  }
  const module = await compileKernels(simd), name = `wasm ${simd}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  return dispatchBackend(name, threads, (memory) => new Pool(module, memory, threads), maximumBytes, activations);
}

/** A backend whose kernels in WebAssembly run as `open` says, which is given its memory. */
export function dispatchBackend(
  name: string,
  threads: number,
  open: (memory: WebAssembly.Memory) => Dispatch & { close?(): void },
  maximumBytes?: number,
  activations?: Activations,
): Backend {
  const memory = new LinearMemory(maximumBytes), scratch = new Arena(memory), dispatch = open(memory.memory);
  return linearBackend({
    name,
    threads,
    kernels: wasmKernels(dispatch, memory, scratch, activations),
    memory,
    scratch,
    close: () => dispatch.close?.(),
  }, memory.memory);
}

/** The reference kernels as a backend: slow, in TypeScript, right. */
export function referenceBackend(
  { maximumBytes, activations }: Pick<WasmOptions, "maximumBytes" | "activations"> = {},
): Backend {
  expectActivations(activations);
  const memory = new LinearMemory(maximumBytes);
  return linearBackend({
    name: "reference",
    threads: 1,
    kernels: referenceKernels(memory.memory, activations),
    memory,
    scratch: new Arena(memory),
    close() {},
  }, memory.memory);
}

/** A backend whose tensors lie in `memory`, which this process reaches directly. */
function linearBackend(
  parts: Pick<Backend, "name" | "threads" | "kernels" | "memory" | "scratch" | "close">,
  memory: WebAssembly.Memory,
): Backend {
  const floats = (t: Tensor) => new Float32Array(memory.buffer, t.ptr, bytesOf(t) / 4);
  const integers = (t: Tensor) => new Int32Array(memory.buffer, t.ptr, bytesOf(t) / 4);
  return {
    ...parts,
    stores: ["f32", "q8_0", "q4_0"],
    caches: ["f32", "f16", "q8_0"],
    fill: (t, read) => read(new Uint8Array(memory.buffer, t.ptr, bytesOf(t))),
    write: (t, values) => (t.dtype === "i32" ? integers(t) : floats(t)).set(values),
    copy: (out, x) => new Uint8Array(memory.buffer).copyWithin(out.ptr, x.ptr, x.ptr + bytesOf(x)),
    peek: (t) => new Float32Array(floats(t)),
    read: (t) => Promise.resolve(new Float32Array(t.dtype === "i32" ? integers(t) : floats(t))),
  };
}

function expectActivations(activations: Activations = "q8"): void {
  if (activations === "q8" || activations === "f32") return;
  throw new TypeError(`Cannot take activations in ${JSON.stringify(activations)}, expected "q8" or "f32"`);
}

/** Threads that the machine offers. */
export function machineThreads(): number {
  return Math.max(
    1,
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1,
  );
}
