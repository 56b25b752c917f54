// The innermost loops of every product: up to four rows of `a` (row-major) against panels of `b`.
//
// A panel is 8 columns wide, stored `[k][8]`. Every accumulator is one chain over k in ascending order, whatever the
// tile: an output element has the same bytes from each of these functions, so a result depends neither on how many rows
// are computed together nor on where k is cut.
//
// What costs here is loads: Deno's V8 checks the bounds of each in software (compare and branch, and one subtraction
// for every distinct constant offset). So `a` is read four k at a time and splatted by shuffles, pointers that advance
// together share their offsets, and 4×8 keeps 8 accumulators, 4 rows of `a`, 2 of `b` and 1 splat: just the 15
// registers that V8 gives. The order of statements is the order of instructions; build.ts leaves it alone.

import { loadUpTo4, madd, splat0, splat1, splat2, splat3, storeUpTo4 } from "./simd";

/** Columns of a panel. */
export const PANEL: i32 = 8;
/** Bytes from one k of a panel to the next. */
export const PANEL_STEP: usize = 32;

/**
 * `c[r, j] = start[r, j] + Σ_k a[r, k] · b[k, j]` for `rows ≤ 4` and `columns ≤ 8`. `start` is 0 for nothing, `c` itself
 * to add to it, or a bias (with `startRow` 0). Distances are in bytes.
 */
export function tile_4x8(
  c: usize, cRow: usize, start: usize, startRow: usize, a: usize, aRow: usize, b: usize,
  k: i32, rows: i32, columns: i32,
): void {
  // Rows that do not exist stand in for the last one: they compute and store the same numbers again.
  const r1 = <usize>min(1, rows - 1), r2 = <usize>min(2, rows - 1), r3 = <usize>min(3, rows - 1);
  let c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128;
  if (start == 0) {
    c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  } else {
    const s1 = start + r1 * startRow, s2 = start + r2 * startRow, s3 = start + r3 * startRow;
    if (columns == PANEL) {
      c00 = v128.load(start), c01 = v128.load(start, 16), c10 = v128.load(s1), c11 = v128.load(s1, 16);
      c20 = v128.load(s2), c21 = v128.load(s2, 16), c30 = v128.load(s3), c31 = v128.load(s3, 16);
    } else {
      c00 = loadUpTo4(start, columns), c01 = loadUpTo4(start + 16, columns - 4);
      c10 = loadUpTo4(s1, columns), c11 = loadUpTo4(s1 + 16, columns - 4);
      c20 = loadUpTo4(s2, columns), c21 = loadUpTo4(s2 + 16, columns - 4);
      c30 = loadUpTo4(s3, columns), c31 = loadUpTo4(s3 + 16, columns - 4);
    }
  }
  let p0 = a, p1 = a + r1 * aRow, p2 = a + r2 * aRow, p3 = a + r3 * aRow;
  let a0: v128, a1: v128, a2: v128, a3: v128, b0: v128, b1: v128, s: v128;
  for (; k >= 4; k -= 4) {
    a0 = v128.load(p0), a1 = v128.load(p1), a2 = v128.load(p2), a3 = v128.load(p3);
    b0 = v128.load(b), b1 = v128.load(b, 16);
    s = splat0(a0), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
    s = splat0(a1), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
    s = splat0(a2), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
    s = splat0(a3), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    b0 = v128.load(b, 32), b1 = v128.load(b, 48);
    s = splat1(a0), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
    s = splat1(a1), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
    s = splat1(a2), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
    s = splat1(a3), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    b0 = v128.load(b, 64), b1 = v128.load(b, 80);
    s = splat2(a0), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
    s = splat2(a1), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
    s = splat2(a2), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
    s = splat2(a3), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    b0 = v128.load(b, 96), b1 = v128.load(b, 112);
    s = splat3(a0), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
    s = splat3(a1), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
    s = splat3(a2), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
    s = splat3(a3), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    p0 += 16, p1 += 16, p2 += 16, p3 += 16, b += 4 * PANEL_STEP;
  }
  for (; k > 0; k--) {
    b0 = v128.load(b), b1 = v128.load(b, 16);
    s = v128.load32_splat(p0), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
    s = v128.load32_splat(p1), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
    s = v128.load32_splat(p2), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
    s = v128.load32_splat(p3), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    p0 += 4, p1 += 4, p2 += 4, p3 += 4, b += PANEL_STEP;
  }
  const d1 = c + r1 * cRow, d2 = c + r2 * cRow, d3 = c + r3 * cRow;
  if (columns == PANEL) {
    v128.store(c, c00), v128.store(c, c01, 16), v128.store(d1, c10), v128.store(d1, c11, 16);
    v128.store(d2, c20), v128.store(d2, c21, 16), v128.store(d3, c30), v128.store(d3, c31, 16);
  } else {
    storeUpTo4(c, c00, columns), storeUpTo4(c + 16, c01, columns - 4);
    storeUpTo4(d1, c10, columns), storeUpTo4(d1 + 16, c11, columns - 4);
    storeUpTo4(d2, c20, columns), storeUpTo4(d2 + 16, c21, columns - 4);
    storeUpTo4(d3, c30, columns), storeUpTo4(d3 + 16, c31, columns - 4);
  }
}

