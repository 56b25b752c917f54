// Keys and values that are not kept in f32: `type` is 1 for f16 (kept in halves of the bytes of f32), 2 for q8_0 (kept in
// a quarter of them, and a scale in f32 for 32 channels of a position). Layouts are those of attention.ts, and
//
//   key scales   [batch, kvHeads, ⌈capacity/8⌉, ⌈headDim/32⌉, 8]
//   value scales [batch, kvHeads, ⌈capacity/64⌉, ⌈headDim/32⌉, 64]
//
// A number is stored once and read by every later token: what is read is unpacked, a block at a time, to where the tiles
// of f32 read it. So a row has the bytes that a cache in f32 with the same numbers would give it.

import { floats, loadUpTo4, max4 } from "./simd";
import { PANEL, PANEL_STEP } from "./tile";

/** How keys and values are kept. */
const F16: i32 = 1;
const Q8: i32 = 2;
/** Channels that share a scale. */
const GROUP: i32 = 32;
/** Positions of a panel of values, and its bytes in f32. */
const POSITIONS: usize = 64;
const VALUE_PANEL: usize = POSITIONS * PANEL_STEP;

// @ts-ignore: decorator
@inline
function groupsOf(headDim: i32): i32 {
  return (headDim + GROUP - 1) / GROUP;
}

/** Four halves of f32, as integers of 32 bits: to the nearest, halves to the even one; beyond ±65504 that; NaN above 2¹⁶. */
// @ts-ignore: decorator
@inline
function halves(x: v128): v128 {
  // pmin(a, b) is a where either is NaN.
  const a = f32x4.pmin(f32x4.abs(x), f32x4.splat(65504.0));
  const odd = v128.and(i32x4.shr_u(a, 13), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(a, i32x4.splat(0xfff)), odd), 13);
  // Beside 0.5 an f32 has the steps of a half that is not normal.
  const small = i32x4.sub(f32x4.add(a, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const half = v128.bitselect(
    small,
    i32x4.sub(rounded, i32x4.splat(0x1c000)),
    f32x4.lt(a, f32x4.splat(reinterpret<f32>(<u32>0x38800000))),
  );
  return v128.or(half, v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000)));
}

/** `x · factor` as integers from −127 to 127, to the nearest, halves to the even one; 0 for NaN. */
// @ts-ignore: decorator
@inline
function integers(x: v128, factor: v128): v128 {
  const r = f32x4.nearest(f32x4.mul(x, factor));
  return i32x4.trunc_sat_f32x4_s(f32x4.pmax(f32x4.pmin(r, f32x4.splat(127.0)), f32x4.splat(-127.0)));
}

/** Writes the scale of `count ≤ 32` channels, and returns what they are to be multiplied by. */
function scaleOf(x: usize, count: i32, scale: usize): v128 {
  let most = f32x4.splat(0);
  // Not pmax: NaN must not be passed over.
  for (let d = 0; d < count; d += 4) most = f32x4.max(most, f32x4.abs(loadUpTo4(x + floats(d), count - d)));
  const d = max4(most) / <f32>127.0;
  store<f32>(scale, d);
  return f32x4.splat(d == 0 ? 0 : <f32>1.0 / d);
}

/** Writes `count ≤ 32` channels of a position to a panel of keys: `at` is that of the first. */
function keyChannels(at: usize, x: usize, factor: v128, type: i32, count: i32): void {
  for (let d = 0; d < count; d += 4) {
    const v = loadUpTo4(x + floats(d), count - d), rest = count - d;
    if (type == F16) {
      const h = halves(v), c = i16x8.narrow_i32x4_u(h, h);
      v128.store16_lane(at, c, 0);
      if (rest > 1) v128.store16_lane(at, c, 1, 16);
      if (rest > 2) v128.store16_lane(at, c, 2, 32);
      if (rest > 3) v128.store16_lane(at, c, 3, 48);
      at += 64;
    } else {
      const c = integers(v, factor);
      v128.store8_lane(at, c, 0);
      if (rest > 1) v128.store8_lane(at, c, 4, 8);
      if (rest > 2) v128.store8_lane(at, c, 8, 16);
      if (rest > 3) v128.store8_lane(at, c, 12, 24);
      at += 32;
    }
  }
}

