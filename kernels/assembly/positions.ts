// Tables of sines and cosines, and rotary position embedding.

import { sine } from "./math";
import { floats, loadUpTo4, storeUpTo4 } from "./simd";

/** Layouts of a row of `sinusoid_f64`: cosines then sines, sines then cosines, or sine and cosine in turn. */
const COS_SIN: i32 = 0;
const SIN_COS: i32 = 1;

/**
 * `out[r, ·]` = sin and cos of `position · frequency`, in f64 until stored: an f32 angle would be off by 10⁻³ at
 * position 10⁵. `positions` (i32) and `frequencies` (f64) are arrays; a row is `dim` wide and uses ⌈dim/2⌉ frequencies;
 * an odd `dim` drops the last cosine. Owns rows `begin … end`.
 */
export function sinusoid_f64(
  out: usize, positions: usize, frequencies: usize, dim: i32, layout: i32, begin: i32, end: i32,
): void {
  const half = (dim + 1) >> 1;
  for (let r = begin; r < end; r++) {
    const row = out + <usize>r * floats(dim), position = <f64>load<i32>(positions + floats(r));
    for (let i = 0; i < half; i++) {
      const angle = position * load<f64>(frequencies + (<usize>i << 3));
      const s = <f32>sine(angle, 0), c = <f32>sine(angle, 1);
      if (layout == COS_SIN) {
        store<f32>(row + floats(i), c);
        store<f32>(row + floats(half + i), s);
      } else {
        const sinAt = layout == SIN_COS ? i : 2 * i, cosAt = layout == SIN_COS ? half + i : 2 * i + 1;
        store<f32>(row + floats(sinAt), s);
        if (cosAt < dim) store<f32>(row + floats(cosAt), c);
      }
    }
  }
}

// A gradient is the rows of `g` rotated back, by the angle −a: each layout has one loop for both.

/** `v`, added to what is at `at` if `add`; at most four. */
// @ts-ignore: decorator
@inline
function put(at: usize, v: v128, count: i32, add: i32): void {
  storeUpTo4(at, add ? f32x4.add(loadUpTo4(at, count), v) : v, count);
}

/** Dimensions from `2 · half` on are not rotated. */
// @ts-ignore: decorator
@inline
function putRest(out: usize, x: usize, half: i32, headDim: i32, add: i32): void {
  for (let i = 2 * half; i < headDim; i += 4) put(out + floats(i), loadUpTo4(x + floats(i), headDim - i), headDim - i, add);
}

// @ts-ignore: decorator
@inline
function rotateHalf(
  out: usize, x: usize, table: usize, start: i32, time: i32, heads: i32, headDim: i32, half: i32, begin: i32, end: i32,
  back: bool, add: i32,
): void {
  for (let r = begin; r < end; r++) {
    const cos = table + <usize>(start + r % time) * floats(2 * half), sin = cos + floats(half);
    for (let h = 0; h < heads; h++) {
      const at = floats((<usize>r * heads + h) * headDim), xp = x + at, yp = out + at;
      for (let i = 0; i < half; i += 4) {
        const o = floats(i), far = o + floats(half), left = half - i;
        const c = loadUpTo4(cos + o, left), turn = loadUpTo4(sin + o, left), s = back ? f32x4.neg(turn) : turn;
        const u = loadUpTo4(xp + o, left), v = loadUpTo4(xp + far, left);
        put(yp + o, f32x4.sub(f32x4.mul(u, c), f32x4.mul(v, s)), left, add);
        put(yp + far, f32x4.add(f32x4.mul(u, s), f32x4.mul(v, c)), left, add);
      }
      putRest(yp, xp, half, headDim, add);
    }
  }
}

// @ts-ignore: decorator
@inline
function rotateInterleaved(
  out: usize, x: usize, table: usize, start: i32, time: i32, heads: i32, headDim: i32, half: i32, begin: i32, end: i32,
  back: bool, add: i32,
): void {
  for (let r = begin; r < end; r++) {
    const cos = table + <usize>(start + r % time) * floats(2 * half), sin = cos + floats(half);
    for (let h = 0; h < heads; h++) {
      const at = floats((<usize>r * heads + h) * headDim), xp = x + at, yp = out + at;
      for (let i = 0; i < half; i++) {
        const c = load<f32>(cos + floats(i)), turn = load<f32>(sin + floats(i)), s = back ? -turn : turn;
        const u = load<f32>(xp + floats(2 * i)), v = load<f32>(xp + floats(2 * i + 1)), to = yp + floats(2 * i);
        store<f32>(to, add ? load<f32>(to) + (u * c - v * s) : u * c - v * s);
        store<f32>(to, add ? load<f32>(to, 4) + (u * s + v * c) : u * s + v * c, 4);
      }
      putRest(yp, xp, half, headDim, add);
    }
  }
}

/**
 * Rotates the pairs `(x[i], x[i + half])` of each head by the angle of its position: `half` of them, the rest of
 * `headDim` is copied. `x [batch, time, heads, headDim]`; `table` rows `start … start + time` hold `[cos | sin]`.
 * Owns rows `begin … end` of `batch · time`.
 */
export function rotate_half_f32(
  out: usize, x: usize, table: usize, start: i32, time: i32, heads: i32, headDim: i32, half: i32, begin: i32, end: i32,
): void {
  rotateHalf(out, x, table, start, time, heads, headDim, half, begin, end, false, 0);
}

/** As `rotate_half_f32`, for the pairs `(x[2i], x[2i + 1])`. */
export function rotate_interleaved_f32(
  out: usize, x: usize, table: usize, start: i32, time: i32, heads: i32, headDim: i32, half: i32, begin: i32, end: i32,
): void {
  rotateInterleaved(out, x, table, start, time, heads, headDim, half, begin, end, false, 0);
}

/** Gradient of `rotate_half_f32`: `dx =` the rows of `g` rotated back, or `+=` if `add`. */
export function rotate_half_dx_f32(
  dx: usize, g: usize, table: usize, start: i32, time: i32, heads: i32, headDim: i32, half: i32, add: i32,
  begin: i32, end: i32,
): void {
  rotateHalf(dx, g, table, start, time, heads, headDim, half, begin, end, true, add);
}

/** Gradient of `rotate_interleaved_f32`. */
export function rotate_interleaved_dx_f32(
  dx: usize, g: usize, table: usize, start: i32, time: i32, heads: i32, headDim: i32, half: i32, add: i32,
  begin: i32, end: i32,
): void {
  rotateInterleaved(dx, g, table, start, time, heads, headDim, half, begin, end, true, add);
}
