// Weights in blocks of small integers: `w [n, k]` is ⌈n/8⌉ panels of ⌈k/32⌉ blocks, a block 32 deep and 8 columns wide
// with a scale for each column, `w[j, i] = d · q`. Integers come first, in the order in which a row of activations meets
// them, then the eight scales (f32 that are numbers of f16). What fills up k and n is 0.
//
// q8_0: `[16][8][2]`, i8: two k of eight columns are a vector, which is widened to two of 16 bits for dot_i16x8.
// q4_0: `[8][4][4]`, u4, q − 8 counts: byte [g][c][t] holds k = 4g + t of column c (low half) and of column c + 4.
//
// Each product runs in integers within a block, which is exact, and in f32 from block to block, in ascending order: so an
// element has the same bytes from every function here.

import { floats, loadUpTo4, madd, max4, splat0, splat1, splat2, splat3, storeUpTo4 } from "./simd";
import { PANEL, PANEL_STEP } from "./tile";

/** Values of a block along k. */
const BLOCK: i32 = 32;
/** Bytes of a block of eight columns. */
const Q8_BLOCK: usize = 288, Q4_BLOCK: usize = 160;
/** Bytes of a block of activations: as i16, or as i8 with eight times their sum; then the scale; filled up to vectors. */
const WIDE: usize = 80, NARROW: usize = 48;
/** Rows of activations, in bytes, that a panel is used for before the next one: they stay in the second cache. */
const ROWS_BYTES: usize = 1 << 18;

// @ts-ignore: decorator
@inline
function blocksOf(k: i32): i32 {
  return (k + BLOCK - 1) >>> 5;
}

/**
 * Activations in 8 bits: for each 32 of a row `q = round(x · 127/max|x|)`, scale `max|x|/127`. `wide`: as i16, for q8_0; else
 * as i8 and `8 · Σ q`, for q4_0. Owns rows.
 */
export function quantize_rows_f32(out: usize, x: usize, k: i32, wide: i32, begin: i32, end: i32): void {
  const blocks = blocksOf(k), ones = i16x8.splat(1);
  out += <usize>begin * <usize>blocks * (wide ? WIDE : NARROW);
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
      if (wide) {
        v128.store(out, n0), v128.store(out, n1, 16), v128.store(out, n2, 32), v128.store(out, n3, 48);
        store<f32>(out, largest / 127, 64);
        out += WIDE;
      } else {
        v128.store(out, i8x16.narrow_i16x8_s(n0, n1)), v128.store(out, i8x16.narrow_i16x8_s(n2, n3), 16);
        const sums = i32x4.dot_i16x8_s(i16x8.add(i16x8.add(n0, n1), i16x8.add(n2, n3)), ones);
        store<f32>(out, largest / 127, 32);
        store<i32>(out, 8 * (i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) +
          i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3)), 36);
        out += NARROW;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function rounded(x: v128, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, factor)));
}

/** `sums + Σ` of four neighbours `a · b`, `a` signed, `b` from 0 to 15: there all engines, and both builds, agree. */
// @ts-ignore: decorator
@inline
function dot4(a: v128, b: v128, sums: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, sums);
  const even = i16x8.mul(i16x8.shr_s(i16x8.shl(a, 8), 8), v128.and(b, i16x8.splat(255)));
  const odd = i16x8.mul(i16x8.shr_s(a, 8), i16x8.shr_u(b, 8));
  return i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.add(even, odd)));
}

/**
 * `c [m, n] = x [m, k] · wᵀ + bias`: `w` in q8_0, `x` from {@linkcode quantize_rows_f32}, wide; `bias` 0 for none. Owns
 * panels `begin … end`.
 */
export function gemm_q8_0(
  c: usize, x: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, begin: i32, end: i32,
): void {
  const blocks = blocksOf(k), panel = <usize>blocks * Q8_BLOCK, row = <usize>blocks * WIDE;
  const step = rowsAtATime(row);
  for (let r0 = 0; r0 < m; r0 += step) {
    const rows = min(m, r0 + step);
    for (let p = begin; p < end; p++) {
      const b = w + <usize>p * panel, columns = min(PANEL, n - p * PANEL), start = bias ? bias + floats(p * PANEL) : 0;
      let r = r0, at = c + floats(r0) * <usize>n + <usize>p * PANEL_STEP, a = x + <usize>r0 * row;
      for (; r < rows - 2; r += 4, at += floats(n) * 4, a += 4 * row) {
        tile_q8(at, floats(n), start, a, row, b, blocks, min(4, rows - r), columns);
      }
      for (; r < rows; r++, at += floats(n), a += row) row_q8(at, start, a, b, blocks, columns);
    }
  }
}

