/** WebGPU in tests: there, or not. */
import { webgpuBackend } from "../runtime/webgpu/backend.ts";
import type { WebgpuOptions } from "../runtime/webgpu/backend.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Variant } from "./support.ts";

/** Whether there is an adapter; says once where there is none. */
export const hasWebgpu = await adapterName().then((name) => {
  console.log(name ? `WebGPU on ${name}` : "no WebGPU adapter: its tests are left out");
  return name !== undefined;
});

async function adapterName(): Promise<string | undefined> {
  const adapter = await (navigator as { gpu?: GPU }).gpu?.requestAdapter();
  return adapter?.info.description;
}

/** A runtime on the default adapter. */
export async function webgpuRuntime(options?: WebgpuOptions): Promise<Runtime> {
  return new Runtime(await webgpuBackend(options));
}

/** The default adapter, where there is one, beside the variants of support.ts. */
export const gpuVariants: readonly Variant[] = hasWebgpu ? [{ name: "WebGPU", open: () => webgpuRuntime() }] : [];
