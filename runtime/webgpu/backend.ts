import type { Backend } from "../backend.ts";
import { bytesOf, describeTensor } from "../tensor.ts";
import { offsetOf } from "./buffers.ts";
import { type DeviceOptions, openDevice } from "./device.ts";
import { Gpu, type GpuOptions } from "./gpu.ts";
import type { GpuStats } from "./commands.ts";
import { webgpuKernels } from "./kernels.ts";

/** How {@linkcode webgpuBackend} is set up. */
export interface WebgpuOptions extends GpuOptions, DeviceOptions {}

/** A backend on a GPU. */
export interface WebgpuBackend extends Backend {
  /** The adapter, for people. */
  readonly adapter: string;
  /** Whether a processor does the work, as with llvmpipe or SwiftShader. */
  readonly software: boolean;
  /** What it has been asked to do so far. */
  stats(): GpuStats;
}

/** Most bytes of a piece that is written at a time. */
const PIECE = 64 * 2 ** 20;

/**
 * Kernels in WGSL on the default WebGPU adapter. Throws a {@linkcode NoAdapterError} where there is none. Out-of-memory and
 * errors of validation come to light when something is read next. Once the device is lost every call throws.
 */
export async function webgpuBackend(options: WebgpuOptions = {}): Promise<WebgpuBackend> {
  const opened = await openDevice(options), gpu = new Gpu(opened, options), { commands, memory } = gpu;
  const { adapter, software } = opened;

  return {
    name: `webgpu, ${adapter}${software ? ", software" : ""}`,
    adapter,
    software,
    threads: 1,
    far: true,
    stores: ["f32", "f16", "q8_0", "q4_0"],
    caches: ["f32", "f16", "q8_0"],
    kernels: webgpuKernels(gpu),
    memory,
    scratch: gpu.scratch,
    fill(t, read) {
      const bytes = new Uint8Array(bytesOf(t)), done = read(bytes);
      const send = () => {
        for (let at = 0; at < bytes.length; at += PIECE) gpu.put(t, at, bytes.subarray(at, at + PIECE));
      };
      return done instanceof Promise ? done.then(send) : send();
    },
    write: (t, values) => gpu.write(t, values),
    copy(out, x) {
      if (!gpu.overlap(out, x)) return gpu.copy(out, x);
      gpu.briefly(() => {
        // `x` may lie in scratch memory that has been given back, as in Runtime.keep: beside it, not on it.
        let aside = gpu.temp(x.shape, x.dtype, x.layout);
        while (gpu.overlap(aside, x)) aside = gpu.temp(x.shape, x.dtype, x.layout);
        gpu.copy(aside, x);
        gpu.copy(out, aside);
      });
    },
    async read(t) {
      if (t.dtype !== "f32" && t.dtype !== "i32") {
        throw new TypeError(`Cannot read ${describeTensor(t)}, expected f32 or i32`);
      }
      const bytes = bytesOf(t);
      if (!bytes) return new Float32Array(bytes / 4);
      const copy = await commands.read(memory.at(t.ptr).buffer, offsetOf(t.ptr), bytes);
      return t.dtype === "i32" ? Float32Array.from(new Int32Array(copy)) : new Float32Array(copy);
    },
    stats: () => gpu.stats(),
    close: () => gpu.close(),
  };
}