/** The same for `w` in q4_0 and `x` narrow. */
export function gemm_q4_0(
  c: usize, x: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, begin: i32, end: i32,
): void {
  const blocks = blocksOf(k), panel = <usize>blocks * Q4_BLOCK, row = <usize>blocks * NARROW;
  const step = rowsAtATime(row);
  for (let r0 = 0; r0 < m; r0 += step) {
    const rows = min(m, r0 + step);
    for (let p = begin; p < end; p++) {
      const b = w + <usize>p * panel, columns = min(PANEL, n - p * PANEL), start = bias ? bias + floats(p * PANEL) : 0;
      let r = r0, at = c + floats(r0) * <usize>n + <usize>p * PANEL_STEP, a = x + <usize>r0 * row;
      for (; r < rows - 2; r += 4, at += floats(n) * 4, a += 4 * row) {
        tile_q4(at, floats(n), start, a, row, b, blocks, min(4, rows - r), columns);
      }
      for (; r < rows; r++, at += floats(n), a += row) row_q4(at, start, a, b, blocks, columns);
    }
  }
}

// @ts-ignore: decorator
@inline
function rowsAtATime(row: usize): i32 {
  return max(8, <i32>(ROWS_BYTES / max(row, 1)) & ~3);
}

/** One row against a panel of q8_0: a panel is read in order, once. */
function row_q8(c: usize, start: usize, x: usize, w: usize, blocks: i32, columns: i32): void {
  let c0 = f32x4.splat(0), c1 = c0;
  if (start != 0) c0 = loadUpTo4(start, columns), c1 = loadUpTo4(start + 16, columns - 4);
  let a: v128, s: v128, v: v128;
  for (; blocks > 0; blocks--) {
    let i0 = i32x4.splat(0), i1 = i0;
    for (let j = 0; j < 4; j++, x += 16, w += 64) {
      a = v128.load(x);
      s = splat0(a), v = v128.load(w);
      i0 = i32x4.add(i0, i32x4.dot_i16x8_s(s, i16x8.extend_low_i8x16_s(v)));
      i1 = i32x4.add(i1, i32x4.dot_i16x8_s(s, i16x8.extend_high_i8x16_s(v)));
      s = splat1(a), v = v128.load(w, 16);
      i0 = i32x4.add(i0, i32x4.dot_i16x8_s(s, i16x8.extend_low_i8x16_s(v)));
      i1 = i32x4.add(i1, i32x4.dot_i16x8_s(s, i16x8.extend_high_i8x16_s(v)));
      s = splat2(a), v = v128.load(w, 32);
      i0 = i32x4.add(i0, i32x4.dot_i16x8_s(s, i16x8.extend_low_i8x16_s(v)));
      i1 = i32x4.add(i1, i32x4.dot_i16x8_s(s, i16x8.extend_high_i8x16_s(v)));
      s = splat3(a), v = v128.load(w, 48);
      i0 = i32x4.add(i0, i32x4.dot_i16x8_s(s, i16x8.extend_low_i8x16_s(v)));
      i1 = i32x4.add(i1, i32x4.dot_i16x8_s(s, i16x8.extend_high_i8x16_s(v)));
    }
    s = v128.load32_splat(x);
    c0 = madd(f32x4.convert_i32x4_s(i0), f32x4.mul(s, v128.load(w)), c0);
    c1 = madd(f32x4.convert_i32x4_s(i1), f32x4.mul(s, v128.load(w, 16)), c1);
    x += 16, w += 32;
  }
  storeUpTo4(c, c0, columns), storeUpTo4(c + 16, c1, columns - 4);
}