/** Two rows against two whole panels, `panel` bytes apart. */
export function tile_2x16(
  c: usize, cRow: usize, start: usize, startRow: usize, a: usize, aRow: usize, b: usize, panel: usize, k: i32,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  if (start != 0) {
    const s1 = start + startRow;
    c00 = v128.load(start), c01 = v128.load(start, 16), c02 = v128.load(start, 32), c03 = v128.load(start, 48);
    c10 = v128.load(s1), c11 = v128.load(s1, 16), c12 = v128.load(s1, 32), c13 = v128.load(s1, 48);
  }
  let p0 = a, p1 = a + aRow, q0 = b, q1 = b + panel;
  let a0: v128, a1: v128, s0: v128, s1: v128, v: v128;
  for (; k >= 4; k -= 4) {
    a0 = v128.load(p0), a1 = v128.load(p1);
    s0 = splat0(a0), s1 = splat0(a1);
    v = v128.load(q0), c00 = madd(s0, v, c00), c10 = madd(s1, v, c10);
    v = v128.load(q0, 16), c01 = madd(s0, v, c01), c11 = madd(s1, v, c11);
    v = v128.load(q1), c02 = madd(s0, v, c02), c12 = madd(s1, v, c12);
    v = v128.load(q1, 16), c03 = madd(s0, v, c03), c13 = madd(s1, v, c13);
    s0 = splat1(a0), s1 = splat1(a1);
    v = v128.load(q0, 32), c00 = madd(s0, v, c00), c10 = madd(s1, v, c10);
    v = v128.load(q0, 48), c01 = madd(s0, v, c01), c11 = madd(s1, v, c11);
    v = v128.load(q1, 32), c02 = madd(s0, v, c02), c12 = madd(s1, v, c12);
    v = v128.load(q1, 48), c03 = madd(s0, v, c03), c13 = madd(s1, v, c13);
    s0 = splat2(a0), s1 = splat2(a1);
    v = v128.load(q0, 64), c00 = madd(s0, v, c00), c10 = madd(s1, v, c10);
    v = v128.load(q0, 80), c01 = madd(s0, v, c01), c11 = madd(s1, v, c11);
    v = v128.load(q1, 64), c02 = madd(s0, v, c02), c12 = madd(s1, v, c12);
    v = v128.load(q1, 80), c03 = madd(s0, v, c03), c13 = madd(s1, v, c13);
    s0 = splat3(a0), s1 = splat3(a1);
    v = v128.load(q0, 96), c00 = madd(s0, v, c00), c10 = madd(s1, v, c10);
    v = v128.load(q0, 112), c01 = madd(s0, v, c01), c11 = madd(s1, v, c11);
    v = v128.load(q1, 96), c02 = madd(s0, v, c02), c12 = madd(s1, v, c12);
    v = v128.load(q1, 112), c03 = madd(s0, v, c03), c13 = madd(s1, v, c13);
    p0 += 16, p1 += 16, q0 += 4 * PANEL_STEP, q1 += 4 * PANEL_STEP;
  }
  for (; k > 0; k--) {
    s0 = v128.load32_splat(p0), s1 = v128.load32_splat(p1);
    v = v128.load(q0), c00 = madd(s0, v, c00), c10 = madd(s1, v, c10);
    v = v128.load(q0, 16), c01 = madd(s0, v, c01), c11 = madd(s1, v, c11);
    v = v128.load(q1), c02 = madd(s0, v, c02), c12 = madd(s1, v, c12);
    v = v128.load(q1, 16), c03 = madd(s0, v, c03), c13 = madd(s1, v, c13);
    p0 += 4, p1 += 4, q0 += PANEL_STEP, q1 += PANEL_STEP;
  }
  const d1 = c + cRow;
  v128.store(c, c00), v128.store(c, c01, 16), v128.store(c, c02, 32), v128.store(c, c03, 48);
  v128.store(d1, c10), v128.store(d1, c11, 16), v128.store(d1, c12, 32), v128.store(d1, c13, 48);
}

