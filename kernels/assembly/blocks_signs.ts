// Products with weights in q8_0 where the engine multiplies 8 bits by 8: activations need not be taken apart by sign then,
// as in blocks_gemm.ts, which is half the work. Relaxed SIMD leaves open what numbers the bytes of the second operand from
// 128 on are: `dot_bytes` finds out. Where they are 128 … 255 (vpdpbusd), activations are shifted up by 128, and
// 128 · Σ w is subtracted; where they are −128 … −1 (sdot), they are taken as they are; elsewhere sums of two products
// are cut off at 16 bits (pmaddubsw), and nothing here serves. Integers are exact: the bytes are those of blocks_gemm.ts.
// https://github.com/WebAssembly/relaxed-simd/blob/main/proposals/relaxed-simd/Overview.md

import { blocksOf, Q8_BLOCK, WHOLE } from "./blocks";
import { add_block, begin_tile, dot, rowsAtATime } from "./blocks_gemm";
import { floats, splat0, splat1, splat2, splat3 } from "./simd";
import { PANEL, PANEL_STEP } from "./tile";

/** Bytes of the sums of a block's eight columns. */
const SUMS: usize = 32;

/**
 * Stores what is to be added to the integers of activations, so that the relaxed dot product takes all of their 8 bits:
 * 128, 0, or −1 where it does not. One unit.
 */
export function dot_bytes(out: usize, begin: i32, end: i32): void {
  for (let unit = begin; unit < end; unit++) store<i32>(out, ASC_FEATURE_RELAXED_SIMD ? meaning() : -1);
}

/** What bytes from 128 on mean, tried with the largest products of both signs, alone and added to a sum. */
function meaning(): i32 {
  const unsigned = isDot(127, 255, 255) && isDot(-128, 255, 255) && isDot(-127, 128, 128) && isDot(127, 129, 129);
  if (unsigned) return 128;
  const signed = isDot(127, 255, -1) && isDot(-128, 128, -128) && isDot(127, 128, -128) && isDot(-127, 129, -127);
  return signed ? 0 : -1;
}

/** Whether four products of `w` and the byte `a` count as `w · value` each. */
function isDot(w: i32, a: i32, value: i32): bool {
  const sums = i32x4.splat(1000003), all = dot(i8x16.splat(<i8>w), i8x16.splat(<i8>a), sums);
  return i32x4.all_true(i32x4.eq(all, i32x4.splat(1000003 + 4 * w * value)));
}

/**
 * `c [m, n] = x [m, k] · wᵀ + bias`: `w` in q8_0, `x` whole, from `quantize_rows_f32`, with `offset`, which is that of
 * {@linkcode dot_bytes}; `bias` 0 for none. A range works in the slot of `space` (32 bytes for each block of k) that its
 * first panel falls in, `slotPanels` to a slot. Owns panels `begin … end`.
 */
export function gemm_q8_0_bytes(
  c: usize, x: usize, w: usize, bias: usize, space: usize, m: i32, n: i32, k: i32, offset: i32, slotPanels: i32,
  begin: i32, end: i32,
): void {
  const blocks = blocksOf(k), panel = <usize>blocks * Q8_BLOCK, row = <usize>blocks * WHOLE;
  const step = rowsAtATime(row), sums = space + <usize>(begin / slotPanels) * <usize>blocks * SUMS;
  if (!offset) memory.fill(sums, 0, <usize>blocks * SUMS);
  for (let r0 = 0; r0 < m; r0 += step) {
    const rows = min(m, r0 + step);
    for (let p = begin; p < end; p++) {
      const b = w + <usize>p * panel, columns = min(PANEL, n - p * PANEL), start = bias ? bias + floats(p * PANEL) : 0;
      if (offset) column_sums(sums, b, blocks);
      let at = c + floats(r0) * <usize>n + <usize>p * PANEL_STEP, a = x + <usize>r0 * row;
      for (let r = r0; r < rows; r += 4, at += floats(n) * 4, a += 4 * row) {
        tile(at, floats(n), start, a, row, b, sums, blocks, min(4, rows - r), columns);
      }
    }
  }
}

