/// <reference lib="deno.worker" />
/** A thread of ceiling.ts: runs a kernel for a while and says how fast it was. */

/** Its first message. */
export interface Setup {
  /** The kernels. */
  readonly module: WebAssembly.Module;
  /** What all threads share. The first word counts those that are ready. */
  readonly memory: WebAssembly.Memory;
  /** Number of threads. */
  readonly threads: number;
  /** Where its part of the buffer begins. */
  readonly begin: number;
  /** Bytes of its part. */
  readonly bytes: number;
  /** Operations of one turn of the computing kernel. */
  readonly operations: number;
}

/** Every other message. The answer is a rate: operations or bytes per second. */
export interface Task {
  /** Which kernel. */
  readonly kind: "compute" | "read";
  /** For how long. */
  readonly seconds: number;
  /** Counts tasks from 1. */
  readonly round: number;
}

/** A call should take about a millisecond: long for the clock, short for the end of the measurement. */
const TURNS = 400_000, PIECE = 16 * 2 ** 20;

let compute: () => number, read: () => number, arrive: (round: number) => void;

function setUp({ module, memory, threads, begin, bytes, operations }: Setup): void {
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as {
    compute(turns: number, zero: number): number;
    read(from: number, bytes: number): number;
  };
  const ready = new Int32Array(memory.buffer, 0, 1);
  let done = 0;
  compute = () => (kernels.compute(TURNS, 0), TURNS * operations);
  read = () => {
    const piece = Math.min(PIECE, bytes - done);
    kernels.read(begin + done, piece);
    done = (done + piece) % bytes;
    return piece;
  };
  // All threads begin together: a rate measured while another is still asleep is not one of both.
  arrive = (round) => {
    if (Atomics.add(ready, 0, 1) + 1 === round * threads) Atomics.notify(ready, 0);
    for (let now; (now = Atomics.load(ready, 0)) < round * threads;) Atomics.wait(ready, 0, now);
  };
}

function measure({ kind, seconds, round }: Task): number {
  const kernel = kind === "compute" ? compute : read;
  const during = (limit: number) => {
    const start = performance.now();
    let work = 0, now: number;
    do work += kernel(); while ((now = performance.now()) - start < limit);
    return work / (now - start) * 1000;
  };
  during(300 * seconds); // until the engine has optimized it
  arrive(round);
  return during(1000 * seconds);
}

self.onmessage = ({ data }: MessageEvent<Setup | Task>) => {
  if ("module" in data) setUp(data);
  else self.postMessage(measure(data));
};