/** One row against four whole panels, `panel` bytes apart. Bound by how fast panels can be read. */
export function tile_1x32(c: usize, start: usize, a: usize, b: usize, panel: usize, k: i32): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  if (start != 0) {
    c0 = v128.load(start), c1 = v128.load(start, 16), c2 = v128.load(start, 32), c3 = v128.load(start, 48);
    c4 = v128.load(start, 64), c5 = v128.load(start, 80), c6 = v128.load(start, 96), c7 = v128.load(start, 112);
  }
  let q0 = b, q1 = b + panel, q2 = q1 + panel, q3 = q2 + panel;
  let x: v128, s: v128;
  for (; k >= 4; k -= 4) {
    x = v128.load(a);
    s = splat0(x);
    c0 = madd(s, v128.load(q0), c0), c1 = madd(s, v128.load(q0, 16), c1);
    c2 = madd(s, v128.load(q1), c2), c3 = madd(s, v128.load(q1, 16), c3);
    c4 = madd(s, v128.load(q2), c4), c5 = madd(s, v128.load(q2, 16), c5);
    c6 = madd(s, v128.load(q3), c6), c7 = madd(s, v128.load(q3, 16), c7);
    s = splat1(x);
    c0 = madd(s, v128.load(q0, 32), c0), c1 = madd(s, v128.load(q0, 48), c1);
    c2 = madd(s, v128.load(q1, 32), c2), c3 = madd(s, v128.load(q1, 48), c3);
    c4 = madd(s, v128.load(q2, 32), c4), c5 = madd(s, v128.load(q2, 48), c5);
    c6 = madd(s, v128.load(q3, 32), c6), c7 = madd(s, v128.load(q3, 48), c7);
    s = splat2(x);
    c0 = madd(s, v128.load(q0, 64), c0), c1 = madd(s, v128.load(q0, 80), c1);
    c2 = madd(s, v128.load(q1, 64), c2), c3 = madd(s, v128.load(q1, 80), c3);
    c4 = madd(s, v128.load(q2, 64), c4), c5 = madd(s, v128.load(q2, 80), c5);
    c6 = madd(s, v128.load(q3, 64), c6), c7 = madd(s, v128.load(q3, 80), c7);
    s = splat3(x);
    c0 = madd(s, v128.load(q0, 96), c0), c1 = madd(s, v128.load(q0, 112), c1);
    c2 = madd(s, v128.load(q1, 96), c2), c3 = madd(s, v128.load(q1, 112), c3);
    c4 = madd(s, v128.load(q2, 96), c4), c5 = madd(s, v128.load(q2, 112), c5);
    c6 = madd(s, v128.load(q3, 96), c6), c7 = madd(s, v128.load(q3, 112), c7);
    a += 16, q0 += 4 * PANEL_STEP, q1 += 4 * PANEL_STEP, q2 += 4 * PANEL_STEP, q3 += 4 * PANEL_STEP;
  }
  for (; k > 0; k--) {
    s = v128.load32_splat(a);
    c0 = madd(s, v128.load(q0), c0), c1 = madd(s, v128.load(q0, 16), c1);
    c2 = madd(s, v128.load(q1), c2), c3 = madd(s, v128.load(q1, 16), c3);
    c4 = madd(s, v128.load(q2), c4), c5 = madd(s, v128.load(q2, 16), c5);
    c6 = madd(s, v128.load(q3), c6), c7 = madd(s, v128.load(q3, 16), c7);
    a += 4, q0 += PANEL_STEP, q1 += PANEL_STEP, q2 += PANEL_STEP, q3 += PANEL_STEP;
  }
  v128.store(c, c0), v128.store(c, c1, 16), v128.store(c, c2, 32), v128.store(c, c3, 48);
  v128.store(c, c4, 64), v128.store(c, c5, 80), v128.store(c, c6, 96), v128.store(c, c7, 112);
}

