import type { MemoryPool, Region } from "./memory.ts";

const CHUNK = 1 << 20; // bytes asked of the memory at a time, at least
const ALIGN = 64; // one cache line, four vectors: what a memory that says nothing else wants

/** A place in an arena to which {@linkcode Arena.rewind} returns. */
export type Mark = readonly [chunk: number, top: number, used: number];

/**
 * A stack of allocations: allocating moves a pointer, rewinding moves it back, closing returns everything. Nothing is
 * freed one by one.
 */
export class Arena {
  #memory: MemoryPool;
  #align: number;
  #chunks: Region[] = [];
  #chunk = -1;
  #top = 0;
  #used = 0;
  #peak = 0;

  /** An empty arena; memory is reserved when it is first used. */
  constructor(memory: MemoryPool) {
    this.#memory = memory;
    this.#align = memory.alignment ?? ALIGN;
  }

  /** Bytes reserved. */
  get bytes(): number {
    return this.#chunks.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** Most bytes that were allocated at a time, whatever was reserved for them. */
  get peak(): number {
    return this.#peak;
  }

  /** Byte offset of `bytes` new bytes, aligned as the memory wants it. Their contents are undefined. */
  alloc(bytes: number): number {
    while (this.#chunk < 0 || this.#top + bytes > this.#chunks[this.#chunk].end) this.#next(bytes);
    const ptr = this.#top;
    this.#top = Math.ceil((ptr + bytes) / this.#align) * this.#align;
    this.#used += this.#top - ptr;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return ptr;
  }

  /** Where the next allocation would begin. */
  mark(): Mark {
    return [this.#chunk, this.#top, this.#used];
  }

  /** Forgets every allocation since `mark`; the memory stays reserved. */
  rewind([chunk, top, used]: Mark): void {
    this.#chunk = chunk;
    this.#top = top;
    this.#used = used;
  }

  /** Returns all memory. The arena is empty and may be used again. */
  close(): void {
    for (const region of this.#chunks) this.#memory.release(region);
    this.#chunks = [];
    this.#chunk = -1;
    this.#top = 0;
    this.#used = 0;
  }

  #next(bytes: number): void {
    const next = ++this.#chunk, chunks = this.#chunks;
    const fits = chunks.findIndex((r, i) => i >= next && r.end - r.start >= bytes);
    if (fits >= 0) [chunks[next], chunks[fits]] = [chunks[fits], chunks[next]]; // none of them is in use
    else {
      // Chunks grow with the arena, so that their number stays small.
      const { available, largest = Infinity } = this.#memory, more = Math.min(this.bytes / 4, available / 8, largest);
      chunks.splice(next, 0, this.#memory.reserve(Math.max(bytes, CHUNK, more)));
    }
    this.#top = chunks[next].start;
  }
}
