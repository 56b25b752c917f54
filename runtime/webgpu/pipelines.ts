import type { Shader } from "../../kernels/wgsl/shader.ts";
import { ARG_BYTES, type Constant, shaderSource } from "./source.ts";

/** Layouts of everything that binds a number of tensors. */
export interface Layouts {
  /** Of bind groups. */
  readonly group: GPUBindGroupLayout;
  /** Of pipelines. */
  readonly pipeline: GPUPipelineLayout;
}

/** Shaders compiled, each variant once. */
export class Pipelines {
  /** Whether pipelines are asked for without being run: see {@linkcode Pipelines.prepare}. */
  planning = false;
  #device: GPUDevice;
  #subgroups: boolean;
  #layouts = new Map<number, Layouts>();
  #shaders = new Map<Shader, Map<string, GPUComputePipeline>>();
  #coming: Promise<void>[] = [];
  #size = 0;

  /** Of `device`; `subgroups` if it has them and they are to be used. */
  constructor(device: GPUDevice, subgroups: boolean) {
    this.#device = device;
    this.#subgroups = subgroups;
  }

  /** Number of pipelines so far. */
  get size(): number {
    return this.#size;
  }

  /** The pipeline of a variant: see {@linkcode Variant}. */
  get(shader: Shader, places: readonly number[], constants: readonly Constant[]): GPUComputePipeline {
    let variants = this.#shaders.get(shader);
    if (!variants) this.#shaders.set(shader, variants = new Map());
    const key = `${places}/${constants}`, known = variants.get(key);
    if (known) return known;
    const code = shaderSource(shader, { places, constants, subgroups: this.#subgroups });
    const module = this.#device.createShaderModule({ label: shader.name, code });
    const { pipeline: layout } = this.layout(places.filter((place, i) => place === i).length);
    const descriptor = { label: shader.name, layout, compute: { module, entryPoint: "entry" } };
    this.#size++;
    if (this.planning) {
      this.#coming.push(
        this.#device.createComputePipelineAsync(descriptor).then((pipeline) => void variants.set(key, pipeline)),
      );
      return undefined as never;
    }
    const pipeline = this.#device.createComputePipeline(descriptor);
    variants.set(key, pipeline);
    return pipeline;
  }

  /** Runs `f` with nothing being computed, and compiles, in parallel, what it would have run. */
  async prepare(f: () => void): Promise<void> {
    this.planning = true;
    try {
      f();
    } finally {
      this.planning = false;
    }
    await Promise.all(this.#coming.splice(0));
  }

  /** Layouts for `count` tensors: arguments first, at an offset that is given with each dispatch. */
  layout(count: number): Layouts {
    const known = this.#layouts.get(count);
    if (known) return known;
    const visibility = GPUShaderStage.COMPUTE;
    const group = this.#device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: ARG_BYTES } },
        ...Array.from({ length: count }, (_, i) => ({
          binding: i + 1,
          visibility,
          buffer: { type: "storage" as const },
        })),
      ],
    });
    const layouts = { group, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.#layouts.set(count, layouts);
    return layouts;
  }
}
