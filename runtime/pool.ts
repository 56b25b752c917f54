import { type KernelExports, kernelNames } from "../kernels/gen/exports.ts";
import type { Dispatch } from "./dispatch.ts";
import { ARGUMENTS, MAX_ARGUMENTS, Word, workerMain, type WorkerSetup } from "./worker.ts";

/** Byte offset of the control block: in the first page, which no arena gives out. */
const CONTROL = 64;
/**
 * Work below which a kernel runs on the calling thread alone, in multiply-adds or what takes as long. An empty fork–join
 * costs 1 µs while workers spin and 10 µs when they sleep; a thread does 5 to 25 multiply-adds in a nanosecond.
 */
const SERIAL = 40_000;
/** Pieces per thread: small enough that a disturbed thread does not hold up the rest. */
const PIECES = 4;
/** Looks at a counter before going to sleep on it. */
const SPINS = 20_000;

/**
 * Threads that share one kernel module and memory. {@linkcode Pool.run} is a fork–join: it publishes a command, takes
 * pieces of it beside the workers and returns when all are done. Which thread takes which piece never matters, since
 * each piece owns its output; so workers may come late, or not at all.
 */
export class Pool implements Dispatch {
  #exports: KernelExports;
  #module: WebAssembly.Module;
  #memory: WebAssembly.Memory;
  #words: Int32Array;
  #values: Float64Array;
  #threads: number;
  #spawned = 0;
  #epoch = 0;

  /** Workers are started by the first command that is worth splitting. */
  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number) {
    this.#module = module;
    this.#memory = memory;
    this.#threads = threads;
    this.#exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
    this.#words = new Int32Array(memory.buffer, CONTROL, 16);
    this.#values = new Float64Array(memory.buffer, CONTROL + ARGUMENTS, MAX_ARGUMENTS);
  }

  /** Threads that share the work, the calling one included. */
  get threads(): number {
    return this.#threads;
  }

  /** Elements per piece for `count` elements that together cost `work`; a multiple of `grain`. */
  chunk(count: number, work: number, grain = 1): number {
    if (this.#threads === 1 || work < SERIAL) return Math.max(1, count);
    const pieces = Math.min(this.#threads * PIECES, Math.ceil(work / (SERIAL / 4)), 4095);
    return Math.max(1, Math.ceil(count / pieces / grain) * grain);
  }

  /** Runs a kernel over `0 … count` in pieces of `chunk`. */
  run(name: keyof KernelExports, count: number, chunk: number, ...args: number[]): void {
    const kernel = this.#exports[name] as (...args: number[]) => void;
    if (chunk >= count) return kernel(...args, 0, count);
    if (this.#words[Word.alive] < this.#threads - 1) this.#spawn();
    const words = this.#words, pieces = Math.ceil(count / chunk);
    words[Word.kernel] = kernelNames.indexOf(name);
    words[Word.count] = count;
    words[Word.chunk] = chunk;
    words[Word.arity] = args.length;
    this.#values.set(args);
    Atomics.store(words, Word.done, 0);
    this.#epoch = (this.#epoch + 1) & 0xfffff;
    const first = this.#epoch << 12 | pieces;
    Atomics.store(words, Word.ticket, first);
    if (Atomics.load(words, Word.asleep)) Atomics.notify(words, Word.ticket);
    let finished = 0;
    for (let ticket = first; ticket & 0xfff; ticket = Atomics.load(words, Word.ticket)) {
      if (Atomics.compareExchange(words, Word.ticket, ticket, ticket - 1) !== ticket) continue;
      const begin = (pieces - (ticket & 0xfff)) * chunk;
      kernel(...args, begin, Math.min(count, begin + chunk));
      finished++;
    }
    Atomics.add(words, Word.done, finished);
    this.#join(pieces);
    if (Atomics.load(words, Word.failed)) throw new Error(`Cannot run ${name}: it trapped in a worker thread`);
  }

  /** Ends the workers. They leave on their own, so that nothing keeps the process alive. */
  close(): void {
    Atomics.store(this.#words, Word.closed, 1);
    Atomics.notify(this.#words, Word.ticket);
    this.#threads = 1;
  }

  #join(pieces: number): void {
    const words = this.#words;
    for (let spins = 0; Atomics.load(words, Word.done) < pieces; spins++) {
      if (spins < SPINS || !mayWait) continue;
      Atomics.store(words, Word.waiting, 1);
      const done = Atomics.load(words, Word.done);
      if (done < pieces) Atomics.wait(words, Word.done, done, 100);
      Atomics.store(words, Word.waiting, 0);
    }
  }

  #spawn(): void {
    const setup: WorkerSetup = {
      module: this.#module,
      memory: this.#memory,
      names: kernelNames,
      control: CONTROL,
    };
    try {
      const source = `(${workerMain})(${JSON.stringify(Word)}, ${ARGUMENTS}, ${MAX_ARGUMENTS})`;
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      while (Atomics.load(this.#words, Word.alive) < this.#threads - 1) {
        const worker = new Worker(url, { type: "module", name: `tenon ${++this.#spawned}` });
        Atomics.add(this.#words, Word.alive, 1);
        worker.postMessage(setup);
      }
    } catch {
      // No workers here (some hosts have none, or forbid them): one thread does it all, with the same results.
      this.#threads = 1;
    }
  }
}

/** Whether this thread may block: the main thread of a browser may not. */
const mayWait = typeof (globalThis as { document?: unknown }).document === "undefined";
