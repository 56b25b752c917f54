// Gradients of elementwise.ts: each adds to what it is given, or writes it where `add` says so. All own elements `begin … end`, in four-lane arithmetic.

import { exp4, expBelow4, normalTail4, sigmoid4, sine, tanh4 } from "./math";
import {
  activation4, ERF, GELU, GELU_TANH, RELU, RELU_SQUARED, SIGMOID, SILU, TANH,
} from "./elementwise";
import { lanesFrom, random4 } from "./random";
import { floats, loadUpTo4, madd, storeUpTo4 } from "./simd";

// @ts-ignore: decorator
@inline
function geluSlope4(x: v128): v128 {
  // Φ(x) + x φ(x); e^(−x²/2) is part of both.
  const a = f32x4.pmin(f32x4.abs(x), f32x4.splat(100.0));
  const e = expBelow4(f32x4.mul(f32x4.mul(a, a), f32x4.splat(-0.5))), tail = normalTail4(a, e);
  const share = v128.bitselect(f32x4.sub(f32x4.splat(1.0), tail), tail, f32x4.gt(x, f32x4.splat(0)));
  return madd(f32x4.mul(x, f32x4.splat(0.3989422804014327)), e, share);
}

// @ts-ignore: decorator
@inline
function geluTanhSlope4(x: v128): v128 {
  const half = f32x4.splat(0.5), one = f32x4.splat(1.0), z = f32x4.mul(x, x);
  const cubic = f32x4.mul(z, f32x4.splat(0.044715)), root = f32x4.splat(0.7978845608028654);
  const t = tanh4(f32x4.mul(root, madd(cubic, x, x)));
  // The slope of the argument, times half of x.
  const inner = f32x4.mul(f32x4.mul(f32x4.mul(half, x), root), madd(cubic, f32x4.splat(3.0), one));
  const sech = f32x4.sub(one, f32x4.mul(t, t));
  return madd(sech, inner, f32x4.mul(half, f32x4.add(one, t)));
}

// @ts-ignore: decorator
@inline
function siluSlope4(x: v128): v128 {
  return siluSlopeWith4(x, sigmoid4(x));
}

/** The same given `s = sigmoid x`, which SiLU itself is made of, too. */
// @ts-ignore: decorator
@inline
function siluSlopeWith4(x: v128, s: v128): v128 {
  const one = f32x4.splat(1.0);
  return f32x4.mul(s, madd(x, f32x4.sub(one, s), one));
}

/** The derivative of function number `f`, of one vector. */
function slope4(f: i32, x: v128): v128 {
  const zero = f32x4.splat(0), one = f32x4.splat(1.0);
  if (f == RELU) return v128.and(one, f32x4.gt(x, zero));
  if (f == RELU_SQUARED) return v128.and(f32x4.add(x, x), f32x4.gt(x, zero));
  if (f == GELU) return geluSlope4(x);
  if (f == GELU_TANH) return geluTanhSlope4(x);
  if (f == SILU) return siluSlope4(x);
  if (f == SIGMOID) {
    const s = sigmoid4(x);
    return f32x4.mul(s, f32x4.sub(one, s));
  }
  if (f == TANH) {
    const t = tanh4(x);
    return f32x4.sub(one, f32x4.mul(t, t));
  }
  if (f == ERF) return f32x4.mul(exp4(f32x4.neg(f32x4.mul(x, x))), f32x4.splat(1.1283791670955126));
  return exp4(x);
}

/** What is at `at` if `add`, else 0: at most four. */
// @ts-ignore: decorator
@inline
function before4(at: usize, count: i32, add: i32): v128 {
  return add ? loadUpTo4(at, count) : f32x4.splat(0);
}

/**
 * `dx = g · f'(x)`, or `+=` if `add`; `f` numbers the functions as elementwise.ts does. Four vectors a turn, for the same
 * reason.
 */
