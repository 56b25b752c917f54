import { rowOfLane } from "./norms.ts";
import { shader } from "./shader.ts";

/**
 * Of a row of `x`: its largest element `top`, `sum = Σ e^(x − top)` and `total = Σ x`, in one pass. Each lane takes four
 * elements a turn and scales its sum anew where it meets a larger one (Milakov & Gimelshein 2018,
 * https://arxiv.org/abs/1805.02867). What is not there is the lowest float, not an infinity.
 */
export const summary = `
const LOWEST = -3.4028234e38;

struct Summary { top: f32, sum: f32, total: f32 }

fn summary_of(at: u32, dim: u32, place: u32, lane: u32) -> Summary {
  var top = LOWEST; var sum = 0.0; var total = 0.0;
  for (var i = place; i < dim; i += 4u * WIDTH) {
    var v = vec4f(x[at + i], LOWEST, LOWEST, LOWEST);
    total += v.x;
    if (i + WIDTH < dim) { v.y = x[at + i + WIDTH]; total += v.y; }
    if (i + 2u * WIDTH < dim) { v.z = x[at + i + 2u * WIDTH]; total += v.z; }
    if (i + 3u * WIDTH < dim) { v.w = x[at + i + 3u * WIDTH]; total += v.w; }
    let highest = max(top, max(max(v.x, v.y), max(v.z, v.w)));
    let e = exp(v - highest);
    sum = sum * exp(top - highest) + (e.x + e.y + e.z + e.w);
    top = highest;
  }
  let highest = max_row(top, lane);
  let sums = sum_row_pair(vec2f(sum * exp(top - highest), total), lane);
  return Summary(highest, sums.x, sums.y);
}
`;

/** What every shader of this file and losses.ts has. */
export const rowShader = {
  constants: ["WIDTH"],
  workgroup: 256,
  uses: ["reduce", "rows"],
} as const;

/** `out = eˣ / Σ eˣ`: `WIDTH` lanes for each row. */
export const softmaxShader = shader({
  ...rowShader,
  name: "softmax",
  tensors: { out: "f32", x: "f32" },
  args: { rows: "u32", dim: "u32" },
  code: `${summary}
fn main(group: u32, lane: u32) {${rowOfLane}
  let p = summary_of(at, dim, place, lane);
  for (var i = place; i < dim; i += WIDTH) { out[at + i] = exp(x[at + i] - p.top) / p.sum; }
}`,
});

/**
 * Softmax over the `count` largest of each row, the first of equals, 0 for the others: `WIDTH` lanes for each row. In order
 * of size, then place, the next one is found `count` times among what comes after the last; no list is kept. For few of few,
 * as of experts.
 */
export const topSoftmaxShader = shader({
  ...rowShader,
  name: "top_softmax",
  tensors: { out: "f32", x: "f32" },
  args: { rows: "u32", dim: "u32", count: "u32" },
  code: `
const LOWEST = -3.4028234e38;

fn main(group: u32, lane: u32) {${rowOfLane}
  var top = LOWEST; var least = LOWEST; var last = 0u;
  for (var k = 0u; k < args.count; k++) {
    var next = LOWEST;
    for (var i = place; i < dim; i += WIDTH) {
      let v = x[at + i];
      if (k == 0u || v < least || (v == least && i > last)) { next = max(next, v); }
    }
    next = max_row(next, lane);
    var first = args.dim;
    for (var i = place; i < dim; i += WIDTH) {
      if (x[at + i] == next && (k == 0u || next < least || i > last)) { first = min(first, i); }
    }
    // Whole numbers below 2²⁴ are exact.
    last = args.dim - u32(max_row(f32(args.dim - first), lane));
    least = next;
    if (k == 0u) { top = next; }
  }
  var sum = 0.0;
  for (var i = place; i < dim; i += WIDTH) {
    let v = x[at + i];
    if (v > least || (v == least && i <= last)) { sum += exp(v - top); }
  }
  sum = sum_row(sum, lane);
  for (var i = place; i < dim; i += WIDTH) {
    let v = x[at + i];
    out[at + i] = select(0.0, exp(v - top) / sum, v > least || (v == least && i <= last));
  }
}`,
});

/** `dx += p · (g − Σ g p)`: `WIDTH` lanes for each row. */
export const softmaxGradShader = shader({
  ...rowShader,
  name: "softmax_grad",
  tensors: { dx: "f32", g: "f32", p: "f32" },
  args: { rows: "u32", dim: "u32" },
  code: `
fn main(group: u32, lane: u32) {${rowOfLane}
  var sum = 0.0;
  for (var i = place; i < dim; i += WIDTH) { sum += g[at + i] * p[at + i]; }
  sum = sum_row(sum, lane);
  for (var i = place; i < dim; i += WIDTH) { dx[at + i] += p[at + i] * (g[at + i] - sum); }
}`,
});

/** `out[r] = ln softmax(x[r])[targets[r]]`: `WIDTH` lanes for each row. */
export const logSoftmaxAtShader = shader({
  ...rowShader,
  name: "log_softmax_at",
  tensors: { out: "f32", x: "f32", targets: "i32" },
  args: { rows: "u32", dim: "u32" },
  code: `${summary}
fn main(group: u32, lane: u32) {${rowOfLane}
  let p = summary_of(at, dim, place, lane);
  if (place == 0u && row < args.rows) { out[row] = x[at + u32(targets[row])] - p.top - log(p.sum); }
}`,
});

/** `dx[r] += g[r] · (onehot(targets[r]) − softmax(x[r]))`: `WIDTH` lanes for each row. */
export const logSoftmaxAtGradShader = shader({
  ...rowShader,
  name: "log_softmax_at_grad",
  tensors: { dx: "f32", g: "f32", x: "f32", targets: "i32" },
  args: { rows: "u32", dim: "u32" },
  code: `${summary}
fn main(group: u32, lane: u32) {${rowOfLane}
  let p = summary_of(at, dim, place, lane);
  if (row >= args.rows) { return; }
  let slope = g[row]; let wanted = u32(targets[row]);
  for (var i = place; i < dim; i += WIDTH) {
    dx[at + i] += slope * (select(0.0, 1.0, i == wanted) - exp(x[at + i] - p.top) / p.sum);
  }
}`,
});
