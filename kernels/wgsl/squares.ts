import { rowOfLane } from "./norms.ts";
import { shader } from "./shader.ts";

/** Elements of a block of sums of squares: SQUARE_BLOCK of runtime/optimizer_kernels.ts. */
const BLOCK = 4096;

/**
 * `sums[first + b] = Σ x²` over elements `4096 b …`: a workgroup for each block, 16 elements for each lane, then a tree of
 * pairs, a sum and what rounding has left out of it (Knuth's two-sum), so that the result is within a unit in the last
 * place. `zero` is 0, which the compiler cannot know: it must not simplify what is XORed with it.
 */
export const squareSumsShader = shader({
  name: "square_sums",
  tensors: { sums: "f32", x: "f32" },
  args: { count: "u32", first: "u32", zero: "u32" },
  workgroup: 256,
  code: `
var<workgroup> parts: array<vec2f, WORKGROUP>;

fn as_is(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ args.zero); }

fn add(a: vec2f, b: vec2f) -> vec2f {
  let sum = as_is(a.x + b.x); let second = as_is(sum - a.x);
  return vec2f(sum, a.y + b.y + (a.x - as_is(sum - second)) + (b.x - second));
}

fn main(group: u32, lane: u32) {
  let end = min((group + 1u) * ${BLOCK}u, args.count);
  var squares = vec4f(0.0);
  for (var i = group * ${BLOCK}u + lane; i < end; i += 4u * WORKGROUP) {
    var v = vec4f(x[i], 0.0, 0.0, 0.0);
    if (i + WORKGROUP < end) { v.y = x[i + WORKGROUP]; }
    if (i + 2u * WORKGROUP < end) { v.z = x[i + 2u * WORKGROUP]; }
    if (i + 3u * WORKGROUP < end) { v.w = x[i + 3u * WORKGROUP]; }
    squares += v * v;
  }
  parts[lane] = vec2f((squares.x + squares.y) + (squares.z + squares.w), 0.0);
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { parts[lane] = add(parts[lane], parts[lane + half]); }
  }
  if (lane == 0u) {
    let both = parts[0];
    // Infinity and NaN stay what they are.
    let finite = (bitcast<u32>(both.x) & 0x7f800000u) != 0x7f800000u;
    sums[args.first + group] = select(both.x, both.x + both.y, finite);
  }
}`,
});

/** `a`, or `b` where that is larger; NaN where `a` is, which `max` may lose. */
const atLeast = `
fn at_least(a: f32, b: f32) -> f32 { return select(a, b, a < b); }
`;

/** The sum of `count` numbers of a tensor, by one workgroup. */
const total = (name: string) => `
fn total_${name}(lane: u32) -> f32 {
  var sum = 0.0;
  for (var i = lane; i < args.count; i += WORKGROUP) { sum += ${name}[i]; }
  return sum_all(sum, lane);
}
`;

/** `norm[0] = max(√(Σ sums), eps)`: one workgroup. */
export const normShader = shader({
  name: "norm",
  tensors: { norm: "f32", sums: "f32" },
  args: { count: "u32", eps: "f32" },
  workgroup: 256,
  uses: ["reduce"],
  code: `${atLeast}${total("sums")}
fn main(group: u32, lane: u32) {
  let norm_of_all = at_least(sqrt(total_sums(lane)), args.eps);
  if (lane == 0u) { norm[0] = norm_of_all; }
}`,
});

/** `mean[0] = max(Σ sums / count, eps)`: one workgroup. */
export const meanShader = shader({
  name: "mean",
  tensors: { mean: "f32", sums: "f32" },
  args: { count: "u32", eps: "f32" },
  workgroup: 256,
  uses: ["reduce"],
  code: `${atLeast}${total("sums")}
fn main(group: u32, lane: u32) {
  let mean_of_all = at_least(total_sums(lane) / f32(args.count), args.eps);
  if (lane == 0u) { mean[0] = mean_of_all; }
}`,
});

/** `factor[0] = rate · max(scale, √(Σ pSums / size)) / max(1, √(Σ uSums / size) / clip)`: one workgroup. */
export const adafactorFactorShader = shader({
  name: "adafactor_factor",
  tensors: { factor: "f32", pSums: "f32", uSums: "f32" },
  args: { count: "u32", size: "f32", rate: "f32", scale: "f32", clip: "f32" },
  workgroup: 256,
  uses: ["reduce"],
  code: `${atLeast}${total("pSums")}${total("uSums")}
fn main(group: u32, lane: u32) {
  let p = sqrt(total_pSums(lane) / args.size); let u = sqrt(total_uSums(lane) / args.size);
  if (lane == 0u) { factor[0] = args.rate * at_least(p, args.scale) / at_least(u / args.clip, 1.0); }
}`,
});

/** `out[r] += rate · (mean(x[r]²) − out[r])` of a matrix in rows: `WIDTH` lanes for each. */
export const rowMeanSquaresShader = shader({
  name: "row_mean_squares",
  tensors: { out: "f32", x: "f32" },
  args: { rows: "u32", dim: "u32", rate: "f32" },
  constants: ["WIDTH"],
  workgroup: 256,
  uses: ["reduce", "rows"],
  code: `
fn main(group: u32, lane: u32) {${rowOfLane}
  var squares = 0.0;
  for (var i = place; i < dim; i += WIDTH) { squares += x[at + i] * x[at + i]; }
  let mean = sum_row(squares, lane) / f32(args.dim);
  if (place == 0u && row < args.rows) { out[row] += args.rate * (mean - out[row]); }
}`,
});

/** The same of a matrix `[n, k]` in panels: a workgroup for each, whose lanes have every 32nd column of one row. */
export const panelMeanSquaresShader = shader({
  name: "panel_mean_squares",
  tensors: { out: "f32", x: "f32" },
  args: { n: "u32", k: "u32", rate: "f32" },
  workgroup: 256,
  code: `
var<workgroup> parts: array<f32, WORKGROUP>;

fn main(group: u32, lane: u32) {
  let start = group * 8u * args.k; let row = group * 8u + lane;
  var squares = 0.0;
  for (var i = lane; i < 8u * args.k; i += WORKGROUP) { squares += x[start + i] * x[start + i]; }
  parts[lane] = squares;
  for (var half = WORKGROUP / 2u; half >= 8u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { parts[lane] += parts[lane + half]; }
  }
  if (lane < 8u && row < args.n) { out[row] += args.rate * (parts[lane] / f32(args.k) - out[row]); }
}`,
});
