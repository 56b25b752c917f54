/** WebGPU without Tenon: a device, shaders on buffers, and how long they take. */
import { median } from "../peers/measure.ts";
import { copySource, type Float, fmaSource } from "./shaders.ts";

/** Features that kernels of transformers would use. */
export const WANTED = ["shader-f16", "subgroups", "timestamp-query"] as const;
/** Limits that matter to them. */
export const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "minStorageBufferOffsetAlignment",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;
const REPEATS = 9;

/** A device and what is done with it. */
export interface Bench {
  readonly device: GPUDevice;
  /** An uninitialised buffer. */
  buffer(bytes: number): GPUBuffer;
  /** A buffer of random numbers in [−1, 1), as f32 or f16, and the same numbers here. */
  random(count: number, type: Float): { readonly buffer: GPUBuffer; readonly values: ArrayLike<number> };
  /** The f32 numbers of a buffer. */
  read(buffer: GPUBuffer): Promise<Float32Array>;
  /** A shader over buffers, bound from 0 on. */
  kernel(source: string, buffers: readonly GPUBuffer[]): Kernel;
  /** Median seconds of one dispatch, of several in one submission; by the GPU's own clock where it has one. */
  time(kernel: Kernel, groups: Groups): Promise<number>;
}

/** A shader with its buffers. */
export interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
}

/** Workgroups along two axes. */
export type Groups = readonly [x: number, y?: number];

/** The adapter that a runtime would take. Throws where there is none. */
export async function openAdapter(): Promise<GPUAdapter> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  throw new Error("there is no WebGPU adapter, expected a GPU with a driver, or Mesa's llvmpipe");
}

/** Opens a device of `adapter`, with all that it has of what is wanted. */
export async function openBench(adapter: GPUAdapter): Promise<Bench> {
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = WANTED.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  device.addEventListener(
    "uncapturederror",
    (event) => console.error((event as GPUUncapturedErrorEvent).error.message),
  );
  const buffer = (size: number) =>
    device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const times = device.features.has("timestamp-query") && {
    querySet: device.createQuerySet({ type: "timestamp", count: 2 }),
    resolved: device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
  };
  const submit = async (kernel: Kernel, groups: Groups, count: number) => {
    const start = performance.now(), encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass({
      ...(times && {
        timestampWrites: { querySet: times.querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
      }),
    });
    pass.setPipeline(kernel.pipeline);
    pass.setBindGroup(0, kernel.bindings);
    for (let i = 0; i < count; i++) pass.dispatchWorkgroups(groups[0], groups[1] ?? 1);
    pass.end();
    if (times) encoder.resolveQuerySet(times.querySet, 0, 2, times.resolved, 0);
    device.queue.submit([encoder.finish()]);
    if (!times) {
      await device.queue.onSubmittedWorkDone();
      return (performance.now() - start) / 1000;
    }
    const [begin, end] = new BigUint64Array((await readBytes(device, times.resolved)).buffer);
    return Number(end - begin) / 1e9;
  };
  return {
    device,
    buffer,
    random(count, type) {
      const values = type === "f32" ? new Float32Array(count) : new Float16Array(count),
        made = buffer(values.byteLength);
      for (let i = 0, state = 1; i < count; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        values[i] = state / 2 ** 31;
      }
      device.queue.writeBuffer(made, 0, values);
      return { buffer: made, values };
    },
    read: async (source) => new Float32Array((await readBytes(device, source)).buffer),
    kernel(code, buffers) {
      const module = device.createShaderModule({ code });
      const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      return { pipeline, bindings: device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }) };
    },
    async time(kernel, groups) {
      await submit(kernel, groups, 2);
      const once = await submit(kernel, groups, 2) / 2, count = Math.max(1, Math.min(200, Math.ceil(0.05 / once)));
      const all: number[] = [];
      for (let i = 0; i < REPEATS; i++) all.push(await submit(kernel, groups, count) / count);
      return median(all);
    },
  };
}

/** A copy of the bytes of a buffer. */
async function readBytes(device: GPUDevice, source: GPUBuffer): Promise<Uint8Array<ArrayBuffer>> {
  const home = device.createBuffer({ size: source.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, home, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await home.mapAsync(GPUMapMode.READ);
  const bytes = new Uint8Array(home.getMappedRange().slice(0));
  home.destroy();
  return bytes;
}

/** Bytes that a copy moves in a second, read and write counted. */
export async function copyRate(bench: Bench, small: boolean): Promise<number> {
  const most = 2 ** Math.floor(Math.log2(bench.device.limits.maxStorageBufferBindingSize));
  const bytes = Math.min(small ? 2 ** 22 : 2 ** 28, most), a = bench.buffer(bytes), b = bench.buffer(bytes);
  const seconds = await bench.time(bench.kernel(copySource, [a, b]), [Math.min(65535, bytes / 16 / 256)]);
  a.destroy();
  b.destroy();
  return 2 * bytes / seconds;
}

/** Floating-point operations in a second, of multiply-adds that never leave registers. */
export async function multiplyRate(bench: Bench, type: Float, small: boolean): Promise<number> {
  const groups = small ? 16 : 4096, chain = small ? 256 : 4096, out = bench.buffer(groups * 256 * 4);
  const seconds = await bench.time(bench.kernel(fmaSource(type, chain), [out]), [groups]);
  out.destroy();
  return groups * 256 * chain * 8 * 4 * 2 / seconds;
}
