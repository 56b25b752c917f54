/** How a backend is chosen, and what WebGPU says where it cannot be had or breaks. */
import { createModel } from "../model/decoder.ts";
import { openRuntime } from "../model/open_runtime.ts";
import type { Plugin } from "../model/plugin.ts";
import { referenceBackend } from "../runtime/backend.ts";
import { isWebgpu } from "../runtime/open_backend.ts";
import { createRuntime, type Runtime, type RuntimeOptions } from "../runtime/runtime.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { NoAdapterError, openDevice } from "../runtime/webgpu/device.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "./assert.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const LOST = /^Cannot use the GPU: its device was lost \(.+\)$/;

/** Runs `f` where `navigator.gpu` is something else. */
async function withGpu<T>(gpu: unknown, f: () => Promise<T>): Promise<T> {
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    return await f();
  } finally {
    delete (navigator as { gpu?: unknown }).gpu; // the real one is the prototype's
  }
}

/** A `navigator.gpu` whose adapter says what `info` says; what is opened on it is put into `devices`. */
function gpuNamed(info: Partial<GPUAdapterInfo> & { isFallbackAdapter?: boolean }, devices: GPUDevice[] = []): unknown {
  const { gpu } = navigator;
  return {
    async requestAdapter() {
      const adapter = await gpu.requestAdapter();
      return {
        info,
        features: adapter!.features,
        limits: adapter!.limits,
        async requestDevice(descriptor: GPUDeviceDescriptor) {
          const device = await adapter!.requestDevice(descriptor);
          devices.push(device);
          return device;
        },
      };
    },
  };
}

const software = {
  requestAdapter: () =>
    Promise.resolve({ info: { description: "llvmpipe (LLVM 15)" }, features: new Set(), limits: {} }),
};
const none = { requestAdapter: () => Promise.resolve(null) };

/** A runtime, and the device that it opened. */
async function opened(): Promise<{ rt: Runtime; device: GPUDevice }> {
  const devices: GPUDevice[] = [];
  const rt = await withGpu(gpuNamed({ description: "a card" }, devices), () => webgpuRuntime());
  return { rt, device: devices[0] };
}

/** A tensor of which no scratch memory is left behind. */
function held(rt: Runtime, values: readonly number[]): Tensor {
  const t = rt.place(rt.arena(), [values.length]);
  rt.write(t, values);
  return t;
}

// ---- choosing -----------------------------------------------------------------------------------------------------------

Deno.test("where WebGPU cannot be had, it says why", async () => {
  const refusing = {
    requestAdapter: () =>
      Promise.resolve({
        info: { description: "", vendor: "acme", architecture: "one", device: "" },
        features: new Set(),
        limits: {},
        requestDevice: () => Promise.reject(new Error("too busy")),
      }),
  };
  const cases: [gpu: unknown, message: string][] = [
    [undefined, "Cannot use WebGPU: this JavaScript engine has no navigator.gpu, expected one that has"],
    [
      none,
      "Cannot use WebGPU: no WebGPU adapter was found, expected a GPU with a driver for Vulkan, Metal or Direct3D 12",
    ],
    [refusing, "Cannot use WebGPU: acme one gives no device (too busy), expected one"],
  ];
  for (const [gpu, message] of cases) {
    const error = await withGpu(gpu, () => assertRejects(() => createRuntime({ backend: "webgpu" }), NoAdapterError));
    assertEquals(error.message, message);
  }
  const error = await withGpu(software, () => assertRejects(() => openDevice({ hardware: true }), NoAdapterError));
  assertEquals(
    error.message,
    "Cannot use WebGPU: the only WebGPU adapter is software, llvmpipe (LLVM 15), expected a GPU",
  );
});

Deno.test("auto takes WASM where there is no GPU, and says why", async () => {
  const notes: [gpu: unknown, why: string][] = [
    [undefined, "this JavaScript engine has no navigator.gpu"],
    [none, "no WebGPU adapter was found"],
    [software, "the only WebGPU adapter is software, llvmpipe (LLVM 15)"],
  ];
  const taken = "computing with wasm baseline, 1 thread";
  for (const [gpu, why] of notes) {
    const options: RuntimeOptions = { backend: "auto", threads: 1, simd: "baseline" };
    using rt = await withGpu(gpu, () => createRuntime(options));
    assertEquals([rt.backend.note, isWebgpu(rt.backend)], [`${why}: ${taken}`, false]);
    assertEquals(await rt.read(rt.ops.scale(rt.tensor([2], [1, 2]), 3)), Float32Array.of(3, 6));
  }
  using wasm = await createRuntime({ threads: 1 });
  assertEquals(wasm.backend.note, undefined);
});

