import { math } from "../../kernels/wgsl/math.ts";
import { reduce, reduceSubgroups } from "../../kernels/wgsl/reduce.ts";
import { rows } from "../../kernels/wgsl/rows.ts";
import type { Library, Shader } from "../../kernels/wgsl/shader.ts";

/** Most bytes of arguments that a shader may have. */
export const ARG_BYTES = 128;

/** A constant of a shader. */
export type Constant = number | boolean;

/** What a pipeline is compiled from beside its shader. */
export interface Variant {
  /** Values of the shader's constants, in order. */
  readonly constants: readonly Constant[];
  /** For each tensor, the index of the first that is the same memory: its own, or −1 where it is absent. */
  readonly places: readonly number[];
  /** Whether the device has subgroups. */
  readonly subgroups: boolean;
}

const libraries: Readonly<Record<Library, (subgroups: boolean) => string>> = {
  math: () => math,
  reduce: (subgroups) => subgroups ? reduceSubgroups : reduce,
  rows: () => rows,
};

/** The whole WGSL of a variant of `shader`: see {@linkcode Shader} for what its code may use. */
export function shaderSource(shader: Shader, { constants, places, subgroups }: Variant): string {
  const names = Object.keys(shader.tensors), args = Object.entries(shader.args);
  const useSubgroups = subgroups && !!shader.uses?.includes("reduce");
  // A tensor that is the same memory as another goes by its name, one that is absent by the first one's: it is not read.
  const aliases = names.flatMap((name, i) => places[i] === i ? [] : [[name, names[Math.max(0, places[i])]] as const]);
  const bound = names.filter((_, i) => places[i] === i);
  const has = (shader.optional ?? []).map((name) => `const HAS_${upper(name)} = ${places[names.indexOf(name)] >= 0};`);
  return [
    ...(useSubgroups ? ["enable subgroups;"] : []),
    `struct Args { ${["groups: u32", ...args.map(([name, type]) => `${name}: ${type}`)].join(", ")} }`,
    "@group(0) @binding(0) var<uniform> args: Args;",
    ...bound.map((name, i) =>
      `@group(0) @binding(${i + 1}) var<storage, read_write> ${name}: array<${shader.tensors[name]}>;`
    ),
    `const WORKGROUP = ${shader.workgroup}u;`,
    ...has,
    ...(shader.constants ?? []).map((name, i) => `const ${name} = ${literal(constants[i])};`),
    ...(useSubgroups ? ["var<private> subgroup_lanes: u32;"] : []),
    ...(shader.uses ?? []).map((name) => libraries[name](useSubgroups)),
    aliases.reduce((code, [name, as]) => code.replace(new RegExp(`\\b${name}\\b(?=\\s*\\[)`, "g"), as), shader.code),
    "@compute @workgroup_size(WORKGROUP)",
    "fn entry(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u,",
    `  ${useSubgroups ? "@builtin(subgroup_size) lanes: u32, " : ""}@builtin(local_invocation_index) lane: u32) {`,
    ...(useSubgroups ? ["  subgroup_lanes = lanes;"] : []),
    "  let group = id.x + id.y * count.x;",
    "  if (group < args.groups) { main(group, lane); }",
    "}",
  ].join("\n");
}

function literal(value: Constant): string {
  return typeof value === "boolean" ? String(value) : Number.isInteger(value) && value >= 0 ? `${value}u` : `${value}`;
}

/** `dweight` → `DWEIGHT`, `pSums` → `P_SUMS`. */
function upper(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase();
}