export function activation_dx_f32(dx: usize, g: usize, x: usize, f: i32, add: i32, begin: i32, end: i32): void {
  let i = begin, a: v128, b: v128, c: v128, d: v128;
  for (; i <= end - 16; i += 16) {
    const to = dx + floats(i), from = x + floats(i), gp = g + floats(i);
    a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48);
    if (f == GELU) a = geluSlope4(a), b = geluSlope4(b), c = geluSlope4(c), d = geluSlope4(d);
    else if (f == GELU_TANH) a = geluTanhSlope4(a), b = geluTanhSlope4(b), c = geluTanhSlope4(c), d = geluTanhSlope4(d);
    else if (f == SILU) a = siluSlope4(a), b = siluSlope4(b), c = siluSlope4(c), d = siluSlope4(d);
    else a = slope4(f, a), b = slope4(f, b), c = slope4(f, c), d = slope4(f, d);
    v128.store(to, madd(v128.load(gp), a, before4(to, 4, add)));
    v128.store(to, madd(v128.load(gp, 16), b, before4(to + 16, 4, add)), 16);
    v128.store(to, madd(v128.load(gp, 32), c, before4(to + 32, 4, add)), 32);
    v128.store(to, madd(v128.load(gp, 48), d, before4(to + 48, 4, add)), 48);
  }
  for (; i < end; i += 4) {
    const at = floats(i), n = end - i;
    storeUpTo4(dx + at, madd(loadUpTo4(g + at, n), slope4(f, loadUpTo4(x + at, n)), before4(dx + at, n, add)), n);
  }
}

/**
 * `dgate = g · up · f'(gate)` and `dup = g · f(gate)`; either is 0 if it is not wanted. They are added to what is there if
 * bit 0, bit 1 of `add` is set.
 */
export function gated_dx_f32(
  dgate: usize, dup: usize, g: usize, gate: usize, up: usize, f: i32, add: i32, begin: i32, end: i32,
): void {
  let i = begin;
  if (f == SILU && dgate && dup) {
    // Both factors share the sigmoid.
    for (; i <= end - 8; i += 8) {
      const at = floats(i), x0 = v128.load(gate + at), x1 = v128.load(gate + at, 16);
      const s0 = sigmoid4(x0), s1 = sigmoid4(x1), y0 = v128.load(g + at), y1 = v128.load(g + at, 16);
      const d0 = f32x4.mul(siluSlopeWith4(x0, s0), v128.load(up + at));
      const d1 = f32x4.mul(siluSlopeWith4(x1, s1), v128.load(up + at, 16));
      v128.store(dgate + at, madd(y0, d0, before4(dgate + at, 4, add & 1)));
      v128.store(dgate + at, madd(y1, d1, before4(dgate + at + 16, 4, add & 1)), 16);
      v128.store(dup + at, madd(y0, f32x4.mul(x0, s0), before4(dup + at, 4, add & 2)));
      v128.store(dup + at, madd(y1, f32x4.mul(x1, s1), before4(dup + at + 16, 4, add & 2)), 16);
    }
  }
  for (; i < end; i += 4) {
    const at = floats(i), n = end - i, x = loadUpTo4(gate + at, n), y = loadUpTo4(g + at, n);
    if (dgate) {
      const slope = f32x4.mul(slope4(f, x), loadUpTo4(up + at, n));
      storeUpTo4(dgate + at, madd(y, slope, before4(dgate + at, n, add & 1)), n);
    }
    if (dup) storeUpTo4(dup + at, madd(y, activation4(f, x), before4(dup + at, n, add & 2)), n);
  }
}

/** `dx += g · cos x`. */
export function sin_dx_f32(dx: usize, g: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    const at = floats(i);
    store<f32>(dx + at, load<f32>(dx + at) + load<f32>(g + at) * <f32>sine(<f64>load<f32>(x + at), 1));
  }
}

