import { type Backend, referenceBackend, wasmBackend, type WasmOptions } from "./backend.ts";
import type { WebgpuBackend } from "./webgpu/backend.ts";
import { NoAdapterError } from "./webgpu/device.ts";

/** A word for a backend; `auto` is `webgpu` where there is a GPU, else `wasm`. */
export type BackendName = "wasm" | "webgpu" | "auto" | "reference";

/** All of them. */
export const backendNames: readonly BackendName[] = ["wasm", "webgpu", "auto", "reference"];

/** How {@linkcode openBackend} sets up what it opens. */
export type BackendOptions = WasmOptions;

/**
 * Opens a backend. `auto` takes a GPU if there is one, never software that stands in for one, and says in
 * {@linkcode Backend.note} what it took and why. `webgpu` takes the default adapter, whatever it is, and throws a
 * {@linkcode NoAdapterError} where there is none. Threads and SIMD are those of WASM: WebGPU has no use for them.
 */
export async function openBackend(name: BackendName, options: BackendOptions = {}): Promise<Backend> {
  if (name === "auto") return await autoBackend(options);
  if (name === "webgpu") return await (await webgpu())(options);
  if (name !== "wasm" && name !== "reference") {
    const names = backendNames.map((known) => JSON.stringify(known)).join(", ");
    throw new TypeError(`Cannot use backend ${JSON.stringify(name)}, expected ${names} or a Backend`);
  }
  return name === "wasm" ? await wasmBackend(options) : referenceBackend(options);
}

/** Whether `backend` is a GPU: one that knows its adapter and counts what it does. */
export function isWebgpu(backend: Backend): backend is WebgpuBackend {
  return "adapter" in backend && "stats" in backend;
}

async function autoBackend(options: BackendOptions): Promise<Backend> {
  try {
    const backend = await (await webgpu())({ ...options, hardware: true });
    return { ...backend, note: `a GPU was found: computing with ${backend.name}` } as WebgpuBackend;
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error;
    const backend = await wasmBackend(options);
    return { ...backend, note: `${error.reason}: computing with ${backend.name}` };
  }
}

/** Loaded when it is asked for: all the shaders come with it. */
async function webgpu(): Promise<typeof import("./webgpu/backend.ts").webgpuBackend> {
  return (await import("./webgpu/backend.ts")).webgpuBackend;
}