Deno.test({
  name: "auto takes a GPU, which stores weights in 16 bits, too; webgpu takes software, too, and is named after it",
  ignore: !hasWebgpu,
  async fn() {
    const card = gpuNamed({ description: "a card", isFallbackAdapter: false });
    using rt = await withGpu(card, () => createRuntime({ backend: "auto", threads: 2 }));
    assertEquals(rt.backend.note, "a GPU was found: computing with webgpu, a card");
    assert(isWebgpu(rt.backend) && !rt.backend.software && rt.backend.stores?.includes("f16"));
    for (const info of [{ description: "a card", isFallbackAdapter: true }, { description: "SwiftShader Device" }]) {
      using slow = await withGpu(gpuNamed(info), () => createRuntime({ backend: "webgpu" }));
      assertEquals([slow.backend.name, slow.backend.note], [`webgpu, ${info.description}, software`, undefined]);
    }
  },
});

Deno.test("a plugin brings a backend by its name, with the options that are given", async () => {
  const seen: RuntimeOptions[] = [];
  const mine: Plugin = {
    name: "mine",
    backend(options) {
      seen.push(options);
      return { ...referenceBackend(options), name: "my own" };
    },
  };
  const broken: Plugin = { name: "broken", backend: () => Promise.reject(new RangeError("no card")) };
  const shadow: Plugin = { name: "reference", backend: () => Promise.reject(new Error("never")) };
  const plugins = [{ name: "other" }, broken, mine, shadow];
  using rt = await openRuntime({ backend: "mine", plugins, threads: 3 });
  assertEquals([rt.backend.name, seen], ["my own", [{ threads: 3 }]]);
  using usual = await openRuntime({ backend: "reference", plugins });
  assertEquals(usual.backend.name, "reference");
  await assertRejects(
    () => openRuntime({ backend: "broken", plugins }),
    RangeError,
    'Plugin "broken" failed in backend: no card',
  );
  await assertRejects(
    () => openRuntime({ backend: "other", plugins }),
    TypeError,
    'Cannot use backend "other", expected one of wasm, webgpu, auto, reference, broken, mine',
  );
  await assertRejects(
    () => createRuntime({ backend: "mine" as never }),
    TypeError,
    'Cannot use backend "mine", expected "wasm", "webgpu", "auto", "reference" or a Backend',
  );
});

// ---- a device that is lost ------------------------------------------------------------------------------------------

Deno.test({
  name: "once the device is lost, every call fails with the same error, and closing works",
  ignore: !hasWebgpu,
  async fn() {
    const { rt, device } = await opened(), x = held(rt, [1, 2, 3]);
    const model = rt.arena();
    rt.place(model, [1000]);
    const pending = [rt.read(x), rt.read(rt.ops.scale(x, 2))];
    device.destroy();
    const messages = await Promise.all(pending.map((read) => read.then(() => "read", (error) => error.message)));
    // What had been submitted may have been done.
    for (const message of messages) if (message !== "read") assertMatch(message, LOST);
    const { message } = await assertRejects(() => rt.read(x), Error);
    assertMatch(message, LOST);
    const calls: [what: string, call: () => unknown][] = [
      ["read", () => rt.read(x)],
      ["run", () => rt.ops.scale(x, 2)],
      ["write", () => rt.write(x, [1, 2, 3])],
      ["long write", () => rt.backend.write(x, new Float32Array(2 ** 18))],
      ["fill", () => rt.backend.fill(x, () => {})],
      ["copy", () => rt.backend.copy(x, held(rt, [1, 2, 3]))],
      ["tensor", () => rt.tensor([1], [1])],
      ["read again", () => rt.read(x)],
    ];
    for (const [what, call] of calls) {
      const error = await assertRejects(async () => await call(), Error);
      assertEquals(error.message, message, what);
    }
    model.close();
    rt.close();
    rt.close();
  },
});

Deno.test({
  name: "a device that is lost while nothing is read is reported by the next command, not by the process",
  ignore: !hasWebgpu,
  async fn() {
    const { rt, device } = await opened(), x = held(rt, [1, 2, 3]);
    rt.ops.scale(x, 2);
    device.destroy();
    await device.lost;
    assertMatch(assertThrows(() => rt.ops.scale(x, 2), Error).message, LOST);
    rt.close();
  },
});

Deno.test({
  name: "closing a runtime is no loss: what is being read says that it was closed, and memory may be given back later",
  ignore: !hasWebgpu,
  async fn() {
    const { rt, device } = await opened(), arena = rt.arena(), x = rt.place(arena, [1000]);
    rt.write(x, new Float32Array(1000));
    const pending = rt.read(x).then(() => "read", (error) => error.message);
    await Promise.resolve();
    await Promise.resolve(); // it has been submitted
    rt.close();
    arena.close();
    assertEquals((await device.lost).reason, "destroyed");
    const ending = await pending;
    assert(["read", "Cannot read from the GPU: the runtime was closed meanwhile"].includes(ending), ending);
    assertThrows(() => rt.temp([1]), Error, "Cannot use the runtime: it is closed, expected an open one");
  },
});