/** `dx −= g · sin x`. */
export function cos_dx_f32(dx: usize, g: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    const at = floats(i);
    store<f32>(dx + at, load<f32>(dx + at) - load<f32>(g + at) * <f32>sine(<f64>load<f32>(x + at), 0));
  }
}

/** `out += factor · x`. */
export function add_scaled_f32(out: usize, x: usize, factor: f32, begin: i32, end: i32): void {
  const f = f32x4.splat(factor);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), n = end - i;
    storeUpTo4(out + at, madd(f, loadUpTo4(x + at, n), loadUpTo4(out + at, n)), n);
  }
}

/** `out += x · y`; `y` has `period` elements and is repeated. */
export function add_product_f32(out: usize, x: usize, y: usize, period: i32, begin: i32, end: i32): void {
  for (let i = begin; i < end;) {
    const stop = min(end, i + period - i % period), yp = y + floats(i % period) - floats(i);
    for (; i < stop; i += 4) {
      const at = floats(i), n = stop - i;
      storeUpTo4(out + at, madd(loadUpTo4(x + at, n), loadUpTo4(yp + at, n), loadUpTo4(out + at, n)), n);
    }
    i = stop;
  }
}

/** `out[j] += Σ_r x[r, j] · y[r, j]` over `rows` rows of `period` elements; `y` 0 for ones. Owns columns `begin … end`. */
export function sum_rows_f32(out: usize, x: usize, y: usize, rows: i32, period: i32, begin: i32, end: i32): void {
  const row = floats(period);
  let j = begin;
  for (; j <= end - 16; j += 16) {
    const o = out + floats(j);
    let xp = x + floats(j), yp = y + floats(j);
    let c0 = v128.load(o), c1 = v128.load(o, 16), c2 = v128.load(o, 32), c3 = v128.load(o, 48);
    for (let r = 0; r < rows; r++, xp += row, yp += row) {
      if (y) {
        c0 = madd(v128.load(xp), v128.load(yp), c0), c1 = madd(v128.load(xp, 16), v128.load(yp, 16), c1);
        c2 = madd(v128.load(xp, 32), v128.load(yp, 32), c2), c3 = madd(v128.load(xp, 48), v128.load(yp, 48), c3);
      } else {
        c0 = f32x4.add(c0, v128.load(xp)), c1 = f32x4.add(c1, v128.load(xp, 16));
        c2 = f32x4.add(c2, v128.load(xp, 32)), c3 = f32x4.add(c3, v128.load(xp, 48));
      }
    }
    v128.store(o, c0), v128.store(o, c1, 16), v128.store(o, c2, 32), v128.store(o, c3, 48);
  }
  for (; j < end; j += 4) {
    const n = end - j;
    let c = loadUpTo4(out + floats(j), n), xp = x + floats(j), yp = y + floats(j);
    for (let r = 0; r < rows; r++, xp += row, yp += row) {
      const v = loadUpTo4(xp, n);
      c = y ? madd(v, loadUpTo4(yp, n), c) : f32x4.add(c, v);
    }
    storeUpTo4(out + floats(j), c, n);
  }
}

/**
 * `out = x · scale` where the element's random word is at least `threshold` (unsigned), else 0; added to `out` if `add`.
 * The word depends on the element's index and `seed` alone, so the gradient needs no mask.
 */
export function dropout_f32(
  out: usize, x: usize, threshold: u32, scale: f32, seed: i32, add: i32, begin: i32, end: i32,
): void {
  const s = f32x4.splat(scale), t = i32x4.splat(threshold);
  for (let i = begin; i < end; i += 4) {
    const at = floats(i), n = end - i, kept = i32x4.ge_u(random4(lanesFrom(i), seed), t);
    let y = v128.and(f32x4.mul(loadUpTo4(x + at, n), s), kept);
    if (add) y = f32x4.add(y, loadUpTo4(out + at, n));
    storeUpTo4(out + at, y, n);
  }
}
