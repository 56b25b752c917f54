import { copyShader } from "../../kernels/wgsl/copy.ts";
import type { Shader } from "../../kernels/wgsl/shader.ts";
import { Arena } from "../arena.ts";
import { bytesOf, describeTensor, type DType, type Layout, type Tensor } from "../tensor.ts";
import { writeArgs } from "./arguments.ts";
import { GpuBuffers, offsetOf } from "./buffers.ts";
import { Commands, type GpuStats } from "./commands.ts";
import type { OpenDevice } from "./device.ts";
import { elementSizes, Pipelines } from "./pipelines.ts";
import { formatBytes } from "../memory.ts";
import type { Constant } from "./source.ts";

/** How {@linkcode Gpu} is set up. */
export interface GpuOptions {
  /** Most memory to use, in bytes. Default: what there is. */
  readonly maximumBytes?: number;
  /** Most bytes of a binding: below what the adapter allows, for tests. */
  readonly maximumBinding?: number;
  /** `false` submits every dispatch by itself, for measuring what batching saves. Default: `true`. */
  readonly batch?: boolean;
  /** `false` leaves subgroups alone where the adapter has them. Default: `true`. */
  readonly subgroups?: boolean;
}

/** A run of units that fits into a binding. */
export interface Slice {
  /** Its first unit. */
  readonly first: number;
  /** Its number of units. */
  readonly count: number;
}

/** A binding of one dispatch. */
interface Bound {
  id: number;
  buffer: GPUBuffer;
  offset: number;
  size: number;
  element: number;
}

/** Workgroups along one axis of a dispatch. */
const AXIS = 65535;

/**
 * A device that runs shaders on tensors: what the kernels of WebGPU are written against. Nothing here waits; what is asked
 * for is recorded, and submitted when something is read or when there is enough of it.
 */
export class Gpu {
  /** Where tensors live. */
  readonly memory: GpuBuffers;
  /** Activations and other short-lived tensors. */
  readonly scratch: Arena;
  /** What is recorded and submitted. */
  readonly commands: Commands;
  /** Compiled shaders. */
  readonly pipelines: Pipelines;
  #binding: number;
  #groups = new Map<string, GPUBindGroup>();
  #device: GPUDevice;

  /** Takes over `device`. */
  constructor({ device }: OpenDevice, { maximumBytes, maximumBinding, batch, subgroups = true }: GpuOptions = {}) {
    this.#device = device;
    this.commands = new Commands(device, batch ?? true);
    const withSubgroups = subgroups && device.features.has("subgroups" as GPUFeatureName);
    this.pipelines = new Pipelines(device, withSubgroups, (compiled) => this.commands.hold(compiled));
    const retire = (destroy: () => void) => {
      this.#groups.clear();
      this.commands.order(() => {
        this.commands.flush();
        destroy();
      });
    };
    this.memory = new GpuBuffers({ device, fail: (error) => this.commands.fail(error), retire }, maximumBytes);
    this.scratch = new Arena(this.memory);
    this.#binding = Math.min(device.limits.maxStorageBufferBindingSize, maximumBinding ?? Infinity);
  }

