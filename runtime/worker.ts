/** What a worker is told when it starts. */
export interface WorkerSetup {
  /** The compiled kernels. */
  readonly module: WebAssembly.Module;
  /** The memory that all threads share. */
  readonly memory: WebAssembly.Memory;
  /** Kernel names by number. */
  readonly names: readonly string[];
  /** Byte offset of the control block. */
  readonly control: number;
}

/** 32-bit words of the control block, followed at byte 64 by the arguments as f64. */
export const Word = {
  /** `epoch << 12 | pieces not yet taken`: one compare-and-swap takes a piece of a certain command. */
  ticket: 0,
  /** Pieces finished. */
  done: 1,
  /** Workers asleep on `ticket`. */
  asleep: 2,
  /** Workers alive. */
  alive: 3,
  /** Not 0 once the pool is closed. */
  closed: 4,
  /** Commands in which a kernel trapped. */
  failed: 5,
  /** Kernel number. */
  kernel: 6,
  /** Length of the owned axis. */
  count: 7,
  /** Elements of it per piece. */
  chunk: 8,
  /** Number of arguments before `begin, end`. */
  arity: 9,
  /** Not 0 while the caller sleeps on `done`. */
  waiting: 10,
} as const;

/** Byte offset of the arguments in the control block. */
export const ARGUMENTS = 64;
/** How many there can be. */
export const MAX_ARGUMENTS = 32;

/**
 * The body of a worker. It travels as source text in a `Blob` URL, which needs no permission, so it uses nothing from
 * outside but its setup. A worker that finds nothing to do for `IDLE` ms ends, so that a process that forgets to close
 * its runtime still exits.
 */
export function workerMain(word: typeof Word, argumentsAt: number, maxArguments: number): void {
  const SPINS = 20_000, IDLE = 400;
  const self = globalThis as unknown as {
    onmessage: (event: { data: WorkerSetup }) => void;
    close(): void;
  };
  self.onmessage = ({ data: { module, memory, names, control } }) => {
    const words = new Int32Array(memory.buffer, control, 16);
    const values = new Float64Array(memory.buffer, control + argumentsAt, maxArguments);
    const exports = new WebAssembly.Instance(module, { env: { memory } }).exports;
    const kernels = names.map((name) => exports[name] as (...values: number[]) => void);
    let epoch = -1, kernel = 0, count = 0, chunk = 0, args: number[] = [];
    for (let spins = 0; !Atomics.load(words, word.closed);) {
      const ticket = Atomics.load(words, word.ticket), left = ticket & 0xfff;
      if (!left) {
        if (++spins < SPINS) continue;
        Atomics.add(words, word.asleep, 1);
        const woken = Atomics.wait(words, word.ticket, ticket, IDLE);
        Atomics.sub(words, word.asleep, 1);
        if (woken === "timed-out") break;
        spins = 0;
        continue;
      }
      // What is read here may belong to the next command already; then the swap below fails.
      const fresh = ticket >>> 12 !== epoch;
      const command = fresh
        ? [words[word.kernel], words[word.count], words[word.chunk], ...values.subarray(0, words[word.arity])]
        : undefined;
      if (Atomics.compareExchange(words, word.ticket, ticket, ticket - 1) !== ticket) continue;
      if (command) {
        epoch = ticket >>> 12;
        [kernel, count, chunk, ...args] = command;
      }
      spins = 0;
      const begin = (Math.ceil(count / chunk) - left) * chunk;
      try {
        kernels[kernel](...args, begin, Math.min(count, begin + chunk));
      } catch {
        Atomics.add(words, word.failed, 1);
      }
      Atomics.add(words, word.done, 1);
      if (Atomics.load(words, word.waiting)) Atomics.notify(words, word.done);
    }
    Atomics.sub(words, word.alive, 1);
    self.close();
  };
}
