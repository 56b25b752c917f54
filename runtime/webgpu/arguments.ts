import type { ArgType } from "../../kernels/wgsl/shader.ts";

const words = new Uint32Array(1), float = new Float32Array(words.buffer), integer = new Int32Array(words.buffer);

/** Writes the words of a shader's arguments. */
export function writeArgs(
  types: Readonly<Record<string, ArgType>>,
  args: Readonly<Record<string, number>>,
  groups: number,
  into: Uint32Array,
): void {
  into[0] = groups;
  let at = 1;
  for (const name in types) {
    const value = args[name];
    if (types[name] === "f32") float[0] = value;
    else if (types[name] === "i32") integer[0] = value;
    else words[0] = value;
    into[at++] = words[0];
  }
}