  /**
   * Runs `groups` workgroups of `shader`. Tensors must fit into a binding (see {@linkcode Gpu.slices}); those that are the
   * same memory are bound once, and a view that begins where no binding can is moved to where one can, and back.
   */
  run<T extends string, A extends string, C extends string>(
    shader: Shader<T, A, C>,
    tensors: Readonly<Record<T, Tensor | undefined>>,
    args: Readonly<Record<A, number>>,
    groups: number,
    ...constants: Constant[]
  ): void {
    if (!groups) return;
    this.commands.expectDevice();
    const names = Object.keys(shader.tensors) as T[], places: number[] = [], bound: Bound[] = [], at: number[] = [];
    const given = names.map((name) => tensors[name]), moved: (() => void)[] = [];
    for (let i = 0; i < names.length; i++) {
      const t = given[i];
      if (!t) {
        if (!shader.optional?.includes(names[i])) throw new TypeError(`Cannot run ${shader.name} without ${names[i]}`);
        places.push(-1);
        at.push(-1);
        continue;
      }
      const element = shader.tensors[names[i]];
      const same = given.findIndex((other, j) => other?.ptr === t.ptr && shader.tensors[names[j]] === element);
      places.push(same);
      if (same === i) at.push(bound.push(this.#bind(shader, t, elementSizes[element], moved)) - 1);
      else {
        at.push(at[same]);
        bound[at[same]].size = Math.max(bound[at[same]].size, boundBytes(t));
      }
    }
    this.#separate(shader, bound);
    const pipeline = this.pipelines.get(shader as Shader, places, constants), group = this.#bindGroup(bound);
    const write = (into: Uint32Array) => writeArgs(shader.args, args, groups, into);
    this.commands.dispatch(pipeline, group, write, Math.min(groups, AXIS), Math.ceil(groups / AXIS));
    for (const back of moved) back();
  }

  /**
   * Runs a shader that has a lane for each of `count` elements and the arguments `count` and `first`, in as many slices as
   * bindings need: of `tensors` each slice sees its own elements, the `first` of which is told, of `whole` all of them.
   */
  runFlat<T extends string, A extends string, C extends string>(
    shader: Shader<T, A | "count" | "first", C>,
    count: number,
    tensors: Readonly<Partial<Record<T, Tensor | undefined>>>,
    whole: Readonly<Partial<Record<T, Tensor | undefined>>>,
    args: Readonly<Record<Exclude<A, "count" | "first">, number>>,
    ...constants: Constant[]
  ): void {
    for (const slice of this.slices(count, 4)) {
      const own = Object.entries<Tensor | undefined>(tensors).map(([name, t]) => [
        name,
        t && { ...t, ptr: t.ptr + 4 * slice.first, shape: [slice.count], layout: "rows" },
      ]);
      const all = { ...Object.fromEntries(own), ...whole } as Record<T, Tensor | undefined>;
      const groups = Math.ceil(slice.count / shader.workgroup);
      this.run(shader, all, { ...args, ...slice } as never, groups, ...constants);
    }
  }

  /**
   * `count` units of `unitBytes` bytes each, in as few runs as bindings allow, each run but the last a multiple of `grain`
   * units. One run of everything where that fits.
   */
  *slices(count: number, unitBytes: number, grain = 64): Generator<Slice> {
    const most = count * unitBytes <= this.#binding ? count : Math.floor(this.#binding / unitBytes / grain) * grain;
    if (most < 1 && count) {
      throw new RangeError(
        `Cannot bind ${formatBytes(grain * unitBytes)}, expected at most the adapter's ${formatBytes(this.#binding)}`,
      );
    }
    for (let first = 0; first < count; first += most) yield { first, count: Math.min(most, count - first) };
  }

  /** An uninitialised tensor in scratch memory. */
  temp(shape: readonly number[], dtype: DType = "f32", layout: Layout = "rows"): Tensor {
    return { ptr: this.scratch.alloc(bytesOf({ shape, dtype, layout })), shape, dtype, layout };
  }

  /** Runs `f` and gives its scratch tensors back. */
  briefly(f: () => void): void {
    const mark = this.scratch.mark();
    try {
      f();
    } finally {
      this.scratch.rewind(mark);
    }
  }

  /** Sets the elements of `t`, f32 or i32. */
  write(t: Tensor, values: ArrayLike<number>): void {
    this.put(t, 0, new Uint8Array((t.dtype === "i32" ? Int32Array : Float32Array).from(values).buffer));
  }

  /** Sets bytes of `t` from byte `first` on; the last word is filled up. */
  put(t: Tensor, first: number, bytes: Uint8Array<ArrayBufferLike>): void {
    const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    whole.set(bytes);
    this.commands.write(this.memory.at(t.ptr).buffer, offsetOf(t.ptr) + first, whole);
  }

  /** Copies the words of `x` to `out`, which must not overlap it. */
  copy(out: Tensor, x: Tensor): void {
    const bytes = Math.ceil(bytesOf(x) / 4) * 4;
    for (const { first, count } of this.slices(bytes / 4, 4, 64)) {
      this.#copyWords(out.ptr + 4 * first, x.ptr + 4 * first, count);
    }
  }

  /** Whether `a` and `b` share memory. */
  overlap(a: Tensor, b: Tensor): boolean {
    return a.ptr < b.ptr + bytesOf(b) && b.ptr < a.ptr + bytesOf(a);
  }

  /** What has been done so far. */
  stats(): GpuStats {
    return {
      ...this.commands.stats(),
      buffers: this.memory.made,
      bytes: this.memory.held,
      pipelines: this.pipelines.size,
    };
  }

  /** Frees everything. */
  close(): void {
    this.commands.close();
    this.memory.close();
    this.#groups.clear();
    this.#device.destroy();
  }

  /** Copies between places that may begin at any word: both ends are bound from where a binding can begin. */
  #copyWords(to: number, from: number, count: number): void {
    const { alignment } = this.memory, down = (pointer: number) => pointer - offsetOf(pointer) % alignment;
    const view = (pointer: number): Tensor => ({
      ptr: down(pointer),
      shape: [count + (pointer - down(pointer)) / 4],
      dtype: "f32",
      layout: "rows",
    });
    const ends = { out: view(to), x: view(from) };
    const args = { count, source: (from - ends.x.ptr) / 4, destination: (to - ends.out.ptr) / 4 };
    // Where the rounded ends meet, the first one's binding holds the other, too.
    if (this.overlap(ends.out, ends.x)) {
      const ptr = Math.min(ends.out.ptr, ends.x.ptr);
      const end = Math.max(ends.out.ptr + bytesOf(ends.out), ends.x.ptr + bytesOf(ends.x));
      const both: Tensor = { ...ends.out, ptr, shape: [(end - ptr) / 4] };
      const at = { count, source: (from - ptr) / 4, destination: (to - ptr) / 4 };
      this.run(copyShader, { out: both, x: both }, at, Math.ceil(count / copyShader.workgroup));
    } else this.run(copyShader, ends, args, Math.ceil(count / copyShader.workgroup));
  }

  #bind(shader: Shader, t: Tensor, element: number, moved: (() => void)[]): Bound {
    const bytes = boundBytes(t);
    if (bytes > this.#binding) {
      throw new RangeError(
        `Cannot bind ${describeTensor(t)} of ${formatBytes(bytes)} to ${shader.name}, ` +
          `expected at most the adapter's ${formatBytes(this.#binding)}`,
      );
    }
    if (offsetOf(t.ptr) % this.memory.alignment) return this.#moved(shader, t, element, moved);
    const { id, buffer } = this.memory.at(t.ptr);
    return { id, buffer, offset: offsetOf(t.ptr), size: bytes, element };
  }

