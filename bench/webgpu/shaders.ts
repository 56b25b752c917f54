/** Copies 16 bytes at a time, each workgroup a stride of all. */
export const copySource = `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < arrayLength(&x); i += groups.x * 256) { out[i] = x[i]; }
}`;

/** How operands are stored; sums are f32. */
export type Float = "f32" | "f16";

const enable = (type: Float) => type === "f16" ? "enable f16;\n" : "";

/** Eight independent chains of `chain` fused multiply-adds on vectors of four. */
export function fmaSource(type: Float, chain: number): string {
  const lanes = Array.from({ length: 8 }, (_, i) => i), v = `vec4<${type}>`;
  return `${enable(type)}
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = ${v}(${type}(0.999)); let c = ${v}(${type}(id.x & 7u) * ${type}(0.001));
  ${lanes.map((i) => `var a${i} = ${v}(${type}(${i}));`).join(" ")}
  for (var i = 0u; i < ${chain}u; i++) { ${lanes.map((i) => `a${i} = fma(a${i}, m, c);`).join(" ")} }
  let sum = ${lanes.map((i) => `a${i}`).join(" + ")};
  out[id.x] = f32(sum.x + sum.y + sum.z + sum.w);
}`;
}

/** out[m, n] = Σₖ x[m, k] w[n, k], all of `size`: tiles of 64 × 64, 16 deep in shared memory; 4 × 4 outputs a thread. */
export function productSource(type: Float, size: number): string {
  return `${enable(type)}
@group(0) @binding(0) var<storage, read> x: array<vec4<${type}>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<${type}>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
var<workgroup> xs: array<array<f32, 68>, 16>;
var<workgroup> ws: array<array<f32, 68>, 16>;
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u,
        @builtin(local_invocation_index) t: u32) {
  let row = t / 4; let part = t % 4; // each thread brings 4 of the 64 × 16 numbers of either operand
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  for (var k = 0u; k < ${size / 4}u; k += 4u) {
    let xv = vec4f(x[(group.y * 64 + row) * ${size / 4}u + k + part]);
    let wv = vec4f(w[(group.x * 64 + row) * ${size / 4}u + k + part]);
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) { xs[part * 4 + i][row] = xv[i]; ws[part * 4 + i][row] = wv[i]; }
    workgroupBarrier();
    for (var i = 0u; i < 16u; i++) {
      let b = vec4f(ws[i][id.x * 4], ws[i][id.x * 4 + 1], ws[i][id.x * 4 + 2], ws[i][id.x * 4 + 3]);
      a0 = fma(vec4f(xs[i][id.y * 4]), b, a0);
      a1 = fma(vec4f(xs[i][id.y * 4 + 1]), b, a1);
      a2 = fma(vec4f(xs[i][id.y * 4 + 2]), b, a2);
      a3 = fma(vec4f(xs[i][id.y * 4 + 3]), b, a3);
    }
  }
  let at = (group.y * 64 + id.y * 4) * ${size / 4}u + group.x * 16 + id.x;
  out[at] = a0; out[at + ${size / 4}u] = a1; out[at + ${size / 2}u] = a2; out[at + ${3 * size / 4}u] = a3;
}`;
}

/** out[n] = Σₖ x[k] w[n, k]: a workgroup for each output. */
export function matvecSource(type: Float, k: number): string {
  return `${enable(type)}
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4<${type}>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
var<workgroup> parts: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
  var sum = vec4f();
  for (var i = t; i < ${k / 4}u; i += 64u) { sum = fma(x[i], vec4f(w[group.x * ${k / 4}u + i]), sum); }
  parts[t] = sum.x + sum.y + sum.z + sum.w;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (t < half) { parts[t] += parts[t + half]; }
  }
  if (t == 0u) { out[group.x] = parts[0]; }
}`;
}
