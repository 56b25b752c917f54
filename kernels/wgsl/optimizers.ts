import { flatShader } from "./elementwise.ts";
import type { Shader } from "./shader.ts";

/** Steps of optimizers, in place: a lane for each stored element. Zeros stay zeros, and so does the filling of panels. */
const step = flatShader;

/** `out = a · x + b · y`. */
export const combineShader = step("combine", {
  tensors: { out: "f32", x: "f32", y: "f32" },
  args: { a: "f32", b: "f32" },
  code: "out[i] = args.a * x[i] + args.b * y[i];",
});

/** `out = x / norm[0]`. */
export const normalizeShader = step("normalize", {
  tensors: { out: "f32", x: "f32", norm: "f32" },
  code: "out[i] = x[i] / norm[0];",
});

/** `m += rate1 (g − m)`, `v = β₂ v + rate2 g²`, `p = keep · p − size · m / (√v / root + eps)`. */
export const adamWShader = step("adam_w", {
  tensors: { p: "f32", m: "f32", v: "f32", g: "f32" },
  args: { rate1: "f32", beta2: "f32", rate2: "f32", size: "f32", root: "f32", eps: "f32", keep: "f32" },
  code: `let d = g[i]; let first = m[i] + args.rate1 * (d - m[i]); let second = args.beta2 * v[i] + args.rate2 * d * d;
  m[i] = first;
  v[i] = second;
  p[i] = args.keep * p[i] - args.size * first / (sqrt(second) / args.root + args.eps);`,
});

/** `d = g + decay · p`, `b = momentum · b + d`, `p −= rate · b`, or with nesterov `rate · (d + momentum · b)`. */
export const sgdShader = step("sgd", {
  tensors: { p: "f32", g: "f32", b: "f32" },
  optional: ["b"],
  args: { momentum: "f32", decay: "f32", rate: "f32" },
  constants: ["NESTEROV"],
  code: `let d = g[i] + args.decay * p[i]; var way = d;
  if (HAS_B) {
    let velocity = args.momentum * b[i] + d;
    b[i] = velocity;
    way = velocity;
    if (NESTEROV) { way = d + args.momentum * velocity; }
  }
  p[i] -= args.rate * way;`,
});

/** `p = keep · p − rate · sign(m + rate1 (g − m))`, then `m += rate2 (g − m)`. */
export const lionShader = step("lion", {
  tensors: { p: "f32", m: "f32", g: "f32" },
  args: { rate1: "f32", rate2: "f32", rate: "f32", keep: "f32" },
  code: `let average = m[i]; let change = g[i] - average;
  p[i] = args.keep * p[i] - args.rate * sign(average + args.rate1 * change);
  m[i] = average + args.rate2 * change;`,
});

/** `m += rate1 (g − m)`, `out = g + momentum · (m − g)`. */
export const momentumShader = step("momentum", {
  tensors: { out: "f32", m: "f32", g: "f32" },
  args: { rate1: "f32", momentum: "f32" },
  code: `let d = g[i]; let average = m[i] + args.rate1 * (d - m[i]);
  m[i] = average;
  out[i] = d + args.momentum * (average - d);`,
});

/** `out += rate · (sums / count − out)`. */
export const approachShader = step("approach", {
  tensors: { out: "f32", sums: "f32" },
  args: { rate: "f32", divisor: "f32" },
  code: "out[i] += args.rate * (sums[i] / args.divisor - out[i]);",
});

/**
 * `out = g / √max(rows · columns / mean[0], eps²)`, of a matrix `[n, k]` in rows or `PANELS`: the filling of the last one
 * is 0.
 */
export const adafactorMatrixShader = step("adafactor_matrix", {
  tensors: { out: "f32", g: "f32", rows: "f32", columns: "f32", mean: "f32" },
  args: { n: "u32", k: "u32", eps: "f32" },
  constants: ["PANELS"],
  code: `let at = args.first + i;
  var row = at / args.k; var column = at % args.k;
  if (PANELS) {
    let panel = at / (8u * args.k);
    row = 8u * panel + at % 8u;
    column = at / 8u - panel * args.k;
  }
  var y = 0.0;
  // √max(a, eps²) as max(√a, eps): eps² may be too small for a float.
  if (row < args.n) { y = g[i] / max(sqrt(rows[row] / mean[0] * columns[column]), args.eps); }
  out[i] = y;`,
});

/** `v += rate · (g² − v)`, `out = g / √max(v, eps²)`. */
export const adafactorVectorShader = step("adafactor_vector", {
  tensors: { out: "f32", v: "f32", g: "f32" },
  args: { rate: "f32", eps: "f32" },
  code: `let d = g[i]; let second = v[i] + args.rate * (d * d - v[i]);
  v[i] = second;
  out[i] = d / max(sqrt(second), args.eps);`,
});

/** `p = keep · p − factor[0] · u`. */
export const adafactorStepShader: Shader<"p" | "u" | "factor", "keep" | "count" | "first", never> = step(
  "adafactor_step",
  {
    tensors: { p: "f32", u: "f32", factor: "f32" },
    args: { keep: "f32" },
    code: "p[i] = args.keep * p[i] - factor[0] * u[i];",
  },
);