  /** A copy of `t` where a binding can begin, which is copied back after the dispatch. */
  #moved(shader: Shader, t: Tensor, element: number, moved: (() => void)[]): Bound {
    const mark = this.scratch.mark(), home = this.temp(t.shape, t.dtype, t.layout);
    this.copy(home, t);
    moved.push(() => {
      this.copy(t, home);
      this.scratch.rewind(mark);
    });
    return this.#bind(shader, home, element, moved);
  }

  /** Two bindings of one dispatch must not overlap. */
  #separate(shader: Shader, bound: readonly Bound[]): void {
    for (let i = 0; i < bound.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [bound[i], bound[j]];
        if (a.id === b.id && a.offset < b.offset + b.size && b.offset < a.offset + a.size) {
          throw new RangeError(`Cannot run ${shader.name} on tensors that share part of their memory`);
        }
      }
    }
  }

  #bindGroup(bound: readonly Bound[]): GPUBindGroup {
    let key = "";
    for (const { id, offset, size, element } of bound) key += `${id}.${offset}.${size}.${element};`;
    const known = this.#groups.get(key);
    if (known) return known;
    if (this.#groups.size >= 8192) this.#groups.clear();
    const group = this.#device.createBindGroup({
      layout: this.pipelines.layout(bound.map(({ element }) => element)).group,
      entries: [
        { binding: 0, resource: this.commands.argumentBinding },
        ...bound.map(({ buffer, offset, size }, i) => ({ binding: i + 1, resource: { buffer, offset, size } })),
      ],
    });
    this.#groups.set(key, group);
    return group;
  }
}

/** Bytes of a binding: whole words. */
function boundBytes(t: Tensor): number {
  return Math.max(4, Math.ceil(bytesOf(t) / 4) * 4);
}
