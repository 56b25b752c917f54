// What reads weights in blocks (see blocks.ts) as f32: products with activations in f32, embeddings, rows.

import { floats } from "./simd";
import { PANEL, PANEL_STEP, tile_1x8, tile_4x8 } from "./tile";

/** Values of a block along k. */
const BLOCK: i32 = 32;
/** Bytes of a block of eight columns: its integers, then its scales. */
const Q8_BLOCK: usize = 288, Q4_BLOCK: usize = 160, SCALES: usize = 32;
/** Depth to which a panel is unpacked at a time: 32 KB of f32, which stay in the first cache. */
const DEPTH: i32 = 1024;

// @ts-ignore: decorator
@inline
function blocksOf(k: i32): usize {
  return <usize>(k + BLOCK - 1) >>> 5;
}

/** Bytes of a block of type 0 (q8_0) or 1 (q4_0). */
// @ts-ignore: decorator
@inline
function blockBytes(type: i32): usize {
  return type ? Q4_BLOCK : Q8_BLOCK;
}

/**
 * `c [m, n] = x [m, k] · wᵀ + bias` in f32, `w` in blocks of `type`. A piece of a panel is unpacked to `space` and then used
 * for all rows by the tiles of `gemm_f32`, in its order: the bytes are those of `gemm_f32` with unpacked weights. Piece
 * `begin / chunk` has `DEPTH` rows of `space`. Owns panels.
 */
export function gemm_blocks_f32(
  c: usize, x: usize, w: usize, bias: usize, space: usize, type: i32, m: i32, n: i32, k: i32, chunk: i32,
  begin: i32, end: i32,
): void {
  const panel = blocksOf(k) * blockBytes(type), cRow = floats(n), xRow = floats(k);
  space += <usize>(begin / chunk) * <usize>DEPTH * PANEL_STEP;
  for (let p = begin; p < end; p++) {
    const columns = min(PANEL, n - p * PANEL), first = bias ? bias + floats(p * PANEL) : 0;
    let from = w + <usize>p * panel;
    for (let k0 = 0; k0 < k || k0 == 0; k0 += DEPTH) {
      const depth = min(DEPTH, k - k0);
      from = unpack_piece(space, from, type, depth);
      let at = c + <usize>p * PANEL_STEP, a = x + floats(k0);
      for (let r = 0; r < m; r += 4, at += 4 * cRow, a += 4 * xRow) {
        const start = k0 ? at : first;
        if (r == m - 1 && columns == PANEL) tile_1x8(at, start, a, space, depth);
        else tile_4x8(at, cRow, start, k0 ? cRow : 0, a, xRow, space, depth, min(4, m - r), columns);
      }
    }
  }
}

/** Blocks of a panel for `depth` k, as `[k][8]` in f32. Returns where the next block is. */
function unpack_piece(to: usize, from: usize, type: i32, depth: i32): usize {
  for (; depth > 0; depth -= BLOCK) {
    const size = blockBytes(type) - SCALES, d0 = v128.load(from + size), d1 = v128.load(from + size + 16);
    const end = from + size;
    if (type) {
      const low = i8x16.splat(15), eight = i32x4.splat(8), byte = i32x4.splat(255);
      for (; from < end; from += 16, to += 4 * PANEL_STEP) {
        const v = v128.load(from), a = v128.and(v, low), b = v128.and(i16x8.shr_u(v, 4), low);
        store_scaled(to, i32x4.sub(v128.and(a, byte), eight), d0);
        store_scaled(to + 16, i32x4.sub(v128.and(b, byte), eight), d1);
        store_scaled(to + 32, i32x4.sub(v128.and(i32x4.shr_u(a, 8), byte), eight), d0);
        store_scaled(to + 48, i32x4.sub(v128.and(i32x4.shr_u(b, 8), byte), eight), d1);
        store_scaled(to + 64, i32x4.sub(v128.and(i32x4.shr_u(a, 16), byte), eight), d0);
        store_scaled(to + 80, i32x4.sub(v128.and(i32x4.shr_u(b, 16), byte), eight), d1);
        store_scaled(to + 96, i32x4.sub(i32x4.shr_u(a, 24), eight), d0);
        store_scaled(to + 112, i32x4.sub(i32x4.shr_u(b, 24), eight), d1);
      }
    } else {
      for (; from < end; from += 32, to += 4 * PANEL_STEP) {
        const a = v128.load(from), b = v128.load(from, 16);
        store_scaled(to, i32x4.shr_s(i32x4.shl(a, 24), 24), d0);
        store_scaled(to + 16, i32x4.shr_s(i32x4.shl(b, 24), 24), d1);
        store_scaled(to + 32, i32x4.shr_s(i32x4.shl(a, 16), 24), d0);
        store_scaled(to + 48, i32x4.shr_s(i32x4.shl(b, 16), 24), d1);
        store_scaled(to + 64, i32x4.shr_s(i32x4.shl(a, 8), 24), d0);
        store_scaled(to + 80, i32x4.shr_s(i32x4.shl(b, 8), 24), d1);
        store_scaled(to + 96, i32x4.shr_s(a, 24), d0);
        store_scaled(to + 112, i32x4.shr_s(b, 24), d1);
      }
    }
    from = end + SCALES;
  }
  return from;
}

// @ts-ignore: decorator
@inline
function store_scaled(to: usize, q: v128, scale: v128): void {
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(q), scale));
}

/** Element `[j, i]` of a panel that begins at `panel`. */
// @ts-ignore: decorator
@inline
function value_at(panel: usize, type: i32, j: i32, i: i32): f32 {
  const block = panel + <usize>(i >>> 5) * blockBytes(type), within = i & 31;
  if (type) {
    const pair = <i32>load<u8>(block + <usize>((within >>> 2) * 16 + (j & 3) * 4 + (within & 3)));
    return <f32>((j < 4 ? pair & 15 : pair >>> 4) - 8) * load<f32>(block + floats(j), 128);
  }
  return <f32>load<i8>(block + <usize>((within >>> 2) * 32 + j * 4 + (within & 3))) * load<f32>(block + floats(j), 256);
}

/** `out[r] = table[ids[r]]`, the table in blocks of `type`. Owns rows of `out`. */
export function gather_blocks_f32(
  out: usize, table: usize, ids: usize, type: i32, dim: i32, begin: i32, end: i32,
): void {
  const panel = blocksOf(dim) * blockBytes(type);
  for (let r = begin; r < end; r++) {
    const id = load<u32>(ids + floats(r)), from = table + <usize>(id >>> 3) * panel;
    let to = out + <usize>r * floats(dim);
    for (let i = 0; i < dim; i++, to += 4) store<f32>(to, value_at(from, type, id & 7, i));
  }
}

/** Rows `[n, k]` of a matrix in blocks of `type`. Owns rows. */
export function unpack_blocks_f32(out: usize, w: usize, type: i32, k: i32, begin: i32, end: i32): void {
  const panel = blocksOf(k) * blockBytes(type);
  for (let r = begin; r < end; r++) {
    const from = w + <usize>(r >>> 3) * panel;
    let to = out + <usize>r * floats(k);
    for (let i = 0; i < k; i++, to += 4) store<f32>(to, value_at(from, type, r & 7, i));
  }
}
