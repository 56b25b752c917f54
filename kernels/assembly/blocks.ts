// Weights in blocks of small integers: `w [n, k]` is ⌈n/8⌉ panels of ⌈k/32⌉ blocks, a block 32 deep and 8 columns wide
// with a scale for each column, `w[j, i] = d · q`. Integers come first, in the order in which a row of activations meets
// them, then the eight scales (f32 that are numbers of f16). What fills up k and n is 0.
//
// q8_0: `[8][8][4]`, i8: four columns by four k are a vector.
// q4_0: `[8][4][4]`, u4, q − 8 counts: byte [g][c][t] holds k = 4g + t of column c (low half) and of column c + 4.
//
// The relaxed build multiplies 8 bits by 7 (i32x4.relaxed_dot_i8x16_i7x16_add_s: one instruction on processors with VNNI or
// dot products, three elsewhere), where the seven are never negative, so that all engines agree: q4_0 is 0 … 15, and of
// activations for q8_0 those above and below 0 are kept apart. The baseline build widens even and odd k to 16 bits.

import { floats, loadUpTo4, max4 } from "./simd";

/** Values of a block along k. */
export const BLOCK: i32 = 32;
/** Bytes of a block of eight columns: its integers, then its scales. */
export const Q8_BLOCK: usize = 288, Q4_BLOCK: usize = 160;
/** Bytes of a block of activations: in two parts, or whole with eight times their sum; and the scale; filled up to vectors. */
export const PARTS: usize = 80, WHOLE: usize = 48;

/** Blocks that hold `k` values. */
// @ts-ignore: decorator
@inline
export function blocksOf(k: i32): i32 {
  return (k + BLOCK - 1) >>> 5;
}

/**
 * Activations in 8 bits: for each 32 of a row `q = round(x · 127/max|x|)`, scale `max|x|/127`. For q8_0 in two `parts`, two
 * vectors of each: i8, those above 0 and the others without their sign; or (baseline) i16, those at even and at odd k. For
 * q4_0, and for products of all 8 bits (blocks_signs.ts), as i8 and `8 · Σ q`, `offset` added to each byte. Owns rows.
 */
export function quantize_rows_f32(
  out: usize, x: usize, k: i32, parts: i32, offset: i32, begin: i32, end: i32,
): void {
  const blocks = blocksOf(k), ones = i16x8.splat(1), up = i8x16.splat(<i8>offset);
  out += <usize>begin * <usize>blocks * (parts ? PARTS : WHOLE);
  for (let r = begin; r < end; r++) {
    let from = x + <usize>r * floats(k);
    for (let left = k; left > 0; left -= BLOCK, from += floats(BLOCK)) {
      const x0 = loadUpTo4(from, left), x1 = loadUpTo4(from + 16, left - 4), x2 = loadUpTo4(from + 32, left - 8);
      const x3 = loadUpTo4(from + 48, left - 12), x4 = loadUpTo4(from + 64, left - 16);
      const x5 = loadUpTo4(from + 80, left - 20), x6 = loadUpTo4(from + 96, left - 24);
      const x7 = loadUpTo4(from + 112, left - 28);
      let most = f32x4.max(f32x4.abs(x0), f32x4.abs(x1));
      most = f32x4.max(most, f32x4.max(f32x4.abs(x2), f32x4.abs(x3)));
      most = f32x4.max(most, f32x4.max(f32x4.abs(x4), f32x4.abs(x5)));
      const largest = max4(f32x4.max(most, f32x4.max(f32x4.abs(x6), f32x4.abs(x7))));
      // A NaN has no number in 8 bits: the scale carries it. What is too small for a reciprocal is 0.
      const factor = f32x4.splat(largest > 1e-30 ? 127 / largest : 0);
      const n0 = i16x8.narrow_i32x4_s(rounded(x0, factor), rounded(x1, factor));
      const n1 = i16x8.narrow_i32x4_s(rounded(x2, factor), rounded(x3, factor));
      const n2 = i16x8.narrow_i32x4_s(rounded(x4, factor), rounded(x5, factor));
      const n3 = i16x8.narrow_i32x4_s(rounded(x6, factor), rounded(x7, factor));
      if (parts) {
        if (ASC_FEATURE_RELAXED_SIMD) {
          const q0 = i8x16.narrow_i16x8_s(n0, n1), q1 = i8x16.narrow_i16x8_s(n2, n3), zero = i8x16.splat(0);
          v128.store(out, i8x16.max_s(q0, zero)), v128.store(out, i8x16.max_s(q1, zero), 16);
          v128.store(out, i8x16.max_s(i8x16.neg(q0), zero), 32), v128.store(out, i8x16.max_s(i8x16.neg(q1), zero), 48);
        } else {
          v128.store(out, evens(n0, n1)), v128.store(out, evens(n2, n3), 16);
          v128.store(out, odds(n0, n1), 32), v128.store(out, odds(n2, n3), 48);
        }
        store<f32>(out, largest / 127, 64);
        out += PARTS;
      } else {
        v128.store(out, i8x16.add(i8x16.narrow_i16x8_s(n0, n1), up));
        v128.store(out, i8x16.add(i8x16.narrow_i16x8_s(n2, n3), up), 16);
        const sums = i32x4.dot_i16x8_s(i16x8.add(i16x8.add(n0, n1), i16x8.add(n2, n3)), ones);
        store<f32>(out, largest / 127, 32);
        store<i32>(out, 8 * (i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) +
          i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3)), 36);
        out += WHOLE;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function rounded(x: v128, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, factor)));
}

// @ts-ignore: decorator
@inline
function evens(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
}

// @ts-ignore: decorator
@inline
function odds(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}