/** `128 · Σ w` of each block and column of a panel. */
function column_sums(out: usize, w: usize, blocks: i32): void {
  const ones = i8x16.splat(1);
  for (; blocks > 0; blocks--, out += SUMS, w += 32) {
    let i0 = i32x4.splat(0), i1 = i0;
    for (let g = 0; g < 8; g++, w += 32) i0 = dot(v128.load(w), ones, i0), i1 = dot(v128.load(w, 16), ones, i1);
    v128.store(out, i32x4.shl(i0, 7)), v128.store(out, i32x4.shl(i1, 7), 16);
  }
}

/** Up to four rows against a panel: a block is read once for all, and their sums wait in `c`. */
function tile(
  c: usize, cRow: usize, start: usize, a: usize, aRow: usize, w: usize, sums: usize, blocks: i32, rows: i32,
  columns: i32,
): void {
  begin_tile(c, cRow, start, rows, columns);
  let p0 = a, p1 = a + <usize>min(1, rows - 1) * aRow, p2 = a + <usize>min(2, rows - 1) * aRow;
  let p3 = a + <usize>min(3, rows - 1) * aRow;
  let a0: v128, a1: v128, a2: v128, a3: v128, b0: v128, b1: v128, s: v128;
  for (; blocks > 0; blocks--) {
    let i00 = i32x4.splat(0), i01 = i00, i10 = i00, i11 = i00, i20 = i00, i21 = i00, i30 = i00, i31 = i00;
    for (let j = 0; j < 2; j++) {
      a0 = v128.load(p0), a1 = v128.load(p1), a2 = v128.load(p2), a3 = v128.load(p3);
      b0 = v128.load(w), b1 = v128.load(w, 16);
      s = splat0(a0), i00 = dot(b0, s, i00), i01 = dot(b1, s, i01);
      s = splat0(a1), i10 = dot(b0, s, i10), i11 = dot(b1, s, i11);
      s = splat0(a2), i20 = dot(b0, s, i20), i21 = dot(b1, s, i21);
      s = splat0(a3), i30 = dot(b0, s, i30), i31 = dot(b1, s, i31);
      b0 = v128.load(w, 32), b1 = v128.load(w, 48);
      s = splat1(a0), i00 = dot(b0, s, i00), i01 = dot(b1, s, i01);
      s = splat1(a1), i10 = dot(b0, s, i10), i11 = dot(b1, s, i11);
      s = splat1(a2), i20 = dot(b0, s, i20), i21 = dot(b1, s, i21);
      s = splat1(a3), i30 = dot(b0, s, i30), i31 = dot(b1, s, i31);
      b0 = v128.load(w, 64), b1 = v128.load(w, 80);
      s = splat2(a0), i00 = dot(b0, s, i00), i01 = dot(b1, s, i01);
      s = splat2(a1), i10 = dot(b0, s, i10), i11 = dot(b1, s, i11);
      s = splat2(a2), i20 = dot(b0, s, i20), i21 = dot(b1, s, i21);
      s = splat2(a3), i30 = dot(b0, s, i30), i31 = dot(b1, s, i31);
      b0 = v128.load(w, 96), b1 = v128.load(w, 112);
      s = splat3(a0), i00 = dot(b0, s, i00), i01 = dot(b1, s, i01);
      s = splat3(a1), i10 = dot(b0, s, i10), i11 = dot(b1, s, i11);
      s = splat3(a2), i20 = dot(b0, s, i20), i21 = dot(b1, s, i21);
      s = splat3(a3), i30 = dot(b0, s, i30), i31 = dot(b1, s, i31);
      p0 += 16, p1 += 16, p2 += 16, p3 += 16, w += 128;
    }
    const u = v128.load(sums), v = v128.load(sums, 16);
    b0 = v128.load(w), b1 = v128.load(w, 16);
    add_block(c, i32x4.sub(i00, u), i32x4.sub(i01, v), b0, b1, v128.load32_splat(p0), columns);
    if (rows > 1) add_block(c + cRow, i32x4.sub(i10, u), i32x4.sub(i11, v), b0, b1, v128.load32_splat(p1), columns);
    if (rows > 2) add_block(c + 2 * cRow, i32x4.sub(i20, u), i32x4.sub(i21, v), b0, b1, v128.load32_splat(p2), columns);
    if (rows > 3) add_block(c + 3 * cRow, i32x4.sub(i30, u), i32x4.sub(i31, v), b0, b1, v128.load32_splat(p3), columns);
    p0 += 16, p1 += 16, p2 += 16, p3 += 16, w += 32, sums += SUMS;
  }
}
