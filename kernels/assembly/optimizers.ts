// Steps of optimizers, in place. A parameter, its gradient and its moments have one layout, so element-wise kernels own
// stored elements `begin … end`, the filling of panels included: zeros there stay zeros where options are finite, eps > 0.
// Sums are taken in f64 over blocks whose size does not depend on threads.

import { floats, loadUpTo4, madd, storeUpTo4 } from "./simd";
import { PANEL, PANEL_STEP } from "./tile";

/** Elements of a block of {@link square_sums_f32}. */
const BLOCK: i32 = 4096;

/** `out = value`. */
export function fill_f32(out: usize, value: f32, begin: i32, end: i32): void {
  const v = f32x4.splat(value);
  for (let i = begin; i < end; i += 4) storeUpTo4(out + floats(i), v, end - i);
}

/** `out = a · x + b · y`. */
export function combine_f32(out: usize, x: usize, y: usize, a: f32, b: f32, begin: i32, end: i32): void {
  const a4 = f32x4.splat(a), b4 = f32x4.splat(b);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i;
    storeUpTo4(out + at, madd(a4, loadUpTo4(x + at, rest), f32x4.mul(b4, loadUpTo4(y + at, rest))), rest);
  }
}

// @ts-ignore: decorator
@inline
function low2(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

// @ts-ignore: decorator
@inline
function high2(v: v128): v128 {
  return f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
}

/** `sum + v²`, where two lanes of `v` meet in each of `sum`. */
// @ts-ignore: decorator
@inline
function addSquares(sum: v128, v: v128): v128 {
  const low = low2(v), high = high2(v);
  return f64x2.add(sum, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
}

// @ts-ignore: decorator
@inline
function sum2(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** The sum of `count` floats, in f64. */
function total(x: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) sum += <f64>load<f32>(x + floats(i));
  return sum;
}

/** `out[b] = Σ x²` over elements `4096 b …` of `n`. Owns blocks `begin … end`. */
export function square_sums_f32(out: usize, x: usize, n: i32, begin: i32, end: i32): void {
  for (let b = begin; b < end; b++) {
    const stop = min(n, b * BLOCK + BLOCK);
    let sum = f64x2.splat(0);
    for (let i = b * BLOCK; i < stop; i += 4) sum = addSquares(sum, loadUpTo4(x + floats(i), stop - i));
    store<f32>(out + floats(b), <f32>sum2(sum));
  }
}

/** `out = x / max(‖x‖, eps)`, the squares of the norm being in `sums`. */
export function normalize_f32(
  out: usize, x: usize, sums: usize, count: i32, eps: f32, begin: i32, end: i32,
): void {
  const factor = f32x4.splat(<f32>(1 / max(sqrt(total(sums, count)), <f64>eps)));
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), f32x4.mul(factor, loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/**
 * AdamW. `rate1 = 1 − β₁`, `rate2 = 1 − β₂`, `size = lr / (1 − β₁ᵗ)`, `root = √(1 − β₂ᵗ)`, `keep = 1 − lr · decay`:
 * `m += rate1 (g − m)`, `v = β₂ v + rate2 g²`, `p = keep · p − size · m / (√v / root + eps)`.
 */
export function adamw_f32(
  p: usize, m: usize, v: usize, g: usize, rate1: f32, beta2: f32, rate2: f32, size: f32, root: f32, eps: f32, keep: f32,
  begin: i32, end: i32,
): void {
  const r1 = f32x4.splat(rate1), b2 = f32x4.splat(beta2), r2 = f32x4.splat(rate2), s = f32x4.splat(size);
  const c = f32x4.splat(root), e = f32x4.splat(eps), k = f32x4.splat(keep);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i;
    const d = loadUpTo4(g + at, rest), m0 = loadUpTo4(m + at, rest);
    const m1 = madd(r1, f32x4.sub(d, m0), m0);
    const v1 = madd(f32x4.mul(r2, d), d, f32x4.mul(b2, loadUpTo4(v + at, rest)));
    const step = f32x4.div(f32x4.mul(s, m1), f32x4.add(f32x4.div(f32x4.sqrt(v1), c), e));
    storeUpTo4(m + at, m1, rest);
    storeUpTo4(v + at, v1, rest);
    storeUpTo4(p + at, f32x4.sub(f32x4.mul(k, loadUpTo4(p + at, rest)), step), rest);
  }
}

/**
 * Gradient descent: `d = g + decay · p`, `b = momentum · b + d`, `p −= lr · b`, or with `nesterov`
 * `p −= lr · (d + momentum · b)`. `b` is 0 for none.
 */
export function sgd_f32(
  p: usize, b: usize, g: usize, momentum: f32, nesterov: i32, decay: f32, lr: f32, begin: i32, end: i32,
): void {
  const mu = f32x4.splat(momentum), w = f32x4.splat(decay), s = f32x4.splat(-lr);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i, p0 = loadUpTo4(p + at, rest);
    let d = madd(w, p0, loadUpTo4(g + at, rest));
    if (b) {
      const b1 = madd(mu, loadUpTo4(b + at, rest), d);
      storeUpTo4(b + at, b1, rest);
      d = nesterov ? madd(mu, b1, d) : b1;
    }
    storeUpTo4(p + at, madd(s, d, p0), rest);
  }
}

/** −1, 0 or 1; NaN for NaN, which must not be hidden. */
// @ts-ignore: decorator
@inline
function sign4(x: v128): v128 {
  const zero = f32x4.splat(0), one = f32x4.splat(1);
  const sign = f32x4.sub(v128.and(f32x4.gt(x, zero), one), v128.and(f32x4.lt(x, zero), one));
  return v128.bitselect(sign, x, f32x4.eq(x, x));
}

/** Lion. `p = keep · p − lr · sign(m + rate1 (g − m))`, then `m += rate2 (g − m)`; `rate = 1 − β`. */
export function lion_f32(
  p: usize, m: usize, g: usize, rate1: f32, rate2: f32, lr: f32, keep: f32, begin: i32, end: i32,
): void {
  const r1 = f32x4.splat(rate1), r2 = f32x4.splat(rate2), s = f32x4.splat(-lr), k = f32x4.splat(keep);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i, m0 = loadUpTo4(m + at, rest);
    const change = f32x4.sub(loadUpTo4(g + at, rest), m0), p0 = loadUpTo4(p + at, rest);
    storeUpTo4(p + at, madd(s, sign4(madd(r1, change, m0)), f32x4.mul(k, p0)), rest);
    storeUpTo4(m + at, madd(r2, change, m0), rest);
  }
}

