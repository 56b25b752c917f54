/** What the parts of bench/webgpu.ts have in common: runtimes, weights, times. */
import { createRuntime, type Runtime, size, type Tensor, type WeightType } from "../../mod.ts";
import { type WebgpuBackend, webgpuBackend, type WebgpuOptions } from "../../runtime/webgpu/backend.ts";
import { median } from "../peers/measure.ts";
import { copyRate, multiplyRate, openAdapter, openBench } from "./raw.ts";

/** How matrices of weights are stored. */
export type Weights = WeightType;

/** What a device does at best. */
export interface Ceilings {
  /** Multiply-adds in registers, f32: operations in a second. */
  readonly multiply: number;
  /** A copy: bytes in a second, read and write counted. */
  readonly copy: number;
}

/** What was asked for. */
export interface Setup {
  /** Default: `webgpu`. `wasm` is for comparison: it has no ceilings here, and no counts. */
  readonly backend: "webgpu" | "wasm";
  /** Sizes that a software adapter can do. */
  readonly small: boolean;
  /** How weights are stored, one after the other. */
  readonly weights: readonly Weights[];
  /** Models by name; all of them where it is empty. */
  readonly models: readonly string[];
  /** Part of an op's name: the others are left out. */
  readonly filter: string;
  /** See {@linkcode Ceilings}. */
  readonly ceilings: Ceilings | undefined;
}

const ROUNDS = 5;
/** Random numbers that weights are made of, again and again: a prime number of them, so that rows differ. */
const NUMBERS = 1_000_003;
const numbers = new Float32Array(NUMBERS);
for (let i = 0, x = 1; i < NUMBERS; i++) numbers[i] = (x = Math.imul(x, 1664525) + 1013904223 | 0) / 2 ** 31;
const bytes = new Uint8Array(numbers.buffer);

/** A runtime on what was asked for. */
export async function openRuntime({ backend }: Setup, options: WebgpuOptions = {}): Promise<Runtime> {
  return await createRuntime({ backend: backend === "webgpu" ? await webgpuBackend(options) : backend });
}

/** What the GPU has been asked to do so far; zeros for what is no GPU. */
export function statsOf({ backend }: Runtime): ReturnType<WebgpuBackend["stats"]> {
  const none = { dispatches: 0, submissions: 0, reads: 0, buffers: 0, bytes: 0, pipelines: 0 };
  return "stats" in backend ? (backend as WebgpuBackend).stats() : none;
}

/** Measures what a device does at best. */
export async function measureCeilings(small: boolean): Promise<Ceilings> {
  const bench = await openBench(await openAdapter());
  try {
    return { multiply: await multiplyRate(bench, "f32", small), copy: await copyRate(bench, small) };
  } finally {
    bench.device.destroy();
  }
}

/** Element `i`, counted row by row, of what {@linkcode randomize} writes. */
export function randomAt(i: number, scale: number): number {
  return numbers[i % NUMBERS] * scale;
}

/** Fills `t`, in whatever layout and type, with numbers in [−scale, scale), piece by piece. */
export async function randomize(runtime: Runtime, t: Tensor, scale: number): Promise<void> {
  const scaled = scale === 1 ? bytes : new Uint8Array(numbers.map((n) => n * scale).buffer);
  await runtime.load(t, (offset, into) => {
    for (let at = 0; at < into.length;) {
      const from = (offset + at) % scaled.length, count = Math.min(scaled.length - from, into.length - at);
      into.set(scaled.subarray(from, from + count), at);
      at += count;
    }
  }, { dtype: "f32" });
}

/**
 * Seconds that `run` takes: of as many runs between two readings as take `seconds`, and of twice as many; a reading takes
 * milliseconds whatever there is to read, and this leaves it out. The median of several such differences.
 */
export async function secondsPerRun(runtime: Runtime, run: () => void, seconds = 0.1): Promise<number> {
  const arena = runtime.arena(), probe = runtime.place(arena, [1]);
  const burst = async (count: number) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) runtime.scope(run);
    await runtime.backend.read(probe);
    return (performance.now() - start) / 1000;
  };
  const difference = async (count: number) => {
    const [one, two] = [await burst(count), await burst(2 * count)];
    return (two - one) / count;
  };
  await burst(1); // compiles
  let count = 1, each = await difference(1);
  while (count * each < seconds && count < 4096) each = await difference(count *= 2);
  const all = [each];
  while (all.length < (each > 1 ? 1 : ROUNDS)) all.push(await difference(count));
  arena.close();
  return median(all);
}

/** Throws unless elements of `out = x wᵀ` are right, both operands being what {@linkcode randomize} writes. */
export async function expectProduct(runtime: Runtime, out: Tensor, k: number, tolerance: number): Promise<void> {
  const values = await runtime.read(out), [, n] = out.shape;
  for (let sample = 0; sample < 16; sample++) {
    const at = Math.floor(size(out.shape) * (sample + 0.5) / 16), row = Math.floor(at / n), column = at % n;
    let sum = 0;
    for (let i = 0; i < k; i++) sum += randomAt(row * k + i, 1) * randomAt(column * k + i, 1);
    if (!(Math.abs(values[at] - sum) <= tolerance * Math.sqrt(k))) {
      throw new Error(`element ${at} of a product is ${values[at]}, expected ${sum}`);
    }
  }
}
