// Products of row-major activations with weights in panels, and the making of panels.
//
// `w [n, k]` is stored as ⌈n/8⌉ panels of `[k][8]`, the last one filled up with zeros: the layout that 4×8 tiles read in
// order, and that a single row streams at memory speed. `x` is not packed.

import { floats } from "./simd";
import { band, PANEL, PANEL_STEP, tile_1x8, tile_4x8, tile_across } from "./tile";

/** Depth of a block: a panel of it (32 KB) and four rows of `x` stay in the first two caches. */
const K_BLOCK: i32 = 1024;
/** Rows that a panel is used for before the next one: their block of `x` (256 KB at most) stays in the second cache. */
const ROW_BLOCK: i32 = 64;

/**
 * `c [m, n] = a [m, k] · wᵀ + bias`, `w` in panels, `bias` 0 for none. Owns panels `begin … end`.
 * Each element is one chain over k, so the result is the same for any `m`, any blocking and any split.
 * `inOrder` (for one row or two) reads the panels one by one: for weights that come from memory, not from a cache.
 */
export function gemm_f32(
  c: usize, a: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, inOrder: i32, begin: i32, end: i32,
): void {
  if (m <= 2) {
    const panel = <usize>k * PANEL_STEP, last = min(n, end * PANEL);
    let j = begin * PANEL;
    w += <usize>begin * panel;
    if (m == 1 && inOrder) {
      for (; j <= last - PANEL; j += PANEL, w += panel) tile_1x8(c + floats(j), bias ? bias + floats(j) : 0, a, w, k);
    } else if (inOrder) {
      for (; j <= last - PANEL; j += PANEL, w += panel) {
        tile_4x8(c + floats(j), floats(n), bias ? bias + floats(j) : 0, 0, a, floats(k), w, k, 2, PANEL);
      }
    }
    if (j < last) band(c + floats(j), floats(n), bias ? bias + floats(j) : 0, 0, a, floats(k), w, panel, k, m, last - j);
    return;
  }
  blocks(c, bias, 0, a, w, m, n, k, begin, end);
}

/** `c [m, n] = a [m, k] · wᵀ`, or `+=` if `add`; `w` in panels: gradients. Owns panels. */
export function gemm_add_f32(
  c: usize, a: usize, w: usize, m: i32, n: i32, k: i32, add: i32, begin: i32, end: i32,
): void {
  blocks(c, 0, add, a, w, m, n, k, begin, end);
}

/**
 * `c [m, n] = aᵀ · b`, or `+=` if `add`, both operands as panels of their columns, `k` deep: gradients of weights. Element
 * `[r, 8p + j]` of `c` is at `r · cRow + p · cPanel + 4j`, so `c` may be row-major, or in panels itself (then `n` counts the
 * columns that fill up the last one). Owns panels of `b`.
 */
export function gemm_across_f32(
  c: usize, cRow: usize, cPanel: usize, a: usize, b: usize, m: i32, n: i32, k: i32, add: i32, begin: i32, end: i32,
): void {
  const panel = <usize>k * PANEL_STEP;
  for (let k0 = 0; k0 < k; k0 += K_BLOCK) {
    const depth = min(K_BLOCK, k - k0), from = <usize>k0 * PANEL_STEP;
    for (let r0 = 0; r0 < m; r0 += ROW_BLOCK) {
      const rows = min(m, r0 + ROW_BLOCK);
      for (let p = begin; p < end; p++) {
        for (let r = r0; r < rows; r += 4) {
          tile_across(c + <usize>r * cRow + <usize>p * cPanel, cRow, a + <usize>(r >>> 3) * panel + from + floats(r & 4),
            PANEL_STEP, b + <usize>p * panel + from, PANEL_STEP, depth, min(4, rows - r), min(PANEL, n - p * PANEL),
            k0 | add);
        }
      }
    }
  }
}

/** Tiles of panels `begin … end`, in blocks of k and of rows. */
function blocks(
  c: usize, bias: usize, add: i32, a: usize, w: usize, m: i32, n: i32, k: i32, begin: i32, end: i32,
): void {
  const panel = <usize>k * PANEL_STEP, cRow = floats(n), aRow = floats(k);
  w += <usize>begin * panel;
  // Four rows or fewer use a panel once: nothing is won by keeping a part of it near.
  const block = m <= 4 ? k : K_BLOCK;
  for (let k0 = 0; k0 < k || k0 == 0; k0 += block) {
    const depth = min(block, k - k0);
    for (let r0 = 0; r0 < m; r0 += ROW_BLOCK) {
      const rows = min(m, r0 + ROW_BLOCK);
      let b = w + <usize>k0 * PANEL_STEP;
      for (let p = begin; p < end; p++, b += panel) {
        for (let r = r0; r < rows; r += 4) {
          const at = c + <usize>r * cRow + <usize>p * PANEL_STEP, go = k0 | add;
          // The first block starts from the bias, later ones from what is there.
          const start = go ? at : bias ? bias + floats(p * PANEL) : 0;
          tile_4x8(at, cRow, start, go ? cRow : 0, a + <usize>r * aRow + floats(k0), aRow, b, depth,
            min(4, rows - r), min(PANEL, n - p * PANEL));
        }
      }
    }
  }
}