/** Nesterov's momentum, averaged: `m += (1 − momentum) (g − m)`, `out = g + momentum · (m − g)`. */
export function momentum_f32(
  out: usize, m: usize, g: usize, rate: f32, momentum: f32, begin: i32, end: i32,
): void {
  const r = f32x4.splat(rate), mu = f32x4.splat(momentum);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i, d = loadUpTo4(g + at, rest), m0 = loadUpTo4(m + at, rest);
    const m1 = madd(r, f32x4.sub(d, m0), m0);
    storeUpTo4(m + at, m1, rest);
    storeUpTo4(out + at, madd(mu, f32x4.sub(m1, d), d), rest);
  }
}

/** `out += rate · (sum / count − out)`. */
// @ts-ignore: decorator
@inline
function average(out: usize, sum: f64, count: i32, rate: f32): void {
  const old = <f64>load<f32>(out);
  store<f32>(out, <f32>(old + <f64>rate * (sum / <f64>count - old)));
}

/** `out[r] += rate · (mean(g[r]²) − out[r])` for `g [n, k]` in rows or panels. Owns rows `8 begin … 8 end`. */
export function row_mean_squares_f32(
  out: usize, g: usize, n: i32, k: i32, panels: i32, rate: f32, begin: i32, end: i32,
): void {
  for (let p = begin; p < end; p++) {
    const first = p * PANEL, rows = min(PANEL, n - first);
    if (panels) {
      let at = g + <usize>p * <usize>k * PANEL_STEP;
      for (let r = 0; r < rows; r++, at += 4) {
        let sum: f64 = 0;
        for (let i = 0, from = at; i < k; i++, from += PANEL_STEP) sum += <f64>load<f32>(from) * <f64>load<f32>(from);
        average(out + floats(first + r), sum, k, rate);
      }
      continue;
    }
    for (let r = first; r < first + rows; r++) {
      const row = g + <usize>r * floats(k);
      let sum = f64x2.splat(0);
      for (let i = 0; i < k; i += 4) sum = addSquares(sum, loadUpTo4(row + floats(i), k - i));
      average(out + floats(r), sum2(sum), k, rate);
    }
  }
}

