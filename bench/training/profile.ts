/** Where the time of one of Tenon's steps goes, by kernel. */
import { dispatchBackend } from "../../runtime/backend.ts";
import { Pool } from "../../runtime/pool.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { bestSimd, compileKernels } from "../../runtime/wasm.ts";
import { openCeiling } from "../ceiling.ts";
import { median } from "../peers/measure.ts";
import { table } from "../peers/report.ts";
import { digits } from "./report.ts";
import { batches, hyper, initialWeights, namedWeights, type Size } from "./sizes.ts";
import { trainOn } from "./tenon.ts";

/** What a kernel took. */
export interface KernelTime {
  /** Its name; products by their shape, too. */
  readonly kernel: string;
  /** Calls in a step. */
  readonly calls: number;
  /** Milliseconds of a step, median over rounds; from the call until all threads have joined. */
  readonly milliseconds: number;
  /** Floating-point operations of a step, for products and attention. */
  readonly flops: number;
}

/** Where the time of a step went. */
export interface Profile {
  /** Threads. */
  readonly threads: number;
  /** Milliseconds of a step, median over rounds. */
  readonly milliseconds: number;
  /** Multiply-adds in registers that the machine reached in the same rounds, two operations each, median: GFLOP/s. */
  readonly peak: number;
  /** By kernel, the longest first. */
  readonly kernels: readonly KernelTime[];
}

/** Sums over the steps of a round. */
interface Sum {
  calls: number;
  milliseconds: number;
  flops: number;
}

/** Trains for `rounds`, each of `seconds`, and measures the machine's peak in between. */
export async function profileStep(size: Size, threads: number, rounds: number, seconds: number): Promise<Profile> {
  let sums = new Map<string, Sum>();
  using runtime = await timedRuntime(threads, (name, args, milliseconds) => {
    const { kernel, flops } = describe(name, args, size), sum = sums.get(kernel);
    if (!sum) sums.set(kernel, { calls: 1, milliseconds, flops });
    else {
      sum.calls++;
      sum.milliseconds += milliseconds;
      sum.flops += flops;
    }
  });
  const step = trainOn(runtime, { size, hyper, weights: namedWeights(size, initialWeights(size)) });
  const data = batches(size, 16);
  using ceiling = await openCeiling(threads);
  const peaks: number[] = [], times: number[] = [], all: Map<string, Sum>[] = [];
  let made = 0;
  for (let round = -1; round < rounds; round++) { // the first does not count
    sums = new Map();
    await step(data[made++ % data.length]); // nor does the first step of any: threads wake up
    sums = new Map();
    let steps = 0;
    const start = performance.now();
    do await step(data[made++ % data.length]); while (++steps && performance.now() - start < 1000 * seconds);
    const milliseconds = (performance.now() - start) / steps, { gflops } = await ceiling.measure(seconds / 2);
    if (round < 0) continue;
    for (const sum of sums.values()) for (const key of Object.keys(sum) as (keyof Sum)[]) sum[key] /= steps;
    all.push(sums);
    times.push(milliseconds);
    peaks.push(gflops);
  }
  // Not every round calls every kernel: gradients are only clipped when they are long.
  const kernels = [...new Set(all.flatMap((sums) => [...sums.keys()]))].map((kernel): KernelTime => {
    const over = (key: keyof Sum) => median(all.map((sums) => sums.get(kernel)?.[key] ?? 0));
    return { kernel, calls: over("calls"), milliseconds: over("milliseconds"), flops: over("flops") };
  });
  return {
    threads,
    milliseconds: median(times),
    peak: median(peaks),
    kernels: kernels.toSorted((a, b) => b.milliseconds - a.milliseconds),
  };
}

/** A runtime that says how long each kernel took. */
async function timedRuntime(
  threads: number,
  onRun: (name: string, args: readonly number[], milliseconds: number) => void,
): Promise<Runtime> {
  const simd = bestSimd(), module = await compileKernels(simd);
  return new Runtime(dispatchBackend(`wasm ${simd}, timed`, threads, (memory) => {
    const pool = new Pool(module, memory, threads);
    return {
      chunk: (...args) => pool.chunk(...args),
      run(name, count, chunk, ...args) {
        const start = performance.now();
        pool.run(name, count, chunk, ...args);
        onRun(name, args, performance.now() - start);
      },
      close: () => pool.close(),
    };
  }));
}

/** Products `[context, headDim]` by `[headDim, context]`, half of each masked, that a kernel of attention makes. */
const attentionProducts: Readonly<Record<string, number>> = {
  attention_f32: 2,
  attention_dx_f32: 5,
};

/** The row that a call belongs to, and its operations. Arguments as in runtime/wasm.ts and wasm_gradients.ts. */
function describe(name: string, args: readonly number[], size: Size): { kernel: string; flops: number } {
  if (name.startsWith("gemm_")) {
    const [m, n, k] = args.slice({ gemm_f32: 4, gemm_add_f32: 3, gemm_across_f32: 5 }[name]);
    return { kernel: `${name} ${m}×${k}×${n}`, flops: 2 * m * n * k };
  }
  const { batch, dim, context } = size, half = context * (context + 1) / 2;
  return { kernel: name, flops: 2 * (attentionProducts[name] ?? 0) * batch * dim * half };
}

/** A table: each kernel, all products, what is left, and the step. */
export function profileTable({ milliseconds, peak, kernels }: Profile): string {
  const row = (kernel: string, calls: string, time: number, flops: number) => {
    const rate = flops / time / 1e6;
    return [
      kernel,
      calls,
      time.toFixed(2),
      `${(100 * time / milliseconds).toFixed(1)} %`,
      flops ? digits(rate) : "",
      flops ? `${(100 * rate / peak).toFixed(0)} %` : "",
    ];
  };
  const total = (list: readonly KernelTime[], key: "milliseconds" | "flops") =>
    list.reduce((sum, k) => sum + k[key], 0);
  const gemms = kernels.filter((k) => k.kernel.startsWith("gemm_")), others = kernels.filter((k) => !k.flops);
  const attention = kernels.filter((k) => k.kernel in attentionProducts), inKernels = total(kernels, "milliseconds");
  return table(["kernel", "calls", "ms per step", "of it", "GFLOP/s", "of the peak"], [
    ...kernels.map((k) => row(k.kernel, String(Math.round(k.calls)), k.milliseconds, k.flops)),
    row("**all matrix products**", "", total(gemms, "milliseconds"), total(gemms, "flops")),
    row("**attention's products**", "", total(attention, "milliseconds"), total(attention, "flops")),
    row("**kernels that are no products**", "", total(others, "milliseconds"), 0),
    row("**outside of kernels**", "", milliseconds - inKernels, 0),
    row("**step**", "", milliseconds, total(kernels, "flops")),
  ]);
}
