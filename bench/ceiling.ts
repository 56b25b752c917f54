/**
 * What this machine and engine could do at best: relaxed multiply-adds that never leave registers, and reads of a
 * buffer that no cache holds. Nothing that computes in WebAssembly gets beyond either.
 *
 * @example
 * ```ts
 * import { measureCeiling } from "./ceiling.ts";
 *
 * const { gflops, gigabytes } = await measureCeiling(2, 0.3);
 * console.log(`${gflops.toFixed(0)} GFLOP/s, ${gigabytes.toFixed(0)} GB/s`);
 * ```
 *
 * @module
 */
import asc from "assemblyscript/asc";
import type { Setup, Task } from "./ceiling_worker.ts";

/** Rates that all threads reach together. */
export interface CeilingRates {
  /** f32 multiply-adds in registers, two operations each: GFLOP/s. */
  readonly gflops: number;
  /** Bytes read from memory: GB/s (10⁹ bytes). */
  readonly gigabytes: number;
}

/** A ceiling that can be measured again and again. */
export interface Ceiling extends Disposable {
  /** Spends about `seconds` on each of the two rates. */
  measure(seconds: number): Promise<CeilingRates>;
}

/** What the buffer takes: many times any cache. */
const BUFFER = 512 * 2 ** 20;
/** The buffer begins behind the first page, which holds what threads wait on. */
const PAGE = 65536;
/** Multiply-adds that are under way at once: a core finishes two vectors a cycle, four cycles after they began. */
const CHAINS = 12;
/** Vectors that a turn of the reading loop loads, and accumulators that take them in. */
const LOADS = 16, ACCUMULATORS = 4;

/** Compiles the kernels, fills the buffer and starts the threads. */
export async function openCeiling(threads: number): Promise<Ceiling> {
  const module = new WebAssembly.Module(await compile());
  const pages = (PAGE + BUFFER) / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  // Pages that were never written are all the same page, which caches hold.
  new Uint8Array(memory.buffer, PAGE).fill(0x3f);
  const share = Math.floor(BUFFER / threads / (16 * LOADS)) * 16 * LOADS;
  const workers = Array.from({ length: threads }, (_, i) => {
    const worker = new Worker(new URL("./ceiling_worker.ts", import.meta.url), { type: "module" });
    const setup: Setup = { module, memory, threads, begin: PAGE + i * share, bytes: share, operations: CHAINS * 4 * 2 };
    worker.postMessage(setup);
    return worker;
  });
  let round = 0;
  const together = async (kind: Task["kind"], seconds: number) => {
    round++;
    const rates = await Promise.all(workers.map((worker) => ask(worker, { kind, seconds, round })));
    return rates.reduce((sum, rate) => sum + rate) / 1e9;
  };
  return {
    async measure(seconds) {
      return { gflops: await together("compute", seconds), gigabytes: await together("read", seconds) };
    },
    [Symbol.dispose]: () => workers.forEach((worker) => worker.terminate()),
  };
}

/** Measures the ceiling of `threads` threads once, with about `seconds` for each of the two rates. */
export async function measureCeiling(threads: number, seconds: number): Promise<CeilingRates> {
  using ceiling = await openCeiling(threads);
  return await ceiling.measure(seconds);
}

function ask(worker: Worker, task: Task): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot measure the ceiling: ${event.message}`));
    };
    worker.postMessage(task);
  });
}

/** The kernels in AssemblyScript. They return what they found, so that nothing is optimized away. */
function source(): string {
  const each = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");
  const total = (type: string, op: string, count: number) =>
    `${each(count - 1, (i) => `c0 = ${type}.${op}(c0, c${i + 1});`)}`;
  return `
export function compute(turns: i32, zero: f32): f32 {
  const factor = f32x4.splat(0.9999 + zero), term = f32x4.splat(0.0001 + zero);
  ${each(CHAINS, (i) => `let c${i} = f32x4.splat(${i}.0 + zero);`)}
  for (; turns > 0; turns--) {
    ${each(CHAINS, (i) => `c${i} = f32x4.relaxed_madd(c${i}, factor, term);`)}
  }
  ${total("f32x4", "add", CHAINS)}
  return f32x4.extract_lane(c0, 0);
}
export function read(from: usize, bytes: usize): i32 {
  ${each(ACCUMULATORS, (i) => `let c${i} = i32x4.splat(0);`)}
  for (const end = from + bytes; from < end; from += ${16 * LOADS}) {
    ${each(LOADS, (i) => `c${i % ACCUMULATORS} = v128.or(c${i % ACCUMULATORS}, v128.load(from, ${16 * i}));`)}
  }
  ${total("v128", "or", ACCUMULATORS)}
  return i32x4.extract_lane(c0, 0);
}`;
}

/** Optimization is left to V8, as it is for Tenon's kernels. */
async function compile(): Promise<BufferSource> {
  let binary: BufferSource | undefined, messages = "";
  const options = [
    "ceiling.ts --outFile ceiling.wasm --optimizeLevel 0 --noAssert --runtime stub --use abort=",
    `--importMemory --sharedMemory --noExportMemory --initialMemory 1 --maximumMemory 65536`,
    "--enable simd --enable threads --enable relaxed-simd --disableWarning 112",
  ].join(" ").split(" ");
  const { error } = await asc.main(options, {
    stdout: { write: () => true },
    stderr: { write: (text: string) => (messages += text, true) },
    readFile: (name) => name === "ceiling.ts" ? source() : null,
    writeFile: (_name, contents) => void (binary = contents as BufferSource),
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`Cannot compile the ceiling's kernels: ${messages || error}`);
  return binary;
}