/**
 * One row against one whole panel. Two chains leave the arithmetic waiting, but the panels of a matrix are read strictly
 * in order: four short streams defeat the prefetchers of memory (measured for k = 288: 15 against 22 GB/s).
 */
export function tile_1x8(c: usize, start: usize, a: usize, b: usize, k: i32): void {
  let c0 = f32x4.splat(0), c1 = c0;
  if (start != 0) c0 = v128.load(start), c1 = v128.load(start, 16);
  let x: v128, s: v128;
  for (; k >= 4; k -= 4) {
    x = v128.load(a);
    s = splat0(x), c0 = madd(s, v128.load(b), c0), c1 = madd(s, v128.load(b, 16), c1);
    s = splat1(x), c0 = madd(s, v128.load(b, 32), c0), c1 = madd(s, v128.load(b, 48), c1);
    s = splat2(x), c0 = madd(s, v128.load(b, 64), c0), c1 = madd(s, v128.load(b, 80), c1);
    s = splat3(x), c0 = madd(s, v128.load(b, 96), c0), c1 = madd(s, v128.load(b, 112), c1);
    a += 16, b += 4 * PANEL_STEP;
  }
  for (; k > 0; k--, a += 4, b += PANEL_STEP) {
    s = v128.load32_splat(a), c0 = madd(s, v128.load(b), c0), c1 = madd(s, v128.load(b, 16), c1);
  }
  v128.store(c, c0), v128.store(c, c1, 16);
}

/**
 * `c[r, j] = Σ_k a[k, r] · b[k, j]` for `rows ≤ 4` and `columns ≤ 8`, or `+=` if `add`: what sums over rows, as gradients of weights do,
 * reads both operands a row at a time, `aStep` and `bStep` bytes apart. Four floats of a row of `a` are always read.
 */
