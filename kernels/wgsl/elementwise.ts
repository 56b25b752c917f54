import { type Library, type Shader, shader } from "./shader.ts";

/** A shader with a lane for each element, which `code` reads and writes as number `i`: it runs by `runFlat`. */
export function flatShader<T extends string, A extends string = never, const C extends string = never>(
  name: string,
  definition: {
    readonly tensors: Readonly<Record<T, "f32">>;
    readonly optional?: readonly NoInfer<T>[];
    readonly args?: Readonly<Record<A, "f32" | "u32">>;
    readonly constants?: readonly C[];
    readonly uses?: readonly Library[];
    readonly code: string;
  },
): Shader<T, A | "count" | "first", C> {
  return shader({
    ...definition,
    name,
    args: { count: "u32", first: "u32", ...definition.args },
    workgroup: 256,
    code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  ${definition.code}
}`,
  }) as never;
}

/** `value` is what `out[i]` becomes. */
function each<T extends string, A extends string = never>(
  name: string,
  tensors: Readonly<Record<T, "f32">>,
  args: Readonly<Record<A, "f32" | "u32">>,
  value: string,
): Shader<T | "out", A | "count" | "first", never> {
  return flatShader(name, { tensors: { out: "f32", ...tensors }, args, code: `out[i] = ${value};` }) as never;
}

/** `out = value`. */
export const fillShader = each("fill", {}, { value: "f32" }, "args.value");

/** `out = factor · x`. */
export const scaleShader = each("scale", { x: "f32" }, { factor: "f32" }, "args.factor * x[i]");

/** `out += factor · x`. */
export const addScaledShader = each("add_scaled", { x: "f32" }, { factor: "f32" }, "out[i] + args.factor * x[i]");

/** `value` of `x[i]` and `y[j]`, where `y` is repeated with a period if it is `REPEATED`. */
function repeated(name: string, value: string): Shader<"out" | "x" | "y", "period" | "count" | "first", "REPEATED"> {
  return flatShader(name, {
    tensors: { out: "f32", x: "f32", y: "f32" },
    args: { period: "u32" },
    constants: ["REPEATED"],
    code: `var j = i;
  if (REPEATED) { j = (args.first + i) % args.period; }
  out[i] = ${value};`,
  });
}

/** `out = x + y`. */
export const addShader = repeated("add", "x[i] + y[j]");

/** `out = x · y`. */
export const mulShader = repeated("mul", "x[i] * y[j]");

/** `out += x · y`. */
export const addProductShader = repeated("add_product", "out[i] + x[i] * y[j]");
