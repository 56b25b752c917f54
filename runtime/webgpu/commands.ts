import { ARG_BYTES } from "./source.ts";

/** What a GPU has been asked to do so far. */
export interface GpuStats {
  /** Dispatches of shaders. */
  readonly dispatches: number;
  /** Submissions of commands. */
  readonly submissions: number;
  /** Readings back. */
  readonly reads: number;
  /** Buffers made for tensors. */
  readonly buffers: number;
  /** Bytes of them. */
  readonly bytes: number;
  /** Pipelines compiled. */
  readonly pipelines: number;
}

/** Bytes of arguments and values that one submission can bring. */
const UPLOAD = 2 ** 20;
/** Values larger than this go straight to where they belong. */
const LARGE = UPLOAD / 4;
/** Dispatches after which something is submitted, so that the GPU has begun before everything is recorded. */
const ENOUGH = 512;

/** A pipeline, once it is there. */
export interface Compiled {
  /** `undefined` while it is compiled, or if that failed. */
  pipeline: GPUComputePipeline | undefined;
}

/**
 * Commands in the order in which they were asked for: one encoder, submitted when something is read. Arguments and values
 * written meanwhile travel together, in one buffer that is written once for each submission.
 *
 * Pipelines are compiled when they are first asked for, without waiting: from then on commands are held back, whatever
 * they are, until all that are being compiled are there. So the first step, which is recorded without a pause, has all of
 * its pipelines compiled at the same time.
 */
export class Commands {
  /** What bind groups hold for arguments; where they are in it is said with each dispatch. */
  readonly argumentBinding: GPUBufferBinding;
  #device: GPUDevice;
  #batch: boolean;
  #slot: number;
  #upload: GPUBuffer;
  #bytes = new Uint8Array(UPLOAD);
  #words = new Uint32Array(this.#bytes.buffer);
  #top = 0;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: GPUComputePipeline | undefined;
  #pending = 0;
  #held: (() => void)[] | undefined;
  #compiling = 0;
  #free = new Map<number, GPUBuffer[]>();
  #error: Error | undefined;
  #lost: Error | undefined;
  #closed = false;
  #counts = { dispatches: 0, submissions: 0, reads: 0 };

