import { formatBytes, type MemoryPool, type Region } from "../memory.ts";

/** Addresses of a buffer: what a pointer is divided by to find it. */
const SPAN = 2 ** 40;
/** Bytes of released buffers that are kept for the next who asks. */
const KEPT = 256 * 2 ** 20;
const PAGE = 65536;

/** A buffer and where a pointer points in it. */
export interface Place {
  /** Its number: never given again. */
  readonly id: number;
  /** What is bound. */
  readonly buffer: GPUBuffer;
  /** Its bytes. */
  readonly size: number;
}

/** What {@linkcode GpuBuffers} needs of a device. */
export interface BufferHost {
  /** Makes buffers. */
  readonly device: GPUDevice;
  /** Is told what went wrong when the device has said so. */
  fail(error: Error): void;
  /** Does `destroy` once what uses the buffers that it destroys has been submitted. */
  retire(destroy: () => void): void;
}

/**
 * Memory of a GPU: a region is a buffer. Pointers are numbers, as everywhere: a buffer's number times 2⁴⁰, plus an offset.
 * Released buffers are kept and given out again, so that a step allocates nothing; what runs later on the GPU comes later
 * for their contents, too.
 */
export class GpuBuffers implements MemoryPool {
  /** Arenas begin allocations at multiples of this: where bindings may begin. */
  readonly alignment: number;
  /** Most bytes of a region. */
  readonly largest: number;
  /** For messages. */
  readonly name = "what it may take of the GPU";
  /** Buffers made so far, for statistics. */
  made = 0;
  #host: BufferHost;
  #places = new Map<number, Place>();
  #free: Place[] = [];
  #next = 1;
  #used = 0;
  #kept = 0;
  #maximum: number;
  #closed = false;

  /** Memory of `host.device`, at most `maximumBytes` of it. */
  constructor(host: BufferHost, maximumBytes = Infinity) {
    const { limits } = host.device;
    this.#host = host;
    this.#maximum = maximumBytes;
    this.alignment = Math.max(64, limits.minStorageBufferOffsetAlignment);
    this.largest = Math.floor(limits.maxBufferSize / PAGE) * PAGE;
  }

  /** Bytes given out. */
  get used(): number {
    return this.#used;
  }

  /** Bytes that buffers take, those included that are kept. */
  get held(): number {
    return this.#used + this.#kept;
  }

  /** Bytes that may still be given out. WebGPU does not tell how much memory there is. */
  get available(): number {
    return this.#maximum - this.#used;
  }

  /** Takes a buffer of at least `bytes`. */
  reserve(bytes: number): Region {
    const wanted = Math.max(1, Math.ceil(bytes / PAGE)) * PAGE;
    if (wanted > this.largest || wanted > this.available) {
      const [most, of] = wanted > this.largest
        ? [this.largest, "that one of the adapter's buffers holds"]
        : [this.available, `that are left of ${this.name}`];
      throw new RangeError(
        `Cannot reserve ${formatBytes(wanted)} on the GPU, expected at most the ${formatBytes(most)} ${of}`,
      );
    }
    const place = this.#reuse(wanted) ?? this.#make(wanted);
    this.#used += place.size;
    return { start: place.id * SPAN, end: place.id * SPAN + place.size };
  }

  /** Gives a region back. */
  release({ start }: Region): void {
    if (this.#closed) return; // it went with all the rest
    const place = this.at(start);
    this.#used -= place.size;
    this.#kept += place.size;
    this.#free.push(place);
    const gone: Place[] = [];
    while (this.#kept > KEPT) {
      const oldest = this.#free.shift()!;
      this.#kept -= oldest.size;
      gone.push(oldest);
    }
    if (!gone.length) return;
    for (const { id } of gone) this.#places.delete(id);
    this.#host.retire(() => gone.forEach(({ buffer }) => buffer.destroy()));
  }

  /** The buffer that `pointer` points into. */
  at(pointer: number): Place {
    const place = this.#places.get(Math.floor(pointer / SPAN));
    if (!place) throw new RangeError(`Cannot use the address ${pointer}: its memory has been given back`);
    return place;
  }

  /** Destroys everything. */
  close(): void {
    this.#closed = true;
    for (const { buffer } of this.#places.values()) buffer.destroy();
    this.#places.clear();
    this.#free = [];
    this.#used = this.#kept = 0;
  }

  #reuse(wanted: number): Place | undefined {
    let best = -1;
    this.#free.forEach(({ size }, i) => {
      if (size >= wanted && size <= 2 * wanted && (best < 0 || size < this.#free[best].size)) best = i;
    });
    if (best < 0) return undefined;
    const [place] = this.#free.splice(best, 1);
    this.#kept -= place.size;
    return place;
  }

  #make(size: number): Place {
    const { device } = this.#host, id = this.#next++;
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    device.pushErrorScope("out-of-memory");
    const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    const held = this.held;
    device.popErrorScope().then((error) => {
      if (!error) return;
      this.#host.fail(
        new RangeError(
          `Cannot reserve ${formatBytes(size)} on the GPU: it is out of memory with ${formatBytes(held)} in use`,
        ),
      );
    }, () => {});
    const place = { id, buffer, size };
    this.#places.set(id, place);
    this.made++;
    return place;
  }
}

/** Where a pointer points within its buffer, in bytes. */
export function offsetOf(pointer: number): number {
  return pointer % SPAN;
}