/** Writes `count ≤ 32` channels of a position to panels of values, those that fill the last one up as 0. */
function valueChannels(at: usize, x: usize, factor: v128, type: i32, count: i32): void {
  for (let d = 0; d < count; d += PANEL, at += VALUE_PANEL >>> type) {
    const a = loadUpTo4(x + floats(d), count - d), b = loadUpTo4(x + floats(d + 4), count - d - 4);
    if (type == F16) {
      v128.store(at, i16x8.narrow_i32x4_u(halves(a), halves(b)));
    } else {
      const c = i16x8.narrow_i32x4_s(integers(a, factor), integers(b, factor));
      v128.store64_lane(at, i8x16.narrow_i16x8_s(c, c), 0);
    }
  }
}

/** `append_f32` to a cache of `type`. Owns the same units. */
export function append_packed_f32(
  keys: usize, values: usize, keyScales: usize, valueScales: usize, k: usize, v: usize, type: i32,
  start: i32, time: i32, kvHeads: i32, headDim: i32, capacity: i32, begin: i32, end: i32,
): void {
  const firstPanel = start >>> 3, panels = ((start + time - 1) >>> 3) - firstPanel + 1, groups = groupsOf(headDim);
  const allPanels = (capacity + 7) >>> 3, allBlocks = (capacity + 63) >>> 6, row = floats(kvHeads * headDim);
  const channel: usize = PANEL_STEP >>> type, channels = (headDim + PANEL - 1) >>> 3;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / panels, panel = firstPanel + unit % panels;
    const first = max(start, panel * PANEL), until = min(start + time, panel * PANEL + PANEL);
    const begins = panel * PANEL % capacity; // of a ring
    const toPanel = <usize>head * allPanels + (begins >>> 3), toBlock = <usize>head * allBlocks + (begins >>> 6);
    let from = floats((<usize>(head / kvHeads * time + first - start) * kvHeads + head % kvHeads) * headDim);
    for (let position = first; position < until; position++, from += row) {
      const slot = position & 7, place = <usize>position & (POSITIONS - 1);
      let keyAt = keys + toPanel * headDim * channel + (<usize>slot << (2 - type));
      let valueAt = values + toBlock * channels * (VALUE_PANEL >>> type) + place * channel;
      for (let g = 0; g < groups; g++) {
        const x = k + from + floats(g * GROUP), y = v + from + floats(g * GROUP), count = min(GROUP, headDim - g * GROUP);
        let keyFactor = f32x4.splat(0), valueFactor = keyFactor;
        if (type == Q8) {
          keyFactor = scaleOf(x, count, keyScales + floats((toPanel * groups + g) * PANEL + slot));
          valueFactor = scaleOf(y, count, valueScales + floats((toBlock * groups + g) * POSITIONS + place));
        }
        keyChannels(keyAt, x, keyFactor, type, count), valueChannels(valueAt, y, valueFactor, type, count);
        keyAt += GROUP * channel, valueAt += (GROUP / PANEL) * (VALUE_PANEL >>> type);
      }
    }
  }
}

/**
 * Where `count` panels of keys from number `panel` on (of all heads) are in f32: in the cache, or in `space`, to which they
 * are unpacked.
 */
