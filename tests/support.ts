/** What several test files need: runtimes of every kind, numbers, golden files. */
import type { KernelExports } from "../kernels/gen/exports.ts";
import { dispatchBackend, referenceBackend, wasmBackend } from "../runtime/backend.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Activations } from "../runtime/kernels.ts";
import type { Dispatch } from "../runtime/dispatch.ts";
import { compileKernels, type Simd } from "../runtime/wasm.ts";
import { size, type Tensor } from "../runtime/tensor.ts";
import { eagerRuntime } from "./kit.ts";

/** A way to run kernels. */
export interface Variant {
  readonly name: string;
  open(activations?: Activations): Promise<Runtime>;
}

/** A WASM runtime whose every kernel goes through the dispatch that `make` returns. */
export function runtimeWith(
  simd: Simd,
  make: (module: WebAssembly.Module, memory: WebAssembly.Memory) => Dispatch,
  activations?: Activations,
): Runtime {
  const open = (memory: WebAssembly.Memory) => make(modules[simd], memory);
  return new Runtime(dispatchBackend(`${simd}, for tests`, 1, open, undefined, activations));
}

const modules: Readonly<Record<Simd, WebAssembly.Module>> = {
  baseline: await compileKernels("baseline"),
  relaxed: await compileKernels("relaxed"),
};

/** A dispatch for {@linkcode runtimeWith}: runs every kernel on one thread in pieces of `elements`, the last piece first. */
export function inPieces(elements: number): (module: WebAssembly.Module, memory: WebAssembly.Memory) => Dispatch {
  return (module, memory) => {
    const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
    return {
      chunk: (count) => Math.min(count, elements),
      run(name, count, chunk, ...args) {
        const kernel = exports[name] as (...args: number[]) => void;
        for (let piece = Math.ceil(count / chunk) - 1; piece >= 0; piece--) {
          kernel(...args, piece * chunk, Math.min(count, (piece + 1) * chunk));
        }
      },
    };
  };
}

/** Both builds on 1 and on 2 threads; 2 threads really share every kernel. */
export const wasmVariants: readonly Variant[] = (["baseline", "relaxed"] as const).flatMap((simd) => [
  {
    name: `${simd}, 1 thread`,
    open: async (activations = "q8") => new Runtime(await wasmBackend({ simd, threads: 1, activations })),
  },
  {
    name: `${simd}, 2 threads`,
    open: (activations) => eagerRuntime(simd, 2, activations),
  },
]);

/** The reference and every WASM variant. */
export const variants: readonly Variant[] = [
  { name: "reference", open: () => Promise.resolve(new Runtime(referenceBackend())) },
  ...wasmVariants,
];

/** `n` numbers in [−2, 2), the same for the same seed. */
export function uniform(n: number, seed: number): Float32Array<ArrayBuffer> {
  let state = Math.imul(seed + 1, 0x9e3779b9) | 1;
  return Float32Array.from({ length: n }, () => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return state / 2 ** 30;
  });
}

/** A tensor of such numbers. */
export function uniformTensor(rt: Runtime, shape: readonly number[], seed: number): Tensor {
  return rt.tensor(shape, uniform(size(shape), seed));
}

/** Largest `|a − b| / (1 + |b|)`; infinite for lengths that differ or a NaN on one side. */
export function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = actual.length === expected.length ? 0 : Infinity;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (Object.is(a, b) || a === b) continue;
    const error = Math.abs(a - b) / (1 + Math.abs(b));
    worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
  }
  return worst;
}

/** Fails unless every element is within `tolerance · (1 + |expected|)`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  const worst = worstError(actual, expected);
  if (!(worst <= tolerance)) throw new Error(`${what}: error ${worst.toExponential(2)}, expected at most ${tolerance}`);
}

/** Fails unless both hold the same bits. */
export function assertSameBits(
  actual: Float32Array<ArrayBuffer>,
  expected: Float32Array<ArrayBuffer>,
  what: string,
): void {
  const [a, b] = [new Uint32Array(actual.buffer), new Uint32Array(expected.buffer)];
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} elements, expected ${b.length}`);
  const at = a.findIndex((bits, i) => bits !== b[i]);
  if (at >= 0) throw new Error(`${what}: element ${at} is ${actual[at]}, expected the bits of ${expected[at]}`);
}

/** Models whose golden numbers are in the repository. */
export const goldenModels = [
  "llama_mha",
  "llama_gqa",
  "llama3_rope",
  "gpt2",
  "mistral_swa",
  "qwen2",
  "qwen3",
  "gemma",
  "gemma2",
  "gpt_neox",
  "gptj",
  "bloom",
  "falcon_mqa",
  "opt",
  "starcoder2",
] as const;

/** Golden numbers that are in the repository. */
export const golden = new URL("./golden/", import.meta.url);
/** Larger fixtures beside a checkout, which may not be there. */
export const fixtures = new URL("../../shared/fixtures/", import.meta.url);

/** Whether a fixture is there; says so once where it is not. */
export function hasFixture(name: string): boolean {
  try {
    Deno.statSync(new URL(name, fixtures));
    return true;
  } catch {
    console.warn(`not run: the fixture ${name} is not beside this checkout`);
    return false;
  }
}

/** A JSON file. */
export function readJson<T>(url: URL): T {
  return JSON.parse(Deno.readTextFileSync(url));
}

/** A golden tensor. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** Every tensor of a safetensors file, by a reader of its own, so that it cannot share a mistake with the product's. */
export function readGolden(url: URL): Map<string, GoldenTensor> {
  const file = Deno.readFileSync(url), header = Number(new DataView(file.buffer).getBigUint64(0, true));
  const entries = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + header)));
  const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array };
  delete entries.__metadata__;
  return new Map(
    Object.entries<{ dtype: keyof typeof arrays; shape: number[]; data_offsets: [number, number] }>(entries).map(
      ([name, { dtype, shape, data_offsets: [begin, end] }]) => {
        const bytes = file.slice(8 + header + begin, 8 + header + end);
        return [name, {
          shape,
          values: Float64Array.from(new arrays[dtype](bytes.buffer) as ArrayLike<number>, Number),
        }];
      },
    ),
  );
}