  /** Of `device`; without `batch` every dispatch is submitted by itself. */
  constructor(device: GPUDevice, batch: boolean) {
    this.#device = device;
    this.#batch = batch;
    const align = device.limits.minUniformBufferOffsetAlignment, { UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    this.#slot = Math.ceil(ARG_BYTES / align) * align;
    this.#upload = device.createBuffer({ label: "arguments", size: UPLOAD, usage: UNIFORM | COPY_SRC | COPY_DST });
    this.argumentBinding = { buffer: this.#upload, offset: 0, size: ARG_BYTES };
    device.lost.then(({ reason, message }) => {
      if (!this.#closed) this.#lost = new Error(`Cannot use the GPU: its device was lost (${message || reason})`);
    });
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.fail(this.#refusal((event as GPUUncapturedErrorEvent).error));
    });
  }

  /** Remembers the first thing that went wrong: whoever reads next is told. */
  fail(error: Error): void {
    this.#error ??= error;
  }

  /** What went wrong so far. A device that is lost goes before what it took along. */
  get error(): Error | undefined {
    return this.#lost ?? this.#error;
  }

  /** What `cause`, which ended an `action`, came of. */
  async explain(action: string, cause: unknown): Promise<Error> {
    await new Promise((resolve) => setTimeout(resolve)); // a device that is lost says so after what it takes along
    const why = this.#closed ? "the runtime was closed meanwhile" : (cause as Error).message;
    return this.error ?? new Error(`Cannot ${action} the GPU: ${why}`, { cause });
  }

  /** Throws once the device is lost: nothing can be asked of it any more. */
  expectDevice(): void {
    if (this.#lost) throw this.#lost;
  }

  /** Holds back what is asked for from now on until `compiled` is there. */
  hold(compiled: Promise<void>): void {
    this.#held ??= [];
    this.#compiling++;
    compiled.catch(async (cause) => this.fail(await this.explain("compile for", cause))).finally(() => {
      if (!--this.#compiling) this.#resume();
    });
  }

  /** Does `f` when everything that was asked for before has been recorded. */
  order(f: () => void): void {
    if (this.#held) this.#held.push(f);
    else f();
  }

  /** Runs a pipeline on `x · y` workgroups; `write` writes its arguments. */
  dispatch(
    compiled: Compiled,
    group: GPUBindGroup,
    write: (into: Uint32Array) => void,
    x: number,
    y: number,
  ): void {
    if (this.#held) this.#held.push(() => this.#dispatch(compiled, group, write, x, y));
    else this.#dispatch(compiled, group, write, x, y);
  }

  /** Sets bytes of `buffer`, a multiple of 4 of them, which must not change any more. */
  write(buffer: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.expectDevice();
    this.order(() => {
      if (bytes.length > LARGE) {
        this.flush();
        this.#device.queue.writeBuffer(buffer, offset, bytes);
        return;
      }
      const at = this.#room(Math.ceil(bytes.length / this.#slot) * this.#slot);
      this.#bytes.set(bytes, at);
      this.#endPass();
      this.#encode().copyBufferToBuffer(this.#upload, at, buffer, offset, bytes.length);
    });
  }

  /** A copy of `bytes` bytes of `buffer`, a multiple of 4. Everything that was asked for before has been done by then. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.expectDevice();
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes))), staging = this.#stagingOf(size);
    this.#counts.reads++;
    // Whatever is asked for before the caller waits goes along.
    await new Promise<void>((recorded) =>
      this.order(() => {
        this.#endPass();
        this.#encode().copyBufferToBuffer(buffer, offset, staging, 0, bytes);
        recorded();
      })
    );
    // The answer to a scope comes after every error before it: without one, errors may come after what they spoiled.
    this.#device.pushErrorScope("validation");
    this.flush();
    const refused = this.#device.popErrorScope();
    let copy: ArrayBuffer;
    try {
      const [error] = await Promise.all([refused, staging.mapAsync(GPUMapMode.READ, 0, bytes)]);
      if (error) this.fail(this.#refusal(error));
      copy = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
    } catch (cause) {
      throw await this.explain("read from", cause);
    }
    if (!this.#closed) this.#free.get(size)!.push(staging);
    if (this.error) throw this.error;
    return copy;
  }

  /** Submits what has been recorded. */
  flush(): void {
    if (!this.#encoder) return;
    this.#endPass();
    if (this.#top) this.#device.queue.writeBuffer(this.#upload, 0, this.#bytes, 0, this.#top);
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#counts.submissions++;
    this.#encoder = undefined;
    this.#top = this.#pending = 0;
  }

  /** See {@linkcode GpuStats}. */
  stats(): Pick<GpuStats, "dispatches" | "submissions" | "reads"> {
    return { ...this.#counts };
  }

  /** Frees its buffers. The device that is destroyed after this is not lost. */
  close(): void {
    this.#closed = true;
    this.#resume(); // whoever waits for a reading is told
    this.#upload.destroy();
    for (const buffers of this.#free.values()) for (const buffer of buffers) buffer.destroy();
    this.#free.clear();
  }

  #refusal(error: GPUError): Error {
    return error instanceof GPUOutOfMemoryError
      ? new RangeError("Cannot use the GPU: it is out of memory, expected less in use")
      : new Error(`Cannot use the GPU: it refused a command (${error.message})`);
  }

  #resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const f of held) f();
  }

  #dispatch(
    { pipeline }: Compiled,
    group: GPUBindGroup,
    write: (into: Uint32Array) => void,
    x: number,
    y: number,
  ): void {
    if (!pipeline) return; // its error is known
    const at = this.#room(this.#slot), pass = this.#pass ??= this.#encode().beginComputePass();
    write(this.#words.subarray(at / 4, at / 4 + ARG_BYTES / 4));
    if (pipeline !== this.#pipeline) pass.setPipeline(pipeline);
    this.#pipeline = pipeline;
    pass.setBindGroup(0, group, [at]);
    pass.dispatchWorkgroups(x, y);
    this.#counts.dispatches++;
    if (!this.#batch || ++this.#pending >= ENOUGH) this.flush();
  }

  #room(bytes: number): number {
    if (this.#top + bytes > UPLOAD) this.flush();
    const at = this.#top;
    this.#top += bytes;
    return at;
  }

  #encode(): GPUCommandEncoder {
    return this.#encoder ??= this.#device.createCommandEncoder();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = this.#pipeline = undefined;
  }

  #stagingOf(size: number): GPUBuffer {
    const free = this.#free.get(size);
    if (!free) this.#free.set(size, []);
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    return free?.pop() ?? this.#device.createBuffer({ label: "reading", size, usage: MAP_READ | COPY_DST });
  }
}
