import { type Shader, shader } from "./shader.ts";

/** A lane for each element: `value` is what `out[i]` becomes. */
function each<T extends string, A extends string = never>(
  name: string,
  tensors: Readonly<Record<T, "f32">>,
  args: Readonly<Record<A, "f32" | "u32">>,
  value: string,
): Shader<T | "out", A | "count" | "first", never> {
  return shader({
    name,
    tensors: { out: "f32", ...tensors },
    args: { count: "u32", first: "u32", ...args },
    workgroup: 256,
    code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i < args.count) { out[i] = ${value}; }
}`,
  }) as never;
}

/** `out = value`. */
export const fillShader = each("fill", {}, { value: "f32" }, "args.value");

/** `out = factor · x`. */
export const scaleShader = each("scale", { x: "f32" }, { factor: "f32" }, "args.factor * x[i]");

/** `out += factor · x`. */
export const addScaledShader = each("add_scaled", { x: "f32" }, { factor: "f32" }, "out[i] + args.factor * x[i]");

/** `out = x + y`, `y` repeated with a period. */
export const addShader = each(
  "add",
  { x: "f32", y: "f32" },
  { period: "u32" },
  "x[i] + y[(args.first + i) % args.period]",
);

/** `out = x · y`, `y` repeated with a period. */
export const mulShader = each(
  "mul",
  { x: "f32", y: "f32" },
  { period: "u32" },
  "x[i] * y[(args.first + i) % args.period]",
);
