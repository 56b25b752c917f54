// What reads weights in blocks (see blocks.ts) as f32: products with activations in f32, embeddings, rows.

import { BLOCK, blocksOf, Q4_BLOCK, Q8_BLOCK } from "./blocks";
import { floats, loadUpTo4, madd, splat0, splat1, splat2, splat3, storeUpTo4 } from "./simd";
import { PANEL, PANEL_STEP, tile_4x8 } from "./tile";

/** Bytes of the scales at the end of a block. */
const SCALES: usize = 32;
/** Depth to which a panel is unpacked at a time: 32 KB of f32, which stay in the first cache. */
const DEPTH: i32 = 1024;

/** Bytes of a block of type 0 (q8_0) or 1 (q4_0). */
// @ts-ignore: decorator
@inline
function blockBytes(type: i32): usize {
  return type ? Q4_BLOCK : Q8_BLOCK;
}

/**
 * `c [m, n] = x [m, k] · wᵀ + bias` in f32, `w` in blocks of `type`. For a row weights are unpacked in registers; for more, a
 * piece of a panel is unpacked to `space` and then used for all of them by the tiles of `gemm_f32`. Either keeps its order:
 * the bytes are those of `gemm_f32` with unpacked weights. Piece `begin / chunk` has `DEPTH` rows of `space`. Owns panels.
 */
export function gemm_blocks_f32(
  c: usize, x: usize, w: usize, bias: usize, space: usize, type: i32, m: i32, n: i32, k: i32, chunk: i32,
  begin: i32, end: i32,
): void {
  const panel = <usize>blocksOf(k) * blockBytes(type), cRow = floats(n), xRow = floats(k);
  space += <usize>(begin / chunk) * <usize>DEPTH * PANEL_STEP;
  for (let p = begin; p < end; p++) {
    const columns = min(PANEL, n - p * PANEL), first = bias ? bias + floats(p * PANEL) : 0;
    let from = w + <usize>p * panel;
    if (m == 1) {
      row_wide(c + <usize>p * PANEL_STEP, first, x, from, type, k, columns);
      continue;
    }
    for (let k0 = 0; k0 < k || k0 == 0; k0 += DEPTH) {
      const depth = min(DEPTH, k - k0);
      from = unpack_piece(space, from, type, depth);
      let at = c + <usize>p * PANEL_STEP, a = x + floats(k0);
      for (let r = 0; r < m; r += 4, at += 4 * cRow, a += 4 * xRow) {
        const start = k0 ? at : first;
        tile_4x8(at, cRow, start, k0 ? cRow : 0, a, xRow, space, depth, min(4, m - r), columns);
      }
    }
  }
}

/** One row against a panel: weights become f32 in registers, and are read once. */
function row_wide(c: usize, start: usize, x: usize, w: usize, type: i32, k: i32, columns: i32): void {
  const low = i8x16.splat(15), eight = i32x4.splat(8), byte = i32x4.splat(255), size = blockBytes(type) - SCALES;
  let c0 = f32x4.splat(0), c1 = c0, a: v128, b: v128, v: v128;
  if (start != 0) c0 = loadUpTo4(start, columns), c1 = loadUpTo4(start + 16, columns - 4);
  for (; k > 0; w += SCALES) {
    const end = w + size, d0 = v128.load(end), d1 = v128.load(end, 16);
    if (type) {
      for (; w < end; w += 16, k -= 4, x += 16) {
        if (k <= 0) continue;
        v = v128.load(w), a = v128.and(v, low), b = v128.and(i16x8.shr_u(v, 4), low), v = loadUpTo4(x, k);
        c0 = term(splat0(v), i32x4.sub(v128.and(a, byte), eight), d0, c0);
        c1 = term(splat0(v), i32x4.sub(v128.and(b, byte), eight), d1, c1);
        if (k < 2) continue;
        c0 = term(splat1(v), i32x4.sub(v128.and(i32x4.shr_u(a, 8), byte), eight), d0, c0);
        c1 = term(splat1(v), i32x4.sub(v128.and(i32x4.shr_u(b, 8), byte), eight), d1, c1);
        if (k < 3) continue;
        c0 = term(splat2(v), i32x4.sub(v128.and(i32x4.shr_u(a, 16), byte), eight), d0, c0);
        c1 = term(splat2(v), i32x4.sub(v128.and(i32x4.shr_u(b, 16), byte), eight), d1, c1);
        if (k < 4) continue;
        c0 = term(splat3(v), i32x4.sub(i32x4.shr_u(a, 24), eight), d0, c0);
        c1 = term(splat3(v), i32x4.sub(i32x4.shr_u(b, 24), eight), d1, c1);
      }
    } else {
      for (; w < end; w += 32, k -= 4, x += 16) {
        if (k <= 0) continue;
        a = v128.load(w), b = v128.load(w, 16), v = loadUpTo4(x, k);
        c0 = term(splat0(v), i32x4.shr_s(i32x4.shl(a, 24), 24), d0, c0);
        c1 = term(splat0(v), i32x4.shr_s(i32x4.shl(b, 24), 24), d1, c1);
        if (k < 2) continue;
        c0 = term(splat1(v), i32x4.shr_s(i32x4.shl(a, 16), 24), d0, c0);
        c1 = term(splat1(v), i32x4.shr_s(i32x4.shl(b, 16), 24), d1, c1);
        if (k < 3) continue;
        c0 = term(splat2(v), i32x4.shr_s(i32x4.shl(a, 8), 24), d0, c0);
        c1 = term(splat2(v), i32x4.shr_s(i32x4.shl(b, 8), 24), d1, c1);
        if (k < 4) continue;
        c0 = term(splat3(v), i32x4.shr_s(a, 24), d0, c0);
        c1 = term(splat3(v), i32x4.shr_s(b, 24), d1, c1);
      }
    }
  }
  storeUpTo4(c, c0, columns), storeUpTo4(c + 16, c1, columns - 4);
}

/** `sum + x · (q · scale)`: the weight is rounded to f32 first, as where it is unpacked. */
// @ts-ignore: decorator
@inline
function term(x: v128, q: v128, scale: v128, sum: v128): v128 {
  return madd(x, f32x4.mul(f32x4.convert_i32x4_s(q), scale), sum);
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
  const panel = <usize>blocksOf(dim) * blockBytes(type);
  for (let r = begin; r < end; r++) {
    const id = load<u32>(ids + floats(r)), from = table + <usize>(id >>> 3) * panel;
    let to = out + <usize>r * floats(dim);
    for (let i = 0; i < dim; i++, to += 4) store<f32>(to, value_at(from, type, id & 7, i));
  }
}

/** Rows `[n, k]` of a matrix in blocks of `type`. Owns rows. */
export function unpack_blocks_f32(out: usize, w: usize, type: i32, k: i32, begin: i32, end: i32): void {
  const panel = <usize>blocksOf(k) * blockBytes(type);
  for (let r = begin; r < end; r++) {
    const from = w + <usize>(r >>> 3) * panel;
    let to = out + <usize>r * floats(k);
    for (let i = 0; i < k; i++, to += 4) store<f32>(to, value_at(from, type, r & 7, i));
  }
}
