/**
 * What WebGPU gives on this machine, before any kernel of Tenon: the adapter with its limits and features, what a dispatch
 * and a submission cost, memory bandwidth, multiply-adds in registers, and plain tiled products in f32 and f16.
 *
 *     deno run -A bench/webgpu_ceiling.ts
 *     deno run -A bench/webgpu_ceiling.ts --small
 *
 * One JSON object a line. Exit codes: 0 ok, 1 no adapter, 2 usage.
 *
 * @module
 */
import { flagHelp, parseFlags, toggle } from "../plugins/cli/flags.ts";
import { print, runCommand } from "../plugins/cli/terminal.ts";
import { median } from "./peers/measure.ts";
import { copySource, type Float, fmaSource, matvecSource, productSource } from "./webgpu/shaders.ts";

const flags = {
  small: toggle("sizes that a software adapter can do"),
  help: toggle("print this"),
};

/** Features that kernels of transformers would use. */
const WANTED = ["shader-f16", "subgroups", "timestamp-query"] as const;
const LIMITS = [
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
interface Bench {
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

interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
}

type Groups = readonly [x: number, y?: number];

async function openBench(adapter: GPUAdapter): Promise<Bench> {
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

/** What JavaScript pays for each dispatch, and what a round trip costs. */
async function measureCalls({ device, buffer, kernel }: Bench): Promise<Record<string, number>> {
  const { pipeline, bindings } = kernel(copySource, [buffer(256), buffer(256)]), count = 1000;
  const encode: number[] = [], trip: number[] = [];
  for (let round = 0; round < REPEATS; round++) {
    const start = performance.now(), encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
    for (let i = 0; i < count; i++) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(1);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    encode.push(1000 * (performance.now() - start) / count);
    await device.queue.onSubmittedWorkDone();
  }
  const home = device.createBuffer({ size: 256, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const source = buffer(256);
  for (let round = 0; round < 50; round++) {
    const start = performance.now(), encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, home, 0, 4);
    device.queue.submit([encoder.finish()]);
    await home.mapAsync(GPUMapMode.READ);
    home.unmap();
    trip.push(1000 * (performance.now() - start));
  }
  return { "µs of JavaScript per dispatch": median(encode), "µs to read 4 bytes back": median(trip) };
}

/** Throws unless some elements of `out = x wᵀ`, with rows of `k` numbers, are right. */
function expectProduct(out: Float32Array, x: ArrayLike<number>, w: ArrayLike<number>, k: number): void {
  const n = w.length / k;
  for (let sample = 0; sample < 16; sample++) {
    const at = Math.floor(out.length * (sample + 0.5) / 16), row = Math.floor(at / n), column = at % n;
    let sum = 0;
    for (let i = 0; i < k; i++) sum += x[row * k + i] * w[column * k + i];
    if (!(Math.abs(out[at] - sum) <= 1e-4 * Math.sqrt(k))) {
      throw new Error(`element ${at} is ${out[at]}, expected ${sum}`);
    }
  }
}

async function main(args: readonly string[]): Promise<number> {
  const { small, help } = parseFlags(args, flags);
  if (help) return print(`Usage: deno run -A bench/webgpu_ceiling.ts [flags]\n\n${flagHelp(flags)}\n`), 0;
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("there is no WebGPU adapter, expected a GPU with a driver, or Mesa's llvmpipe");
  const say = (what: string, value: unknown) => print(`${JSON.stringify({ what, value })}\n`);
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  say("adapter", { vendor, architecture, description, isFallbackAdapter });
  say("features", [...adapter.features].sort());
  say("limits", Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])));
  const bench = await openBench(adapter), f16 = adapter.features.has("shader-f16");
  for (const [what, value] of Object.entries(await measureCalls(bench))) say(what, value);

  const bytes = small ? 1 << 22 : 1 << 28, a = bench.buffer(bytes), b = bench.buffer(bytes);
  const copy = await bench.time(bench.kernel(copySource, [a, b]), [Math.min(65535, bytes / 16 / 256)]);
  say("GB/s copied, read and write counted", 2 * bytes / copy / 1e9);
  for (const type of f16 ? ["f32", "f16"] as const : ["f32"] as const) {
    const groups = small ? 16 : 4096, chain = small ? 256 : 4096;
    const fma = await bench.time(bench.kernel(fmaSource(type, chain), [bench.buffer(groups * 256 * 4)]), [groups]);
    say(`TFLOP/s of multiply-adds in registers, ${type}`, groups * 256 * chain * 8 * 4 * 2 / fma / 1e12);
  }
  for (const type of f16 ? ["f32", "f16"] as const : ["f32"] as const) {
    const width = type === "f32" ? 4 : 2;
    for (const size of small ? [256] : [1024, 4096]) {
      const x = bench.random(size * size, type),
        w = bench.random(size * size, type),
        out = bench.buffer(4 * size * size);
      const product = bench.kernel(productSource(type, size), [x.buffer, w.buffer, out]);
      const seconds = await bench.time(product, [size / 64, size / 64]);
      expectProduct(await bench.read(out), x.values, w.values, size);
      say(`TFLOP/s of a ${size}³ product, ${type} storage`, 2 * size ** 3 / seconds / 1e12);
    }
    const [k, n] = small ? [256, 1024] : [4096, 16384];
    const x = bench.random(k, "f32"), w = bench.random(k * n, type), out = bench.buffer(4 * n);
    const seconds = await bench.time(bench.kernel(matvecSource(type, k), [x.buffer, w.buffer, out]), [n]);
    expectProduct(await bench.read(out), x.values, w.values, k);
    say(`GB/s of weights in a 1×${k}×${n} product, ${type} storage`, k * n * width / seconds / 1e9);
  }
  return 0;
}

if (import.meta.main) await runCommand("bench/webgpu_ceiling.ts", main);
