import { shader } from "./shader.ts";

/**
 * Which row a lane works at, and where in it: `dim` is 0 for lanes beyond the last row, which take part in reductions only.
 */
export const rowOfLane = `
  let place = lane % WIDTH; let row = group * (WORKGROUP / WIDTH) + lane / WIDTH;
  let dim = select(0u, args.dim, row < args.rows); let at = row * args.dim;`;

/**
 * Mean, what rounding has left out of it, and variance of a row: good where the mean is large beside the deviations. Each
 * lane sums differences from its own first element; lanes are combined as in Chan et al. 1983,
 * https://doi.org/10.1080/00031305.1983.10483115
 */
const moments = `
fn moments(at: u32, dim: u32, place: u32, lane: u32) -> vec3f {
  var shift = 0.0; var n = 0.0; var sums = vec2f(0.0);
  if (place < dim) { shift = x[at + place]; }
  for (var i = place; i < dim; i += WIDTH) {
    let d = x[at + i] - shift;
    n += 1.0;
    sums += vec2f(d, d * d);
  }
  let own = sums.x / max(n, 1.0);
  let mean = sum_row(n * (shift + own), lane) / f32(args.dim);
  let off = shift - mean + own;
  let both = sum_row_pair(vec2f(n * off, sums.y - sums.x * own + n * off * off), lane) / f32(args.dim);
  return vec3f(mean, both.x, max(both.y - both.x * both.x, 0.0));
}
`;

/** The mean of the squares of a row. */
const meanSquare = `
fn mean_square(at: u32, dim: u32, place: u32, lane: u32) -> f32 {
  var squares = 0.0;
  for (var i = place; i < dim; i += WIDTH) { squares += x[at + i] * x[at + i]; }
  return sum_row(squares, lane) / f32(args.dim);
}
`;

/** `out = weight · (x − mean) / √(var + eps) + bias`: `WIDTH` lanes for each row. */
export const layerNormShader = shader({
  name: "layer_norm",
  tensors: { out: "f32", x: "f32", weight: "f32", bias: "f32" },
  optional: ["weight", "bias"],
  args: { rows: "u32", dim: "u32", eps: "f32" },
  constants: ["WIDTH"],
  workgroup: 256,
  uses: ["reduce", "rows"],
  code: `${moments}
fn main(group: u32, lane: u32) {${rowOfLane}
  let m = moments(at, dim, place, lane);
  let scale = 1.0 / sqrt(m.z + args.eps);
  for (var i = place; i < dim; i += WIDTH) {
    var y = (x[at + i] - m.x - m.y) * scale;
    if (HAS_WEIGHT) { y *= weight[i]; }
    if (HAS_BIAS) { y += bias[i]; }
    out[at + i] = y;
  }
}`,
});

/** `out = weight · x / √(mean(x²) + eps)`: `WIDTH` lanes for each row. */
export const rmsNormShader = shader({
  name: "rms_norm",
  tensors: { out: "f32", x: "f32", weight: "f32" },
  optional: ["weight"],
  args: { rows: "u32", dim: "u32", eps: "f32" },
  constants: ["WIDTH"],
  workgroup: 256,
  uses: ["reduce", "rows"],
  code: `${meanSquare}
fn main(group: u32, lane: u32) {${rowOfLane}
  let scale = 1.0 / sqrt(mean_square(at, dim, place, lane) + args.eps);
  for (var i = place; i < dim; i += WIDTH) {
    var y = x[at + i] * scale;
    if (HAS_WEIGHT) { y *= weight[i]; }
    out[at + i] = y;
  }
}`,
});

/**
 * Gradient of layerNorm (`CENTERED`) or rmsNorm: with `h = g · weight`, `u = (x − mean) · scale`,
 * `dx += scale · (h − mean(h) − u · mean(h u))`, without `mean(h)` for rmsNorm; `=` where dx is `EMPTY`. `statistics`
 * `[rows, 3]` receive mean, its correction and scale, from which the weight's gradient is made: see columns.ts.
 */
export const normGradShader = shader({
  name: "norm_grad",
  tensors: { g: "f32", x: "f32", dx: "f32", weight: "f32", statistics: "f32" },
  optional: ["dx", "weight", "statistics"],
  args: { rows: "u32", dim: "u32", eps: "f32" },
  constants: ["WIDTH", "CENTERED", "EMPTY"],
  workgroup: 256,
  uses: ["reduce", "rows"],
  code: `${moments}${meanSquare}
fn slope_at(i: u32, at: u32) -> f32 {
  if (HAS_WEIGHT) { return g[at + i] * weight[i]; }
  return g[at + i];
}

fn main(group: u32, lane: u32) {${rowOfLane}
  var m = vec3f(0.0);
  if (CENTERED) { m = moments(at, dim, place, lane); } else { m.z = mean_square(at, dim, place, lane); }
  let scale = 1.0 / sqrt(m.z + args.eps);
  if (HAS_STATISTICS) {
    if (place == 0u && row < args.rows) {
      statistics[3u * row] = m.x; statistics[3u * row + 1u] = m.y; statistics[3u * row + 2u] = scale;
    }
  }
  if (HAS_DX) {
    var sums = vec2f(0.0);
    for (var i = place; i < dim; i += WIDTH) {
      let h = slope_at(i, at);
      sums += vec2f(h, h * (x[at + i] - m.x - m.y) * scale);
    }
    let means = sum_row_pair(sums, lane) / f32(args.dim);
    let shift = select(0.0, means.x, CENTERED);
    for (var i = place; i < dim; i += WIDTH) {
      let u = (x[at + i] - m.x - m.y) * scale;
      let d = scale * (slope_at(i, at) - shift - u * means.y);
      if (EMPTY) { dx[at + i] = d; } else { dx[at + i] += d; }
    }
  }
}`,
});