export function keysAt(
  space: usize, keys: usize, scales: usize, type: i32, panel: usize, count: i32, headDim: i32,
): usize {
  let at = keys + (panel * headDim * PANEL_STEP >>> type);
  if (!type) return at;
  if (type == F16) {
    widen(space, at, count * headDim);
    return space;
  }
  let to = space;
  scales += panel * groupsOf(headDim) * PANEL_STEP;
  for (; count > 0; count--) {
    for (let d = 0; d < headDim; d += GROUP, scales += PANEL_STEP) {
      const steps = min(GROUP, headDim - d), d0 = v128.load(scales), d1 = v128.load(scales, 16);
      const end = at + PANEL * steps;
      for (; at + 16 <= end; at += 16, to += 64) {
        const q = v128.load(at), a = i16x8.extend_low_i8x16_s(q), b = i16x8.extend_high_i8x16_s(q);
        v128.store(to, scaled(i32x4.extend_low_i16x8_s(a), d0));
        v128.store(to, scaled(i32x4.extend_high_i16x8_s(a), d1), 16);
        v128.store(to, scaled(i32x4.extend_low_i16x8_s(b), d0), 32);
        v128.store(to, scaled(i32x4.extend_high_i16x8_s(b), d1), 48);
      }
      if (at == end) continue;
      const a = v128.load8x8_s(at);
      v128.store(to, scaled(i32x4.extend_low_i16x8_s(a), d0));
      v128.store(to, scaled(i32x4.extend_high_i16x8_s(a), d1), 16);
      at += 8, to += 32;
    }
  }
  return space;
}

/** The same of the first `count` positions of block `block` of values. */
export function valuesAt(
  space: usize, values: usize, scales: usize, type: i32, block: usize, count: i32, headDim: i32,
): usize {
  const panels = (headDim + PANEL - 1) >>> 3, from = values + (block * panels * VALUE_PANEL >>> type);
  if (!type) return from;
  scales += block * groupsOf(headDim) * floats(POSITIONS);
  for (let p = 0; p < panels; p++) {
    let at = from + (<usize>p * VALUE_PANEL >>> type), to = space + <usize>p * VALUE_PANEL;
    if (type == F16) {
      widen(to, at, count);
      continue;
    }
    let scale = scales + <usize>(p >>> 2) * floats(POSITIONS), left = count;
    for (; left >= 2; left -= 2, at += 16, to += 64, scale += 8) {
      const q = v128.load(at), a = i16x8.extend_low_i8x16_s(q), b = i16x8.extend_high_i8x16_s(q);
      const d0 = v128.load32_splat(scale), d1 = v128.load32_splat(scale, 4);
      v128.store(to, scaled(i32x4.extend_low_i16x8_s(a), d0));
      v128.store(to, scaled(i32x4.extend_high_i16x8_s(a), d0), 16);
      v128.store(to, scaled(i32x4.extend_low_i16x8_s(b), d1), 32);
      v128.store(to, scaled(i32x4.extend_high_i16x8_s(b), d1), 48);
    }
    if (!left) continue;
    const a = v128.load8x8_s(at), d = v128.load32_splat(scale);
    v128.store(to, scaled(i32x4.extend_low_i16x8_s(a), d));
    v128.store(to, scaled(i32x4.extend_high_i16x8_s(a), d), 16);
  }
  return space;
}

// @ts-ignore: decorator
@inline
function scaled(q: v128, d: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(q), d);
}

/** f32 from `count` times 8 halves that are no infinities. */
function widen(to: usize, from: usize, count: i32): void {
  const fields = i32x4.splat(0x8fffe000), raise = f32x4.splat(reinterpret<f32>(<u32>0x77800000));
  let most = i16x8.splat(0);
  for (let left = count; left > 0; left--, from += 16, to += PANEL_STEP) {
    const h = v128.load(from);
    // Its sign, exponent and fraction where those of f32 are, the exponent 112 too small, which a product corrects.
    v128.store(to, f32x4.mul(v128.and(i32x4.shl(i32x4.extend_low_i16x8_s(h), 13), fields), raise));
    v128.store(to, f32x4.mul(v128.and(i32x4.shl(i32x4.extend_high_i16x8_s(h), 13), fields), raise), 16);
    most = i16x8.max_u(most, i16x8.shl(h, 1));
  }
  // Is there a NaN? Its product was a number of at least 2¹⁶.
  if (!v128.any_true(i16x8.gt_u(most, i16x8.splat(<i16>0xf7fe)))) return;
  const nan = i32x4.splat(0x7fc00000), limit = f32x4.splat(65536.0);
  for (let left = 2 * count; left > 0; left--) {
    to -= 16;
    const v = v128.load(to);
    v128.store(to, v128.or(v, v128.and(f32x4.ge(f32x4.abs(v), limit), nan)));
  }
}