// ---- errors of commands, memory -------------------------------------------------------------------------------------

Deno.test({
  name: "the first command that is refused is told to whoever reads next, and after",
  ignore: !hasWebgpu,
  async fn() {
    const { rt, device } = await opened(), x = held(rt, [1, 2, 3]);
    const { MAP_READ, STORAGE } = GPUBufferUsage;
    device.createBuffer({ size: 4, usage: MAP_READ | STORAGE }); // two that do not go together
    device.createBindGroupLayout({ entries: [{ binding: 2 ** 20, visibility: 4, buffer: {} }] });
    const first = await assertRejects(() => rt.read(x), Error);
    assertMatch(first.message, /^Cannot use the GPU: it refused a command \(.*usage/i);
    assertEquals(await assertRejects(() => rt.read(x), Error), first);
    rt.close();
  },
});

Deno.test({
  name: "what does not fit into the memory that it may take is refused before it takes any",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime({ maximumBytes: 3 * 2 ** 20 });
    const { message } = assertThrows(() => rt.place(rt.arena(), [2 ** 20]), RangeError);
    assertEquals(
      message,
      "Cannot reserve 4.0 MiB on the GPU, expected at most the 3.0 MiB that are left of what it may take of the GPU",
    );
    const config = { vocab: 1000, context: 8, dim: 512, depth: 2, heads: 1, tied: false };
    assertMatch(
      assertThrows(() => createModel(rt, config), RangeError).message,
      /^Cannot build the model: it needs \S+ MiB \(weights \S+ MiB, buffers of the context \S+ \S+\), expected at most the 3\.0 MiB that are left of what it may take of the GPU; it would /,
    );
    assertEquals(rt.backend.memory.used, 0);
  },
});

Deno.test({
  name: "what is larger than any buffer of the adapter is refused by that",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime();
    const { largest = Infinity } = rt.backend.memory;
    assert(largest < Infinity);
    const most = "expected at most the [0-9.]+ GiB that one of the adapter's buffers holds";
    const { message } = assertThrows(() => rt.place(rt.arena(), [largest / 4 + 1]), RangeError);
    assertMatch(message, new RegExp(`^Cannot reserve [0-9.]+ GiB on the GPU, ${most}$`));
    const vocab = Math.ceil(largest / 4 / 64 / 8) * 8 + 8, config = { vocab, context: 8, dim: 64, depth: 1, heads: 1 };
    const error = assertThrows(() => createModel(rt, config), RangeError);
    assertMatch(
      error.message,
      new RegExp(
        `^Cannot build the model: its embedding.weight takes [0-9.]+ GiB of .*, ${most}; it would fit with weights in f16`,
      ),
    );
    assertEquals(rt.backend.memory.used, 0);
  },
});

/** Reserves more than a process is let have, as `prlimit` says: nothing of it is ever touched, so little is really used. */
const outOfMemory = `
  const [{ webgpuBackend }, { Runtime }] = await Promise.all(Deno.args.map((url) => import(url)));
  const rt = new Runtime(await webgpuBackend()), x = rt.place(rt.arena(), [1]);
  rt.write(x, [7]);
  console.log((await rt.read(x))[0]);
  const now = Number(/VmSize:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1]) * 1024;
  const limit = ["--pid", String(Deno.pid), "--as=" + (now + 2.5 * 2 ** 30)];
  if (!(await new Deno.Command("prlimit", { args: limit }).output()).success) throw new Error("prlimit failed");
  try {
    for (let i = 0; i < 4; i++) {
      rt.place(rt.arena(), [2 ** 28 - 2 ** 20]);
      await rt.read(x);
      console.log("fits");
    }
  } catch (error) {
    console.log(error.name + ": " + error.message);
  }
  rt.close();
`;

Deno.test({
  name: "a GPU that runs out of memory is told by the next reading, with how much was asked for",
  ignore: !hasWebgpu || Deno.build.os !== "linux" || !/llvmpipe/.test(await adapterName()),
  async fn() {
    const urls = ["webgpu/backend.ts", "runtime.ts"].map((path) => new URL(`../runtime/${path}`, import.meta.url).href);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["eval", outOfMemory, ...urls],
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await command.output(),
      lines = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals(lines[0], "7");
    assert(lines.includes("fits"));
    assertMatch(
      lines.at(-1)!,
      /^RangeError: Cannot reserve 1020 MiB on the GPU: it is out of memory with [1-3]\.\d GiB in use$/,
    );
  },
});

async function adapterName(): Promise<string> {
  return (await (navigator as { gpu?: GPU }).gpu?.requestAdapter())?.info.description ?? "";
}