export function tile_across(
  c: usize, cRow: usize, a: usize, aStep: usize, b: usize, bStep: usize, k: i32, rows: i32, columns: i32, add: i32,
): void {
  const d1 = c + <usize>min(1, rows - 1) * cRow, d2 = c + <usize>min(2, rows - 1) * cRow;
  const d3 = c + <usize>min(3, rows - 1) * cRow, rest = columns - 4;
  let c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128;
  if (!add) {
    c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  } else if (columns == PANEL) {
    c00 = v128.load(c), c01 = v128.load(c, 16), c10 = v128.load(d1), c11 = v128.load(d1, 16);
    c20 = v128.load(d2), c21 = v128.load(d2, 16), c30 = v128.load(d3), c31 = v128.load(d3, 16);
  } else {
    c00 = loadUpTo4(c, columns), c01 = loadUpTo4(c + 16, rest);
    c10 = loadUpTo4(d1, columns), c11 = loadUpTo4(d1 + 16, rest);
    c20 = loadUpTo4(d2, columns), c21 = loadUpTo4(d2 + 16, rest);
    c30 = loadUpTo4(d3, columns), c31 = loadUpTo4(d3 + 16, rest);
  }
  let x: v128, s: v128, b0: v128, b1: v128;
  if (columns == PANEL) {
    for (; k >= 2; k -= 2) {
      x = v128.load(a), b0 = v128.load(b), b1 = v128.load(b, 16);
      s = splat0(x), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
      s = splat1(x), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
      s = splat2(x), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
      s = splat3(x), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
      a += aStep, b += bStep;
      x = v128.load(a), b0 = v128.load(b), b1 = v128.load(b, 16);
      s = splat0(x), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
      s = splat1(x), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
      s = splat2(x), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
      s = splat3(x), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
      a += aStep, b += bStep;
    }
    if (k) {
      x = v128.load(a), b0 = v128.load(b), b1 = v128.load(b, 16);
      s = splat0(x), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
      s = splat1(x), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
      s = splat2(x), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
      s = splat3(x), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    }
  } else {
    for (; k > 0; k--, a += aStep, b += bStep) {
      x = v128.load(a), b0 = loadUpTo4(b, columns), b1 = loadUpTo4(b + 16, rest);
      s = splat0(x), c00 = madd(s, b0, c00), c01 = madd(s, b1, c01);
      s = splat1(x), c10 = madd(s, b0, c10), c11 = madd(s, b1, c11);
      s = splat2(x), c20 = madd(s, b0, c20), c21 = madd(s, b1, c21);
      s = splat3(x), c30 = madd(s, b0, c30), c31 = madd(s, b1, c31);
    }
  }
  // The last row first: rows that do not exist have computed something else, which the last that does overwrites.
  if (columns == PANEL) {
    v128.store(d3, c30), v128.store(d3, c31, 16), v128.store(d2, c20), v128.store(d2, c21, 16);
    v128.store(d1, c10), v128.store(d1, c11, 16), v128.store(c, c00), v128.store(c, c01, 16);
  } else {
    storeUpTo4(d3, c30, columns), storeUpTo4(d3 + 16, c31, rest);
    storeUpTo4(d2, c20, columns), storeUpTo4(d2 + 16, c21, rest);
    storeUpTo4(d1, c10, columns), storeUpTo4(d1 + 16, c11, rest);
    storeUpTo4(c, c00, columns), storeUpTo4(c + 16, c01, rest);
  }
}

/** `rows ≤ 4` rows against `columns` columns, in panels of `panel` bytes, by the tile that suits them. */
export function band(
  c: usize, cRow: usize, start: usize, startRow: usize, a: usize, aRow: usize, b: usize, panel: usize,
  k: i32, rows: i32, columns: i32,
): void {
  if (rows == 1) {
    for (; columns >= 32; columns -= 32) {
      tile_1x32(c, start, a, b, panel, k);
      c += 128, b += 4 * panel;
      if (start != 0) start += 128;
    }
  } else if (rows == 2) {
    for (; columns >= 16; columns -= 16) {
      tile_2x16(c, cRow, start, startRow, a, aRow, b, panel, k);
      c += 64, b += 2 * panel;
      if (start != 0) start += 64;
    }
  }
  for (; columns > 0; columns -= PANEL) {
    tile_4x8(c, cRow, start, startRow, a, aRow, b, k, rows, min(columns, PANEL));
    c += 32, b += panel;
    if (start != 0) start += 32;
  }
}
