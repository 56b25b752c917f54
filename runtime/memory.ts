const PAGE = 65536;
const LIMIT = 65536; // pages that a 32-bit memory can have: 4 GiB

/** A page-aligned stretch of linear memory, in bytes. */
export interface Region {
  /** First byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** `1.5 GiB`, `12.0 MiB`, `640 bytes`: a size that a person can read. */
export function formatBytes(bytes: number): string {
  for (const [unit, scale] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (bytes >= scale) return `${(bytes / scale).toFixed(bytes >= 100 * scale ? 0 : 1)} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** What arenas take their memory from. */
export interface MemoryPool {
  /** Bytes given out. */
  readonly used: number;
  /** Bytes that can still be given out, if they are wanted in few pieces. */
  readonly available: number;
  /** Most bytes of a region. Default: no limit but what is available. */
  readonly largest?: number;
  /** For messages: `a 32-bit memory`. */
  readonly name?: string;
  /** What allocations within a region begin at multiples of, in bytes. Default: 64. */
  readonly alignment?: number;
  /** Takes at least `bytes`. Throws a `RangeError` when there is no room. */
  reserve(bytes: number): Region;
  /** Gives a region back. */
  release(region: Region): void;
}

/**
 * One shared linear memory, given out in regions. A released region is joined with its free neighbours and given out
 * again, so a process can load one model after another without growing.
 */
export class LinearMemory implements MemoryPool {
  /** Shared, so that views survive growth and threads see it. */
  readonly memory: WebAssembly.Memory;
  /** For messages. */
  readonly name = "a 32-bit memory";
  #free: Region[] = [];
  #used = 0;
  #maximum: number;

  /** The first page is left to the caller; the rest grows on demand up to `maximumBytes`. */
  constructor(maximumBytes: number = LIMIT * PAGE) {
    this.#maximum = Math.min(LIMIT, Math.floor(maximumBytes / PAGE));
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: this.#maximum, shared: true });
  }

  /** Bytes given out. */
  get used(): number {
    return this.#used;
  }

  /** Bytes that can still be given out, if they are wanted in few pieces. */
  get available(): number {
    return this.#maximum * PAGE - PAGE - this.#used;
  }

  /** Takes at least `bytes`, the first free stretch that fits, or grows. */
  reserve(bytes: number): Region {
    const wanted = Math.max(1, Math.ceil(bytes / PAGE)) * PAGE;
    const index = this.#free.findIndex((r) => r.end - r.start >= wanted);
    const start = index >= 0 ? this.#take(index, wanted) : this.#grow(wanted);
    this.#used += wanted;
    return { start, end: start + wanted };
  }

  /** Gives a region back. */
  release(region: Region): void {
    this.#used -= region.end - region.start;
    const sorted = [...this.#free, region].sort((a, b) => a.start - b.start);
    this.#free = [];
    for (const r of sorted) {
      const last = this.#free.at(-1);
      if (last?.end === r.start) this.#free[this.#free.length - 1] = { start: last.start, end: r.end };
      else this.#free.push(r);
    }
  }

  #take(index: number, wanted: number): number {
    const { start, end } = this.#free[index];
    if (end - start === wanted) this.#free.splice(index, 1);
    else this.#free[index] = { start: start + wanted, end };
    return start;
  }

  #grow(wanted: number): number {
    const end = this.memory.buffer.byteLength;
    // A free stretch at the very end needs only the rest.
    const tail = this.#free.at(-1)?.end === end ? this.#free.at(-1)! : undefined;
    const start = tail?.start ?? end;
    const missing = (wanted - (end - start)) / PAGE;
    if (end / PAGE + missing > this.#maximum) throw this.#full(wanted);
    try {
      this.memory.grow(missing);
    } catch (cause) {
      throw new RangeError(this.#full(wanted).message, { cause });
    }
    if (tail) this.#free.pop();
    return start;
  }

  #full(wanted: number): RangeError {
    return new RangeError(
      `Cannot reserve ${formatBytes(wanted)}: ${formatBytes(this.#used)} of ${formatBytes(this.#maximum * PAGE)} ` +
        `are in use, expected at most ${formatBytes(this.available)} more`,
    );
  }
}
