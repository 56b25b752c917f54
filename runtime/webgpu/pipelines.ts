import type { Element, Shader } from "../../kernels/wgsl/shader.ts";
import type { Compiled } from "./commands.ts";
import { ARG_BYTES, type Constant, shaderSource } from "./source.ts";

/** Bytes of an element of a binding. */
export const elementSizes: Readonly<Record<Element, number>> = {
  f32: 4,
  i32: 4,
  u32: 4,
  vec2u: 8,
  vec4f: 16,
  vec4u: 16,
};

/** Layouts of everything that binds a number of tensors. */
export interface Layouts {
  /** Of bind groups. */
  readonly group: GPUBindGroupLayout;
  /** Of pipelines. */
  readonly pipeline: GPUPipelineLayout;
}

/** Shaders compiled, each variant once. */
export class Pipelines {
  #device: GPUDevice;
  #subgroups: boolean;
  #layouts = new Map<string, Layouts>();
  #shaders = new Map<Shader, Map<string, Compiled>>();
  #size = 0;
  #hold: (compiled: Promise<void>) => void;

  /** Of `device`; `subgroups` if it has them and they are to be used. `hold` is told of each one that is being compiled. */
  constructor(device: GPUDevice, subgroups: boolean, hold: (compiled: Promise<void>) => void) {
    this.#device = device;
    this.#subgroups = subgroups;
    this.#hold = hold;
  }

  /** Number of pipelines so far. */
  get size(): number {
    return this.#size;
  }

  /** The pipeline of a variant, which may not be there yet: see {@linkcode Variant}. */
  get(shader: Shader, places: readonly number[], constants: readonly Constant[]): Compiled {
    let variants = this.#shaders.get(shader);
    if (!variants) this.#shaders.set(shader, variants = new Map());
    const key = `${places}/${constants}`, known = variants.get(key);
    if (known) return known;
    const code = shaderSource(shader, { places, constants, subgroups: this.#subgroups });
    const module = this.#device.createShaderModule({ label: shader.name, code });
    const elements = Object.values(shader.tensors).filter((_, i) => places[i] === i);
    const { pipeline: layout } = this.layout(elements.map((element) => elementSizes[element]));
    const compiled: Compiled = { pipeline: undefined };
    variants.set(key, compiled);
    this.#size++;
    this.#hold(
      this.#device.createComputePipelineAsync({ label: shader.name, layout, compute: { module, entryPoint: "entry" } })
        .then((pipeline) => void (compiled.pipeline = pipeline)),
    );
    return compiled;
  }

  /**
   * Layouts for tensors whose elements have `sizes` bytes: arguments first, at an offset that is given with each dispatch.
   * The sizes are in the layout because wgpu holds bindings against those of the pipeline before, if that had the same
   * layout and left them open.
   */
  layout(sizes: readonly number[]): Layouts {
    const key = `${sizes}`, known = this.#layouts.get(key);
    if (known) return known;
    const visibility = GPUShaderStage.COMPUTE;
    const group = this.#device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: ARG_BYTES } },
        ...sizes.map((minBindingSize, i) => ({
          binding: i + 1,
          visibility,
          buffer: { type: "storage" as const, minBindingSize },
        })),
      ],
    });
    const layouts = { group, pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.#layouts.set(key, layouts);
    return layouts;
  }
}