/** `out[i] += rate · (mean(g[:, i]²) − out[i])` for `g [n, k]` in rows or panels. Owns columns `begin … end`. */
export function column_mean_squares_f32(
  out: usize, g: usize, n: i32, k: i32, panels: i32, rate: f32, begin: i32, end: i32,
): void {
  if (panels) {
    const panel = <usize>k * PANEL_STEP;
    for (let i = begin; i < end; i++) {
      let sum = f64x2.splat(0), at = g + <usize>i * PANEL_STEP;
      for (let r = 0; r < n; r += PANEL, at += panel) {
        sum = addSquares(addSquares(sum, v128.load(at)), v128.load(at, 16)); // rows that fill a panel are zero
      }
      average(out + floats(i), sum2(sum), n, rate);
    }
    return;
  }
  const row = floats(k);
  for (let i = begin; i < end; i += 4) {
    let low = f64x2.splat(0), high = low, at = g + floats(i);
    for (let r = 0; r < n; r++, at += row) {
      const v = loadUpTo4(at, end - i), a = low2(v), b = high2(v);
      low = f64x2.add(low, f64x2.mul(a, a)), high = f64x2.add(high, f64x2.mul(b, b));
    }
    average(out + floats(i), f64x2.extract_lane(low, 0), n, rate);
    if (end - i > 1) average(out + floats(i + 1), f64x2.extract_lane(low, 1), n, rate);
    if (end - i > 2) average(out + floats(i + 2), f64x2.extract_lane(high, 0), n, rate);
    if (end - i > 3) average(out + floats(i + 3), f64x2.extract_lane(high, 1), n, rate);
  }
}

/** `g / √max(v, eps²)`. */
// @ts-ignore: decorator
@inline
function whiten4(g: v128, v: v128, least: v128): v128 {
  return f32x4.div(g, f32x4.sqrt(f32x4.pmax(v, least)));
}

/**
 * `out = g / √max(rows · columns / max(mean(rows), eps), eps²)` for `g [n, k]` in rows or panels.
 * Owns rows `8 begin … 8 end`.
 */
export function adafactor_matrix_f32(
  out: usize, g: usize, rows: usize, columns: usize, n: i32, k: i32, panels: i32, eps: f32, begin: i32, end: i32,
): void {
  // One factor for each row, about 1: the product of two mean squares could be too small for f32.
  const share = f32x4.splat(<f32>(1 / max(total(rows, n) / <f64>n, <f64>eps))), least = f32x4.splat(eps * eps);
  for (let p = begin; p < end; p++) {
    const first = p * PANEL, count = min(PANEL, n - first);
    if (panels) {
      const a = f32x4.mul(share, loadUpTo4(rows + floats(first), count));
      const b = f32x4.mul(share, loadUpTo4(rows + floats(first + 4), count - 4));
      let at = <usize>p * <usize>k * PANEL_STEP;
      for (let i = 0; i < k; i++, at += PANEL_STEP) {
        const c = v128.load32_splat(columns + floats(i));
        v128.store(out + at, whiten4(v128.load(g + at), f32x4.mul(a, c), least));
        v128.store(out + at, whiten4(v128.load(g + at, 16), f32x4.mul(b, c), least), 16);
      }
      continue;
    }
    for (let r = first; r < first + count; r++) {
      const a = f32x4.mul(share, v128.load32_splat(rows + floats(r)));
      for (let i = 0; i < k; i += 4) {
        const at = <usize>r * floats(k) + floats(i), rest = k - i;
        const v = f32x4.mul(a, loadUpTo4(columns + floats(i), rest));
        storeUpTo4(out + at, whiten4(loadUpTo4(g + at, rest), v, least), rest);
      }
    }
  }
}

/** `v += rate · (g² − v)`, `out = g / √max(v, eps²)`. */
export function adafactor_vector_f32(
  out: usize, v: usize, g: usize, rate: f32, eps: f32, begin: i32, end: i32,
): void {
  const r = f32x4.splat(rate), least = f32x4.splat(eps * eps);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i, d = loadUpTo4(g + at, rest), v0 = loadUpTo4(v + at, rest);
    const v1 = madd(r, f32x4.sub(f32x4.mul(d, d), v0), v0);
    storeUpTo4(v + at, v1, rest);
    storeUpTo4(out + at, whiten4(d, v1, least), rest);
  }
}

/**
 * `p = keep · p − lr · max(scale, rms(p)) · u / max(1, rms(u) / clip)`; `pSums` and `uSums` hold `blocks` partial sums of
 * the squares of `elements` elements.
 */
export function adafactor_step_f32(
  p: usize, u: usize, pSums: usize, uSums: usize, blocks: i32, elements: i32, lr: f32, scale: f32, clip: f32, keep: f32,
  begin: i32, end: i32,
): void {
  const size = max(<f64>scale, sqrt(total(pSums, blocks) / <f64>elements));
  const excess = max(1, sqrt(total(uSums, blocks) / <f64>elements) / <f64>clip);
  const s = f32x4.splat(<f32>(-<f64>lr * size / excess)), k = f32x4.splat(keep);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), rest = end - i;
    storeUpTo4(p + at, madd(s, loadUpTo4(u + at, rest), f32x4.mul(k, loadUpTo4(p + at, rest))), rest);
  }
}