/** One row against a panel of q4_0. */
function row_q4(c: usize, start: usize, x: usize, w: usize, blocks: i32, columns: i32): void {
  let c0 = f32x4.splat(0), c1 = c0;
  if (start != 0) c0 = loadUpTo4(start, columns), c1 = loadUpTo4(start + 16, columns - 4);
  const low = i8x16.splat(15);
  let a: v128, s: v128, v: v128;
  for (; blocks > 0; blocks--) {
    let i0 = i32x4.splat(0), i1 = i0;
    for (let j = 0; j < 2; j++, x += 16, w += 64) {
      a = v128.load(x);
      s = splat0(a), v = v128.load(w);
      i0 = dot4(s, v128.and(v, low), i0), i1 = dot4(s, v128.and(i16x8.shr_u(v, 4), low), i1);
      s = splat1(a), v = v128.load(w, 16);
      i0 = dot4(s, v128.and(v, low), i0), i1 = dot4(s, v128.and(i16x8.shr_u(v, 4), low), i1);
      s = splat2(a), v = v128.load(w, 32);
      i0 = dot4(s, v128.and(v, low), i0), i1 = dot4(s, v128.and(i16x8.shr_u(v, 4), low), i1);
      s = splat3(a), v = v128.load(w, 48);
      i0 = dot4(s, v128.and(v, low), i0), i1 = dot4(s, v128.and(i16x8.shr_u(v, 4), low), i1);
    }
    s = v128.load32_splat(x), a = v128.load32_splat(x, 4);
    c0 = madd(f32x4.convert_i32x4_s(i32x4.sub(i0, a)), f32x4.mul(s, v128.load(w)), c0);
    c1 = madd(f32x4.convert_i32x4_s(i32x4.sub(i1, a)), f32x4.mul(s, v128.load(w, 16)), c1);
    x += 16, w += 32;
  }
  storeUpTo4(c, c0, columns), storeUpTo4(c + 16, c1, columns - 4);
}

/** `c = start`, or 0. */
function begin_tile(c: usize, cRow: usize, start: usize, rows: i32, columns: i32): void {
  let v0 = f32x4.splat(0), v1 = v0;
  if (start != 0) v0 = loadUpTo4(start, columns), v1 = loadUpTo4(start + 16, columns - 4);
  for (; rows > 0; rows--, c += cRow) storeUpTo4(c, v0, columns), storeUpTo4(c + 16, v1, columns - 4);
}

/** `c += i · scales · s`: what a block adds to a row. */
// @ts-ignore: decorator
@inline
function add_block(c: usize, i0: v128, i1: v128, d0: v128, d1: v128, s: v128, columns: i32): void {
  if (columns == PANEL) {
    v128.store(c, madd(f32x4.convert_i32x4_s(i0), f32x4.mul(s, d0), v128.load(c)));
    v128.store(c, madd(f32x4.convert_i32x4_s(i1), f32x4.mul(s, d1), v128.load(c, 16)), 16);
  } else {
    const rest = columns - 4;
    storeUpTo4(c, madd(f32x4.convert_i32x4_s(i0), f32x4.mul(s, d0), loadUpTo4(c, columns)), columns);
    storeUpTo4(c + 16, madd(f32x4.convert_i32x4_s(i1), f32x4.mul(s, d1), loadUpTo4(c + 16, rest)), rest);
  }
}

