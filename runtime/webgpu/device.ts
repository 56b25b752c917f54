/** Limits that are asked for as high as the adapter goes. */
const HIGHEST = ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"] as const;
/** Limits of alignment: the lower, the better. */
const LOWEST = ["minStorageBufferOffsetAlignment", "minUniformBufferOffsetAlignment"] as const;
/** Features that are used where they are. */
const WANTED = ["subgroups", "timestamp-query"] as const;

/** WebGPU cannot be had: there is no adapter, none that will do, or it gives no device. */
export class NoAdapterError extends Error {
  /** For messages. */
  override readonly name = "NoAdapterError";
  /** Why, as a clause: `no WebGPU adapter was found`. */
  readonly reason: string;

  /** With `expected`, what would have done. */
  constructor(reason: string, expected: string, options?: ErrorOptions) {
    super(`Cannot use WebGPU: ${reason}, expected ${expected}`, options);
    this.reason = reason;
  }
}

/** A device and what is known of its adapter. */
export interface OpenDevice {
  /** The device. */
  readonly device: GPUDevice;
  /** For people: `NVIDIA H200 (NVIDIA 570.124)`. */
  readonly adapter: string;
  /** Whether a processor does the work, as with llvmpipe or SwiftShader. */
  readonly software: boolean;
}

/** How {@linkcode openDevice} chooses. */
export interface DeviceOptions {
  /** Refuse an adapter that is software. Default: `false`. */
  readonly hardware?: boolean;
}

/**
 * Opens the default adapter's device. Throws a {@linkcode NoAdapterError} that says why there is none.
 */
export async function openDevice({ hardware = false }: DeviceOptions = {}): Promise<OpenDevice> {
  const { gpu } = (globalThis as { navigator?: { gpu?: GPU } }).navigator ?? {};
  if (!gpu) throw new NoAdapterError("this JavaScript engine has no navigator.gpu", "one that has");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new NoAdapterError("no WebGPU adapter was found", "a GPU with a driver for Vulkan, Metal or Direct3D 12");
  }
  const { info } = adapter, name = adapterName(info), software = isSoftware(info);
  if (hardware && software) throw new NoAdapterError(`the only WebGPU adapter is software, ${name}`, "a GPU");
  const requiredFeatures = WANTED.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
  const requiredLimits = Object.fromEntries([...HIGHEST, ...LOWEST].map((limit) => [limit, adapter.limits[limit]]));
  try {
    return { device: await adapter.requestDevice({ requiredFeatures, requiredLimits }), adapter: name, software };
  } catch (cause) {
    throw new NoAdapterError(`${name} gives no device (${(cause as Error).message})`, "one", { cause });
  }
}

function adapterName({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "an adapter without a name";
}

function isSoftware(info: GPUAdapterInfo): boolean {
  const { isFallbackAdapter } = info as { isFallbackAdapter?: boolean };
  return isFallbackAdapter ??
    /llvmpipe|lavapipe|swiftshader|basic render/i.test(`${info.description} ${info.architecture}`);
}
