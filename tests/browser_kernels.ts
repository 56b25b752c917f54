/**
 * Runs in a browser, where tests/browser_kernels_test.ts calls it: every op case on WebGPU beside the reference. Its
 * compiler of WGSL, Tint, is not Deno's, and what it says of each shader is kept.
 */
import { type Constant, shaderSource } from "../runtime/webgpu/source.ts";
import type { Shader } from "../kernels/wgsl/shader.ts";
import { referenceBackend } from "../runtime/backend.ts";
import { Runtime } from "../runtime/runtime.ts";
import { webgpuBackend } from "../runtime/webgpu/backend.ts";
import { makeInputs, type Op, opCases } from "./cases.ts";
import { gradientCases, gradients } from "./op_gradients.ts";
import { worstError } from "./support.ts";

/** What a compiler said of a shader. */
export interface Remark {
  readonly shader: string;
  /** `error`, `warning` or `info`. */
  readonly type: string;
  readonly message: string;
  /** The line of WGSL. */
  readonly line: string;
}

const remarks: Remark[] = [], compiled = new Set<string>(), withSubgroups = new Set<string>(), used = new Set<string>();
const pending: Promise<void>[] = [];
const oracle = new Runtime(referenceBackend()), runtimes = new Map<boolean, Promise<Runtime>>();

/** Notes what is compiled and run from now on. */
function listen(): void {
  const original = GPUDevice.prototype.createShaderModule, { setPipeline } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
    used.add(pipeline.label);
    return setPipeline.call(this, pipeline);
  };
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    const module = original.call(this, descriptor),
      shader = descriptor.label ?? "",
      lines = descriptor.code.split("\n");
    compiled.add(shader);
    if (descriptor.code.startsWith("enable subgroups")) withSubgroups.add(shader);
    pending.push(
      module.getCompilationInfo().then(({ messages }) => {
        for (const { type, message, lineNum } of messages) {
          remarks.push({ shader, type, message, line: lines[lineNum - 1] ?? "" });
        }
      }),
    );
    return module;
  };
}

function runtimeOn(subgroups: boolean): Promise<Runtime> {
  let runtime = runtimes.get(subgroups);
  if (!runtime) {
    runtime = webgpuBackend({ subgroups }).then((backend) => new Runtime(backend));
    runtimes.set(subgroups, runtime);
  }
  return runtime;
}

/** What an op comes to. */
interface Checked {
  /** What is wrong with each case with which something is. */
  readonly wrong: readonly string[];
  /** Whether a shader that it ran has subgroups in it. */
  readonly subgroups: boolean;
}

/** Runs the cases of an op, forward and back. */
async function checkOp(op: Op, subgroups: boolean): Promise<Checked> {
  used.clear();
  const rt = await runtimeOn(subgroups), wrong: string[] = [];
  const check = async (name: string, tolerance: number, run: (r: Runtime) => Promise<Float32Array>) => {
    try {
      const [actual, expected] = await Promise.all([rt, oracle].map(run)), error = worstError(actual, expected);
      if (!(error <= tolerance)) wrong.push(`${name}: error ${error.toExponential(2)}, expected at most ${tolerance}`);
    } catch (error) {
      wrong.push(`${name}: ${(error as Error).message.split("\n")[0]}`); // the rest is in what the compiler said
      runtimes.delete(subgroups); // an error of the device stays with it
    }
  };
  for (const c of few(opCases[op])) {
    await check(c.name, c.tolerance, (r) => r.scope(() => r.read(c.run(r, ...makeInputs(r, c)))));
  }
  for (const [, c] of few(gradientCases.filter(([name]) => name === op))) {
    await check(`gradient, ${c.name}`, 10 * c.tolerance, (r) => gradients(r, c, r === rt ? NaN : undefined));
  }
  return { wrong, subgroups: [...used].some((shader) => withSubgroups.has(shader)) };
}

/** Of long lists some: SwiftShader takes its time, and tests/webgpu_parity_test.ts runs all of them elsewhere. */
function few<T>(cases: readonly T[]): readonly T[] {
  const step = Math.ceil(cases.length / 12);
  return cases.filter((_, i) => i % step === 0 || i >= cases.length - 2);
}

/** Compiles a shader with all of its tensors, each in a memory of its own. */
async function compile(shader: Shader, constants: readonly Constant[], subgroups: boolean): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter(), requiredFeatures = subgroups ? ["subgroups"] : [];
  const device = await adapter!.requestDevice({ requiredFeatures: requiredFeatures as GPUFeatureName[] });
  const places = Object.keys(shader.tensors).map((_, i) => i);
  device.createShaderModule({ label: shader.name, code: shaderSource(shader, { constants, places, subgroups }) });
  await Promise.all(pending);
  device.destroy();
}

/** What the page offers to the test. */
export interface KernelChecks {
  /** The adapter and whether it has subgroups; nothing where there is none. */
  adapter(): Promise<{ readonly name: string; readonly subgroups: boolean } | undefined>;
  /** See {@linkcode checkOp}. */
  checkOp: typeof checkOp;
  /** See {@linkcode compile}. */
  compile: typeof compile;
  /** Shaders compiled so far, and all that was said of them. */
  compiled(): Promise<{ readonly shaders: readonly string[]; readonly remarks: readonly Remark[] }>;
}

const checks: KernelChecks = {
  async adapter() {
    const adapter = await (navigator as { gpu?: GPU }).gpu?.requestAdapter();
    if (!adapter) return undefined;
    listen();
    const { vendor, architecture } = adapter.info;
    return { name: `${vendor} ${architecture}`, subgroups: adapter.features.has("subgroups" as GPUFeatureName) };
  },
  checkOp,
  compile,
  async compiled() {
    await Promise.all(pending);
    return { shaders: [...compiled], remarks };
  },
};
Object.assign(globalThis, { checks });
