/** How the elements of a bound tensor appear in a shader. */
export type Element = "f32" | "i32" | "u32" | "vec2u" | "vec4f" | "vec4u";

/** The type of an argument: one 32-bit word. */
export type ArgType = "u32" | "i32" | "f32";

/** Functions that several shaders share: see math.ts, reduce.ts and rows.ts. */
export type Library = "math" | "reduce" | "rows";

/**
 * A compute shader. Its code defines `fn main(group: u32, lane: u32)`, which runs once for each invocation of each
 * workgroup; runtime/webgpu/source.ts writes what goes before it:
 *
 * - every tensor as `var<storage, read_write> name: array<element>`, its first element at 0;
 * - `args.name` for every argument, and `args.groups`, the number of workgroups;
 * - every constant as `const NAME = …`, its value given when the pipeline is made;
 * - `HAS_NAME` for every tensor that may be absent: `weight` is the tensor, `HAS_WEIGHT` whether it is there;
 * - `WORKGROUP`, the number of lanes.
 *
 * Two tensors may be the same memory: whatever a shader reads of one element, it must have read before it writes it.
 */
export interface Shader<T extends string = string, A extends string = string, C extends string = string> {
  /** Of the pipeline, for messages. */
  readonly name: string;
  /** In the order in which they are bound, outputs first. */
  readonly tensors: Readonly<Record<T, Element>>;
  /** Tensors that may be absent. */
  readonly optional?: readonly NoInfer<T>[];
  /** Numbers that may change from one run to the next. */
  readonly args: Readonly<Record<A, ArgType>>;
  /** Numbers and switches that are compiled in. */
  readonly constants?: readonly C[];
  /** Lanes of a workgroup: at most 256, which every adapter has. */
  readonly workgroup: number;
  /** What it calls. */
  readonly uses?: readonly Library[];
  /** WGSL. At most 16 KiB of workgroup memory, which every adapter has. */
  readonly code: string;
}

/** Infers the names of a shader's tensors, arguments and constants. */
export function shader<T extends string, A extends string = never, const C extends string = never>(
  definition: Shader<T, A, C>,
): Shader<T, A, C> {
  return definition;
}