/** Up to four rows against a panel of q8_0: a block is widened once for all of them, and their sums wait in `c`. */
function tile_q8(
  c: usize, cRow: usize, start: usize, a: usize, aRow: usize, w: usize, blocks: i32, rows: i32, columns: i32,
): void {
  begin_tile(c, cRow, start, rows, columns);
  // Rows that do not exist compute what the last one does; only real ones are added.
  let p0 = a, p1 = a + <usize>min(1, rows - 1) * aRow, p2 = a + <usize>min(2, rows - 1) * aRow;
  let p3 = a + <usize>min(3, rows - 1) * aRow;
  let a0: v128, a1: v128, a2: v128, a3: v128, b0: v128, b1: v128, s: v128;
  for (; blocks > 0; blocks--) {
    let i00 = i32x4.splat(0), i01 = i00, i10 = i00, i11 = i00, i20 = i00, i21 = i00, i30 = i00, i31 = i00;
    for (let j = 0; j < 4; j++) {
      a0 = v128.load(p0), a1 = v128.load(p1), a2 = v128.load(p2), a3 = v128.load(p3);
      s = v128.load(w), b0 = i16x8.extend_low_i8x16_s(s), b1 = i16x8.extend_high_i8x16_s(s);
      s = splat0(a0), i00 = i32x4.add(i00, i32x4.dot_i16x8_s(s, b0)), i01 = i32x4.add(i01, i32x4.dot_i16x8_s(s, b1));
      s = splat0(a1), i10 = i32x4.add(i10, i32x4.dot_i16x8_s(s, b0)), i11 = i32x4.add(i11, i32x4.dot_i16x8_s(s, b1));
      s = splat0(a2), i20 = i32x4.add(i20, i32x4.dot_i16x8_s(s, b0)), i21 = i32x4.add(i21, i32x4.dot_i16x8_s(s, b1));
      s = splat0(a3), i30 = i32x4.add(i30, i32x4.dot_i16x8_s(s, b0)), i31 = i32x4.add(i31, i32x4.dot_i16x8_s(s, b1));
      s = v128.load(w, 16), b0 = i16x8.extend_low_i8x16_s(s), b1 = i16x8.extend_high_i8x16_s(s);
      s = splat1(a0), i00 = i32x4.add(i00, i32x4.dot_i16x8_s(s, b0)), i01 = i32x4.add(i01, i32x4.dot_i16x8_s(s, b1));
      s = splat1(a1), i10 = i32x4.add(i10, i32x4.dot_i16x8_s(s, b0)), i11 = i32x4.add(i11, i32x4.dot_i16x8_s(s, b1));
      s = splat1(a2), i20 = i32x4.add(i20, i32x4.dot_i16x8_s(s, b0)), i21 = i32x4.add(i21, i32x4.dot_i16x8_s(s, b1));
      s = splat1(a3), i30 = i32x4.add(i30, i32x4.dot_i16x8_s(s, b0)), i31 = i32x4.add(i31, i32x4.dot_i16x8_s(s, b1));
      s = v128.load(w, 32), b0 = i16x8.extend_low_i8x16_s(s), b1 = i16x8.extend_high_i8x16_s(s);
      s = splat2(a0), i00 = i32x4.add(i00, i32x4.dot_i16x8_s(s, b0)), i01 = i32x4.add(i01, i32x4.dot_i16x8_s(s, b1));
      s = splat2(a1), i10 = i32x4.add(i10, i32x4.dot_i16x8_s(s, b0)), i11 = i32x4.add(i11, i32x4.dot_i16x8_s(s, b1));
      s = splat2(a2), i20 = i32x4.add(i20, i32x4.dot_i16x8_s(s, b0)), i21 = i32x4.add(i21, i32x4.dot_i16x8_s(s, b1));
      s = splat2(a3), i30 = i32x4.add(i30, i32x4.dot_i16x8_s(s, b0)), i31 = i32x4.add(i31, i32x4.dot_i16x8_s(s, b1));
      s = v128.load(w, 48), b0 = i16x8.extend_low_i8x16_s(s), b1 = i16x8.extend_high_i8x16_s(s);
      s = splat3(a0), i00 = i32x4.add(i00, i32x4.dot_i16x8_s(s, b0)), i01 = i32x4.add(i01, i32x4.dot_i16x8_s(s, b1));
      s = splat3(a1), i10 = i32x4.add(i10, i32x4.dot_i16x8_s(s, b0)), i11 = i32x4.add(i11, i32x4.dot_i16x8_s(s, b1));
      s = splat3(a2), i20 = i32x4.add(i20, i32x4.dot_i16x8_s(s, b0)), i21 = i32x4.add(i21, i32x4.dot_i16x8_s(s, b1));
      s = splat3(a3), i30 = i32x4.add(i30, i32x4.dot_i16x8_s(s, b0)), i31 = i32x4.add(i31, i32x4.dot_i16x8_s(s, b1));
      p0 += 16, p1 += 16, p2 += 16, p3 += 16, w += 64;
    }
    b0 = v128.load(w), b1 = v128.load(w, 16);
    add_block(c, i00, i01, b0, b1, v128.load32_splat(p0), columns);
    if (rows > 1) add_block(c + cRow, i10, i11, b0, b1, v128.load32_splat(p1), columns);
    if (rows > 2) add_block(c + 2 * cRow, i20, i21, b0, b1, v128.load32_splat(p2), columns);
    if (rows > 3) add_block(c + 3 * cRow, i30, i31, b0, b1, v128.load32_splat(p3), columns);
    p0 += 16, p1 += 16, p2 += 16, p3 += 16, w += 32;
  }
}

