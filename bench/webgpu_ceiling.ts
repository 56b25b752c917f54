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
import { type Bench, copyRate, LIMITS, multiplyRate, openAdapter, openBench } from "./webgpu/raw.ts";
import { copySource, matvecSource, productSource } from "./webgpu/shaders.ts";

const flags = {
  small: toggle("sizes that a software adapter can do"),
  help: toggle("print this"),
};

const REPEATS = 9;

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
  const adapter = await openAdapter();
  const say = (what: string, value: unknown) => print(`${JSON.stringify({ what, value })}\n`);
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  say("adapter", { vendor, architecture, description, isFallbackAdapter });
  say("features", [...adapter.features].sort());
  say("limits", Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])));
  const bench = await openBench(adapter), f16 = adapter.features.has("shader-f16");
  for (const [what, value] of Object.entries(await measureCalls(bench))) say(what, value);

  say("GB/s copied, read and write counted", await copyRate(bench, small) / 1e9);
  for (const type of f16 ? ["f32", "f16"] as const : ["f32"] as const) {
    say(`TFLOP/s of multiply-adds in registers, ${type}`, await multiplyRate(bench, type, small) / 1e12);
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
