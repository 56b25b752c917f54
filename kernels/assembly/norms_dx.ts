// Gradients of norms.ts.

import { floats, loadUpTo4, madd, storeUpTo4, sum4 } from "./simd";

/**
 * `stats[r] = (m, c, 1 / √(var + eps), 0)` of rows of `x`: the mean is `m + c`, taken in two parts as in `layer_norm_f32`;
 * without `centered` `(0, 0, 1 / √(mean(x²) + eps), 0)`. Owns rows.
 */
export function norm_stats_f32(
  stats: usize, x: usize, dim: i32, eps: f32, centered: i32, begin: i32, end: i32,
): void {
  const n = <f32>dim;
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(dim);
    let mean: f32 = 0, correction: f32 = 0;
    if (centered) {
      let sum = f32x4.splat(0);
      for (let i = 0; i < dim; i += 4) sum = f32x4.add(sum, loadUpTo4(xr + floats(i), dim - i));
      mean = sum4(sum) / n;
    }
    let rest = f32x4.splat(0), squares = rest, i = 0;
    const m = f32x4.splat(mean);
    for (; i <= dim - 4; i += 4) {
      const d = f32x4.sub(v128.load(xr + floats(i)), m);
      rest = f32x4.add(rest, d), squares = madd(d, d, squares);
    }
    let restSum = sum4(rest), squareSum = sum4(squares);
    for (; i < dim; i++) {
      const d = load<f32>(xr + floats(i)) - mean;
      restSum += d, squareSum += d * d;
    }
    if (centered) correction = restSum / n;
    const variance = max<f32>(squareSum / n - correction * correction, 0);
    const to = stats + floats(4 * r);
    store<f32>(to, mean), store<f32>(to, correction, 4), store<f32>(to, <f32>1.0 / sqrt<f32>(variance + eps), 8);
  }
}

/** `((x − m) − c) · s` with the stats of the row at `stats`. */
// @ts-ignore: decorator
@inline
function normalised(x: v128, stats: usize): v128 {
  const centred = f32x4.sub(f32x4.sub(x, v128.load32_splat(stats)), v128.load32_splat(stats, 4));
  return f32x4.mul(centred, v128.load32_splat(stats, 8));
}

/**
 * `dx = s · (h − mean(h) − x̂ · mean(h · x̂))`, or `+=` if `add`, with `h = g · weight`, `x̂ = (x − mean) s`; `mean(h)` only if `centered`.
 * `weight` 0 for ones. Owns rows.
 */
export function norm_dx_f32(
  dx: usize, g: usize, x: usize, weight: usize, stats: usize, dim: i32, centered: i32, add: i32, begin: i32, end: i32,
): void {
  const n = <f32>dim;
  for (let r = begin; r < end; r++) {
    const row = <usize>r * floats(dim), xr = x + row, gr = g + row, to = dx + row;
    const own = stats + floats(4 * r), s = v128.load32_splat(own, 8);
    let sums = f32x4.splat(0), products = sums;
    for (let i = 0; i < dim; i += 4) {
      const at = floats(i), left = dim - i;
      let h = loadUpTo4(gr + at, left);
      if (weight) h = f32x4.mul(h, loadUpTo4(weight + at, left));
      // Lanes beyond the row have h = 0.
      sums = f32x4.add(sums, h);
      products = madd(h, normalised(loadUpTo4(xr + at, left), own), products);
    }
    const mean = f32x4.splat(centered ? sum4(sums) / n : 0), slope = f32x4.splat(sum4(products) / n);
    for (let i = 0; i < dim; i += 4) {
      const at = floats(i), left = dim - i;
      let h = loadUpTo4(gr + at, left);
      if (weight) h = f32x4.mul(h, loadUpTo4(weight + at, left));
      const unit = normalised(loadUpTo4(xr + at, left), own);
      const d = f32x4.sub(f32x4.sub(h, mean), f32x4.mul(unit, slope));
      storeUpTo4(to + at, madd(d, s, add ? loadUpTo4(to + at, left) : f32x4.splat(0)), left);
    }
  }
}

/** `dweight[j] += Σ_r g[r, j] · x̂[r, j]`. Owns columns `begin … end`. */
export function norm_dw_f32(
  dweight: usize, g: usize, x: usize, stats: usize, rows: i32, dim: i32, begin: i32, end: i32,
): void {
  const row = floats(dim);
  let j = begin;
  for (; j <= end - 8; j += 8) {
    const to = dweight + floats(j);
    let c0 = v128.load(to), c1 = v128.load(to, 16), xp = x + floats(j), gp = g + floats(j), sp = stats;
    for (let r = 0; r < rows; r++, xp += row, gp += row, sp += 16) {
      c0 = madd(v128.load(gp), normalised(v128.load(xp), sp), c0);
      c1 = madd(v128.load(gp, 16), normalised(v128.load(xp, 16), sp), c1);
    }
    v128.store(to, c0), v128.store(to, c1, 16);
  }
  for (; j < end; j += 4) {
    const n = end - j;
    let c = loadUpTo4(dweight + floats(j), n), xp = x + floats(j), gp = g + floats(j), sp = stats;
    for (let r = 0; r < rows; r++, xp += row, gp += row, sp += 16) {
      c = madd(loadUpTo4(gp, n), normalised(loadUpTo4(xp, n), sp), c);
    }
    storeUpTo4(dweight + floats(j), c, n);
  }
}
