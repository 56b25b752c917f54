// Products with weights in blocks (blocks.ts): in integers within a block, which is exact, and in f32 from block to block, in
// ascending order. So an element has the same bytes from every function here.

import { blocksOf, PARTS, Q4_BLOCK, Q8_BLOCK, WHOLE } from "./blocks";
import { floats, loadUpTo4, madd, splat0, splat1, splat2, splat3, storeUpTo4 } from "./simd";
import { PANEL, PANEL_STEP } from "./tile";

/** Rows of activations, in bytes, that a panel is used for before the next one: they stay in the second cache. */
const ROWS_BYTES: usize = 1 << 18;

/** What is multiplied by the first part of activations: the integers, or those at even k, in 16 bits. */
// @ts-ignore: decorator
@inline
function first(w: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? w : i16x8.shr_s(i16x8.shl(w, 8), 8);
}

/** What is multiplied by the second part. */
// @ts-ignore: decorator
@inline
function second(w: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? w : i16x8.shr_s(w, 8);
}

/** `sums + Σ w · a` over the integers of a column. */
// @ts-ignore: decorator
@inline
export function dot(w: v128, a: v128, sums: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, sums);
  return i32x4.add(sums, i32x4.dot_i16x8_s(w, a));
}

/** Both parts together. */
// @ts-ignore: decorator
@inline
function joined(a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.sub(a, b) : i32x4.add(a, b);
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
 * `c [m, n] = x [m, k] · wᵀ + bias`: `w` in q8_0, `x` from {@linkcode quantize_rows_f32}, in parts; `bias` 0 for none. Owns
 * panels `begin … end`.
 */
export function gemm_q8_0(
  c: usize, x: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, begin: i32, end: i32,
): void {
  const blocks = blocksOf(k), panel = <usize>blocks * Q8_BLOCK, row = <usize>blocks * PARTS;
  const step = rowsAtATime(row);
  for (let r0 = 0; r0 < m; r0 += step) {
    const rows = min(m, r0 + step);
    for (let p = begin; p < end; p++) {
      const b = w + <usize>p * panel, columns = min(PANEL, n - p * PANEL), start = bias ? bias + floats(p * PANEL) : 0;
      let r = r0, at = c + floats(r0) * <usize>n + <usize>p * PANEL_STEP, a = x + <usize>r0 * row;
      for (; r < rows - 1; r += 2, at += floats(n) * 2, a += 2 * row) {
        tile_q8(at, floats(n), start, a, row, b, blocks, columns);
      }
      if (r < rows) row_q8(at, start, a, b, blocks, columns);
    }
  }
}

/** The same for `w` in q4_0 and `x` whole. */
export function gemm_q4_0(
  c: usize, x: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, begin: i32, end: i32,
): void {
  const blocks = blocksOf(k), panel = <usize>blocks * Q4_BLOCK, row = <usize>blocks * WHOLE;
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
export function rowsAtATime(row: usize): i32 {
  return max(8, <i32>(ROWS_BYTES / max(row, 1)) & ~3);
}

/** One row against a panel of q8_0: a panel is read in order, once. */
function row_q8(c: usize, start: usize, x: usize, w: usize, blocks: i32, columns: i32): void {
  let c0 = f32x4.splat(0), c1 = c0;
  if (start != 0) c0 = loadUpTo4(start, columns), c1 = loadUpTo4(start + 16, columns - 4);
  let a0: v128, a1: v128, s: v128, t: v128, u: v128, v: v128;
  for (; blocks > 0; blocks--) {
    let p0 = i32x4.splat(0), p1 = p0, q0 = p0, q1 = p0;
    for (let j = 0; j < 2; j++, x += 16, w += 128) {
      a0 = v128.load(x), a1 = v128.load(x, 32);
      v = v128.load(w), u = v128.load(w, 16), s = splat0(a0), t = splat0(a1);
      p0 = dot(first(v), s, p0), q0 = dot(second(v), t, q0), p1 = dot(first(u), s, p1), q1 = dot(second(u), t, q1);
      v = v128.load(w, 32), u = v128.load(w, 48), s = splat1(a0), t = splat1(a1);
      p0 = dot(first(v), s, p0), q0 = dot(second(v), t, q0), p1 = dot(first(u), s, p1), q1 = dot(second(u), t, q1);
      v = v128.load(w, 64), u = v128.load(w, 80), s = splat2(a0), t = splat2(a1);
      p0 = dot(first(v), s, p0), q0 = dot(second(v), t, q0), p1 = dot(first(u), s, p1), q1 = dot(second(u), t, q1);
      v = v128.load(w, 96), u = v128.load(w, 112), s = splat3(a0), t = splat3(a1);
      p0 = dot(first(v), s, p0), q0 = dot(second(v), t, q0), p1 = dot(first(u), s, p1), q1 = dot(second(u), t, q1);
    }
    s = v128.load32_splat(x, 32);
    c0 = madd(f32x4.convert_i32x4_s(joined(p0, q0)), f32x4.mul(s, v128.load(w)), c0);
    c1 = madd(f32x4.convert_i32x4_s(joined(p1, q1)), f32x4.mul(s, v128.load(w, 16)), c1);
    x += PARTS - 32, w += 32;
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
export function begin_tile(c: usize, cRow: usize, start: usize, rows: i32, columns: i32): void {
  let v0 = f32x4.splat(0), v1 = v0;
  if (start != 0) v0 = loadUpTo4(start, columns), v1 = loadUpTo4(start + 16, columns - 4);
  for (; rows > 0; rows--, c += cRow) storeUpTo4(c, v0, columns), storeUpTo4(c + 16, v1, columns - 4);
}

/** `c += i · scales · s`: what a block adds to a row. */
// @ts-ignore: decorator
@inline
export function add_block(c: usize, i0: v128, i1: v128, d0: v128, d1: v128, s: v128, columns: i32): void {
  if (columns == PANEL) {
    v128.store(c, madd(f32x4.convert_i32x4_s(i0), f32x4.mul(s, d0), v128.load(c)));
    v128.store(c, madd(f32x4.convert_i32x4_s(i1), f32x4.mul(s, d1), v128.load(c, 16)), 16);
  } else {
    const rest = columns - 4;
    storeUpTo4(c, madd(f32x4.convert_i32x4_s(i0), f32x4.mul(s, d0), loadUpTo4(c, columns)), columns);
    storeUpTo4(c + 16, madd(f32x4.convert_i32x4_s(i1), f32x4.mul(s, d1), loadUpTo4(c + 16, rest)), rest);
  }
}

/** Two rows against a panel of q8_0: a block is read once for both, and their sums wait in `c`. */
function tile_q8(
  c: usize, cRow: usize, start: usize, a: usize, aRow: usize, w: usize, blocks: i32, columns: i32,
): void {
  begin_tile(c, cRow, start, 2, columns);
  let b = a + aRow, a0: v128, a1: v128, b0: v128, b1: v128, s: v128, t: v128, u: v128, v: v128;
  let u0: v128, u1: v128, v0: v128, v1: v128;
  for (; blocks > 0; blocks--) {
    let p00 = i32x4.splat(0), p01 = p00, p10 = p00, p11 = p00, q00 = p00, q01 = p00, q10 = p00, q11 = p00;
    for (let j = 0; j < 2; j++, a += 16, b += 16, w += 128) {
      a0 = v128.load(a), a1 = v128.load(a, 32), b0 = v128.load(b), b1 = v128.load(b, 32);
      v = v128.load(w), u = v128.load(w, 16);
      v0 = first(v), v1 = second(v), u0 = first(u), u1 = second(u), s = splat0(a0), t = splat0(a1);
      p00 = dot(v0, s, p00), q00 = dot(v1, t, q00), p01 = dot(u0, s, p01), q01 = dot(u1, t, q01);
      s = splat0(b0), t = splat0(b1);
      p10 = dot(v0, s, p10), q10 = dot(v1, t, q10), p11 = dot(u0, s, p11), q11 = dot(u1, t, q11);
      v = v128.load(w, 32), u = v128.load(w, 48);
      v0 = first(v), v1 = second(v), u0 = first(u), u1 = second(u), s = splat1(a0), t = splat1(a1);
      p00 = dot(v0, s, p00), q00 = dot(v1, t, q00), p01 = dot(u0, s, p01), q01 = dot(u1, t, q01);
      s = splat1(b0), t = splat1(b1);
      p10 = dot(v0, s, p10), q10 = dot(v1, t, q10), p11 = dot(u0, s, p11), q11 = dot(u1, t, q11);
      v = v128.load(w, 64), u = v128.load(w, 80);
      v0 = first(v), v1 = second(v), u0 = first(u), u1 = second(u), s = splat2(a0), t = splat2(a1);
      p00 = dot(v0, s, p00), q00 = dot(v1, t, q00), p01 = dot(u0, s, p01), q01 = dot(u1, t, q01);
      s = splat2(b0), t = splat2(b1);
      p10 = dot(v0, s, p10), q10 = dot(v1, t, q10), p11 = dot(u0, s, p11), q11 = dot(u1, t, q11);
      v = v128.load(w, 96), u = v128.load(w, 112);
      v0 = first(v), v1 = second(v), u0 = first(u), u1 = second(u), s = splat3(a0), t = splat3(a1);
      p00 = dot(v0, s, p00), q00 = dot(v1, t, q00), p01 = dot(u0, s, p01), q01 = dot(u1, t, q01);
      s = splat3(b0), t = splat3(b1);
      p10 = dot(v0, s, p10), q10 = dot(v1, t, q10), p11 = dot(u0, s, p11), q11 = dot(u1, t, q11);
    }
    u = v128.load(w), v = v128.load(w, 16);
    add_block(c, joined(p00, q00), joined(p01, q01), u, v, v128.load32_splat(a, 32), columns);
    add_block(c + cRow, joined(p10, q10), joined(p11, q11), u, v, v128.load32_splat(b, 32), columns);
    a += PARTS - 32, b += PARTS - 32, w += 32;
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