/** Panels of `x [n, k]` (row-major). Owns panels `begin … end`. */
export function pack_rows_f32(out: usize, x: usize, n: i32, k: i32, begin: i32, end: i32): void {
  const row = floats(k);
  for (let p = begin; p < end; p++) {
    let to = out + <usize>p * <usize>k * PANEL_STEP, from = x + <usize>(p * PANEL) * row, i = 0;
    if (p * PANEL + PANEL <= n) {
      for (; i <= k - 4; i += 4, from += 16, to += 4 * PANEL_STEP) {
        transpose4(to, from, row);
        transpose4(to + 16, from + 4 * row, row);
      }
    }
    for (; i < k; i++, from += 4, to += PANEL_STEP) {
      for (let j = 0; j < PANEL; j++) {
        store<f32>(to + floats(j), p * PANEL + j < n ? load<f32>(from + <usize>j * row) : 0);
      }
    }
  }
}

/** Four floats of each of four rows, written as four columns of a panel. */
// @ts-ignore: decorator
@inline
export function transpose4(to: usize, from: usize, row: usize): void {
  transpose4To(to, PANEL_STEP, from, row);
}

/** The 4 × 4 block at `from` (rows `row` bytes apart), transposed to rows `toRow` bytes apart. */
// @ts-ignore: decorator
@inline
export function transpose4To(to: usize, toRow: usize, from: usize, row: usize): void {
  const r0 = v128.load(from), r1 = v128.load(from + row), r2 = v128.load(from + 2 * row), r3 = v128.load(from + 3 * row);
  const low01 = i8x16.shuffle(r0, r1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const low23 = i8x16.shuffle(r2, r3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const high01 = i8x16.shuffle(r0, r1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const high23 = i8x16.shuffle(r2, r3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(to, i8x16.shuffle(low01, low23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(to + toRow, i8x16.shuffle(low01, low23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
  v128.store(to + 2 * toRow, i8x16.shuffle(high01, high23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(to + 3 * toRow, i8x16.shuffle(high01, high23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
}

/**
 * Panels of `xᵀ` where `x [rows, n]` holds rows `k0 … k0 + rows` of a `[k, n]` matrix: weights that a file stores
 * input-major, in pieces. Owns panels `begin … end`.
 */
export function pack_columns_f32(
  out: usize, x: usize, n: i32, k: i32, k0: i32, rows: i32, begin: i32, end: i32,
): void {
  for (let p = begin; p < end; p++) {
    let to = out + (<usize>p * <usize>k + k0) * PANEL_STEP, from = x + floats(p * PANEL), i = 0;
    if (p * PANEL + PANEL <= n) {
      for (; i < rows; i++, to += PANEL_STEP, from += floats(n)) {
        v128.store(to, v128.load(from)), v128.store(to, v128.load(from, 16), 16);
      }
    }
    for (; i < rows; i++, to += PANEL_STEP, from += floats(n)) {
      for (let j = 0; j < PANEL; j++) {
        store<f32>(to + floats(j), p * PANEL + j < n ? load<f32>(from + floats(j)) : 0);
      }
    }
  }
}

/** Rows `[n, k]` of a matrix in panels. Owns rows `begin … end`. */
export function unpack_f32(out: usize, panels: usize, k: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    let from = panels + <usize>(r >>> 3) * <usize>k * PANEL_STEP + floats(r & 7), to = out + <usize>r * floats(k);
    for (let i = 0; i < k; i++, from += PANEL_STEP, to += 4) store<f32>(to, load<f32>(from));
  }
}

/** Panels of `wᵀ [k, n]` from panels of `w [n, k]`. Owns panels `begin … end` of ⌈k/8⌉. */
export function transpose_panels_f32(out: usize, w: usize, n: i32, k: i32, begin: i32, end: i32): void {
  for (let q = begin; q < end; q++) {
    const to = out + <usize>q * <usize>n * PANEL_STEP, i0 = q * PANEL;
    for (let j = 0; j < n; j += PANEL) {
      const from = w + (<usize>(j >>> 3) * <usize>k + i0) * PANEL_STEP, at = to + <usize>j * PANEL_STEP;
      if (j + PANEL <= n && i0 + PANEL <= k) {
        transpose4(at, from, PANEL_STEP);
        transpose4(at + 4 * PANEL_STEP, from + 16, PANEL_STEP);
        transpose4(at + 16, from + 4 * PANEL_STEP, PANEL_STEP);
        transpose4(at + 4 * PANEL_STEP + 16, from + 4 * PANEL_STEP + 16, PANEL_STEP);
        continue;
      }
      for (let b = 0; b < min(PANEL, n - j); b++) {
        for (let i = 0; i < PANEL; i++) {
          const v = i0 + i < k ? load<f32>(from + <usize>i * PANEL_STEP + floats(b)) : 0;
          store<f32>(at + <usize>b * PANEL_STEP + floats(i), v);
        }
      }
    }
  }
}