/** Up to four rows against a panel of q4_0. */
function tile_q4(
  c: usize, cRow: usize, start: usize, a: usize, aRow: usize, w: usize, blocks: i32, rows: i32, columns: i32,
): void {
  begin_tile(c, cRow, start, rows, columns);
  const low = i8x16.splat(15);
  let p0 = a, p1 = a + <usize>min(1, rows - 1) * aRow, p2 = a + <usize>min(2, rows - 1) * aRow;
  let p3 = a + <usize>min(3, rows - 1) * aRow;
  let a0: v128, a1: v128, a2: v128, a3: v128, b0: v128, b1: v128, s: v128;
  for (; blocks > 0; blocks--) {
    let i00 = i32x4.splat(0), i01 = i00, i10 = i00, i11 = i00, i20 = i00, i21 = i00, i30 = i00, i31 = i00;
    for (let j = 0; j < 2; j++) {
      a0 = v128.load(p0), a1 = v128.load(p1), a2 = v128.load(p2), a3 = v128.load(p3);
      s = v128.load(w), b0 = v128.and(s, low), b1 = v128.and(i16x8.shr_u(s, 4), low);
      s = splat0(a0), i00 = dot4(s, b0, i00), i01 = dot4(s, b1, i01);
      s = splat0(a1), i10 = dot4(s, b0, i10), i11 = dot4(s, b1, i11);
      s = splat0(a2), i20 = dot4(s, b0, i20), i21 = dot4(s, b1, i21);
      s = splat0(a3), i30 = dot4(s, b0, i30), i31 = dot4(s, b1, i31);
      s = v128.load(w, 16), b0 = v128.and(s, low), b1 = v128.and(i16x8.shr_u(s, 4), low);
      s = splat1(a0), i00 = dot4(s, b0, i00), i01 = dot4(s, b1, i01);
      s = splat1(a1), i10 = dot4(s, b0, i10), i11 = dot4(s, b1, i11);
      s = splat1(a2), i20 = dot4(s, b0, i20), i21 = dot4(s, b1, i21);
      s = splat1(a3), i30 = dot4(s, b0, i30), i31 = dot4(s, b1, i31);
      s = v128.load(w, 32), b0 = v128.and(s, low), b1 = v128.and(i16x8.shr_u(s, 4), low);
      s = splat2(a0), i00 = dot4(s, b0, i00), i01 = dot4(s, b1, i01);
      s = splat2(a1), i10 = dot4(s, b0, i10), i11 = dot4(s, b1, i11);
      s = splat2(a2), i20 = dot4(s, b0, i20), i21 = dot4(s, b1, i21);
      s = splat2(a3), i30 = dot4(s, b0, i30), i31 = dot4(s, b1, i31);
      s = v128.load(w, 48), b0 = v128.and(s, low), b1 = v128.and(i16x8.shr_u(s, 4), low);
      s = splat3(a0), i00 = dot4(s, b0, i00), i01 = dot4(s, b1, i01);
      s = splat3(a1), i10 = dot4(s, b0, i10), i11 = dot4(s, b1, i11);
      s = splat3(a2), i20 = dot4(s, b0, i20), i21 = dot4(s, b1, i21);
      s = splat3(a3), i30 = dot4(s, b0, i30), i31 = dot4(s, b1, i31);
      p0 += 16, p1 += 16, p2 += 16, p3 += 16, w += 64;
    }
    b0 = v128.load(w), b1 = v128.load(w, 16);
    s = v128.load32_splat(p0, 4), i00 = i32x4.sub(i00, s), i01 = i32x4.sub(i01, s);
    add_block(c, i00, i01, b0, b1, v128.load32_splat(p0), columns);
    s = v128.load32_splat(p1, 4), i10 = i32x4.sub(i10, s), i11 = i32x4.sub(i11, s);
    if (rows > 1) add_block(c + cRow, i10, i11, b0, b1, v128.load32_splat(p1), columns);
    s = v128.load32_splat(p2, 4), i20 = i32x4.sub(i20, s), i21 = i32x4.sub(i21, s);
    if (rows > 2) add_block(c + 2 * cRow, i20, i21, b0, b1, v128.load32_splat(p2), columns);
    s = v128.load32_splat(p3, 4), i30 = i32x4.sub(i30, s), i31 = i32x4.sub(i31, s);
    if (rows > 3) add_block(c + 3 * cRow, i30, i31, b0, b1, v128.load32_splat(p3), columns);
    p0 += 16, p1 += 16, p2 += 16, p3 += 16, w += 32;
  }
}
