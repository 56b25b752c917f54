import type { Additions } from "../../model/additions.ts";
import { namesOfBackends, openRuntime, type OpenRuntimeOptions } from "../../model/open_runtime.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { defined, text, UsageError } from "./flags.ts";

/** The flag of every command that computes. */
export const backendFlag = text(
  "name",
  "wasm (default), webgpu, auto: a GPU if there is one, reference, or a plugin's of --use",
);

/** What flags say of the backend; more than one command has. */
export type BackendFlags = {
  readonly [K in "backend" | "threads" | "simd" | "weights" | "jobs"]?:
    | (K extends "jobs" ? number : OpenRuntimeOptions[K & keyof OpenRuntimeOptions])
    | undefined;
};

/** Flags that only kernels of WASM have a use for. */
const OF_WASM = ["threads", "simd", "jobs"] as const;

/** Throws a {@linkcode UsageError} for a backend that nobody brings, and for flags that it could not honour. */
export function expectBackend(given: BackendFlags, { plugins }: Additions): void {
  const { backend = "wasm", weights } = given, names = namesOfBackends(plugins);
  if (!names.includes(backend)) {
    throw new UsageError(`--backend is ${JSON.stringify(backend)}, expected ${names.join(" or ")}`);
  }
  if (backend === "webgpu" || backend === "reference") {
    const idle = OF_WASM.find((flag) => given[flag] !== undefined && !(flag === "jobs" && given.jobs === 1));
    if (idle) throw new UsageError(`--${idle} and --backend ${backend} are both given, expected --${idle} with wasm`);
  }
  if (weights !== undefined && (backend === "wasm" || backend === "reference")) {
    throw new UsageError(`--weights is for --backend webgpu or auto, and it is ${backend}`);
  }
}

/** The runtime that flags ask for. Throws as {@linkcode expectBackend} does. */
export async function openGiven(given: BackendFlags, used: Additions): Promise<Runtime> {
  expectBackend(given, used);
  const { backend, threads, simd, weights } = given;
  return await openRuntime({ ...defined({ backend, threads, simd, weights }), plugins: used.plugins });
}
