import type { Additions } from "../../model/additions.ts";
import { namesOfBackends, openRuntime, type OpenRuntimeOptions } from "../../model/open_runtime.ts";
import type { Model } from "../../model/decoder.ts";
import { formatBytes } from "../../runtime/memory.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { CacheType, WeightType } from "../../runtime/tensor.ts";
import { defined, text, UsageError, word } from "./flags.ts";

/** The flag of every command that computes. */
export const backendFlag = text(
  "name",
  "wasm (default), webgpu, auto: a GPU if there is one, reference, or a plugin's of --use",
);

/** The flags of commands that only run models. */
export const weightsFlags = {
  weights: word(
    ["stored", "f32", "f16", "q8_0", "q4_0"],
    "how matrices are held: as stored where there is such a kernel (default), in f32, in f16 on WebGPU only, or in blocks of 8 or 4 bits",
  ),
  "cache-type": word(
    ["f32", "f16", "q8_0"],
    "how keys and values of earlier tokens are held: in f32 (default), a half or a fourth of that",
  ),
  activations: word(
    ["q8", "f32"],
    "how WASM multiplies blocks: activations in 8 bits, faster, or in f32 (default q8)",
  ),
};

/** What flags say of the backend; more than one command has. */
export type BackendFlags = {
  readonly [K in "backend" | "threads" | "simd" | "activations" | "weights" | "cache-type" | "jobs"]?:
    | (K extends "jobs" ? number
      : K extends "weights" ? WeightType | "stored"
      : K extends "cache-type" ? CacheType
      : OpenRuntimeOptions[K & keyof OpenRuntimeOptions])
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
  if (weights === "f16" && (backend === "wasm" || backend === "reference")) {
    throw new UsageError(`--weights is f16, which --backend ${backend} has not, expected f32, q8_0 or q4_0`);
  }
  if (given.activations !== undefined && backend === "webgpu") {
    throw new UsageError("--activations and --backend webgpu are both given, expected --activations with wasm");
  }
}

/** The runtime that flags ask for. Throws as {@linkcode expectBackend} does. */
export async function openGiven(given: BackendFlags, used: Additions): Promise<Runtime> {
  expectBackend(given, used);
  const { backend, threads, simd, activations } = given;
  return await openRuntime({ ...defined({ backend, threads, simd, activations }), plugins: used.plugins });
}

/** How a model is to be held. */
export interface Held {
  /** For `loadModel`. */
  readonly weights: WeightType | "stored";
  /** For `loadModel`. */
  readonly cacheType: CacheType;
  /** What there is to say about it. */
  readonly notes: readonly string[];
}

/** How a model is to be held on what was opened: `auto` may have found what has not all that was asked for. */
export function heldOn({ backend }: Runtime, given: BackendFlags): Held {
  const { weights = "stored", "cache-type": cacheType = "f32" } = given,
    { stores = ["f32"], caches = ["f32"] } = backend;
  if (given.backend !== "auto") return { weights, cacheType, notes: [] };
  const stored = weights === "stored" || stores.includes(weights), cached = caches.includes(cacheType);
  return {
    weights: stored ? weights : "f32",
    cacheType: cached ? cacheType : "f32",
    notes: [
      ...(stored ? [] : [`weights stay f32: ${backend.name} has ${stores.join(", ")}`]),
      ...(cached ? [] : [`caches stay f32: ${backend.name} has ${caches.join(", ")}`]),
    ],
  };
}

/** How a model is held: `weights in q8_0 and f32 12 MiB, cache in f32`. */
export function heldLine(model: Model): string {
  const { params, parameterBytes } = model.describe();
  const types = new Set(params.filter(({ shape }) => shape.length > 1).map(({ dtype }) => dtype));
  return `weights in ${[...types].sort().join(" and ")} ${formatBytes(parameterBytes)}, cache in ${model.cacheType}`;
}
