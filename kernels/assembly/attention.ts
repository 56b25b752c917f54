// Causal softmax attention over a key/value cache, in blocks of keys with a running maximum and sum: no score matrix.
// Milakov & Gimelshein 2018, https://arxiv.org/abs/1805.02867; Dao et al. 2022, https://arxiv.org/abs/2205.14135
//
// Caches are laid out so that both products read panels, like any other product:
//   keys   [batch, kvHeads, ⌈capacity/8⌉, headDim, 8]             a panel is 8 positions
//   values [batch, kvHeads, ⌈capacity/64⌉, ⌈headDim/8⌉, 64, 8]    a panel is 8 channels of 64 positions
//
// The positions so far are one stretch of memory in each, or, where a window is kept, a ring: position p is at p modulo
// the capacity, which then is a multiple of KEY_BLOCK. Blocks begin at multiples of KEY_BLOCK, and keys that a row may not see add exact zeros. So a row has the same bytes
// whichever rows it is computed with: one token at a time, in chunks or all at once.

import { keysAt, valuesAt } from "./cache";
import { scale_f32 } from "./elementwise";
import { transpose4 } from "./gemm";
import { expBelow4, logarithm, tanh4 } from "./math";
import { dropRow } from "./random";
import { floats, loadUpTo4, loadUpTo4Or, max4, reverse4, storeUpTo4, sum4 } from "./simd";
import { band, PANEL, PANEL_STEP } from "./tile";
import { expRow, rowMax } from "./softmax";

/** Keys handled between two updates of the running maximum. */
export const KEY_BLOCK: i32 = 64;
/** Bytes of a panel of values. */
const VALUE_PANEL: usize = 64 * PANEL_STEP;
/** Query rows that tiles handle together. */
export const ROWS: i32 = 4;

/**
 * Writes rows `k`, `v` `[batch, time, kvHeads, headDim]` to positions `start …` of the caches. Owns units of batch ·
 * kvHeads · panels of positions that are touched.
 */
export function append_f32(
  keys: usize, values: usize, k: usize, v: usize,
  start: i32, time: i32, kvHeads: i32, headDim: i32, capacity: i32, begin: i32, end: i32,
): void {
  const keyHead = keyHeadBytes(capacity, headDim), valueHead = valueHeadBytes(capacity, headDim);
  const firstPanel = start >>> 3, panels = ((start + time - 1) >>> 3) - firstPanel + 1, row = floats(kvHeads * headDim);
  for (let unit = begin; unit < end; unit++) {
    const head = unit / panels, panel = firstPanel + unit % panels, slot = panel * PANEL % capacity;
    const first = max(start, panel * PANEL), until = min(start + time, panel * PANEL + PANEL);
    const from = floats((<usize>(head / kvHeads * time + first - start) * kvHeads + head % kvHeads) * headDim);
    const to = keys + <usize>head * keyHead + <usize>(slot >>> 3) * (<usize>headDim * PANEL_STEP);
    keyPanel(to, k + from, row, first & 7, until - panel * PANEL, headDim);
    for (let position = first; position < until; position++) {
      let at = values + <usize>head * valueHead + valueBlock(position % capacity, headDim);
      at += <usize>(position & (KEY_BLOCK - 1)) * PANEL_STEP;
      const source = v + from + <usize>(position - first) * row;
      for (let d = 0; d < headDim; d += PANEL, at += VALUE_PANEL) {
        v128.store(at, loadUpTo4(source + floats(d), headDim - d));
        v128.store(at, loadUpTo4(source + floats(d + 4), headDim - d - 4), 16);
      }
    }
  }
}

/** Writes rows `k`, `row` bytes apart, to positions `first … until` of a panel of keys. */
export function keyPanel(to: usize, k: usize, row: usize, first: i32, until: i32, headDim: i32): void {
  let i = 0;
  if (until - first == PANEL) {
    for (; i <= headDim - 4; i += 4) {
      const at = to + <usize>i * PANEL_STEP;
      transpose4(at, k + floats(i), row);
      transpose4(at + 16, k + 4 * row + floats(i), row);
    }
  }
  for (let position = first; position < until; position++, k += row) {
    for (let d = i; d < headDim; d++) {
      store<f32>(to + <usize>d * PANEL_STEP + floats(position), load<f32>(k + floats(d)));
    }
  }
}

// @ts-ignore: decorator
@inline
export function keyHeadBytes(capacity: i32, headDim: i32): usize {
  return <usize>((capacity + PANEL - 1) / PANEL) * <usize>headDim * PANEL_STEP;
}

// @ts-ignore: decorator
@inline
function valueHeadBytes(capacity: i32, headDim: i32): usize {
  return valueBlock(capacity + KEY_BLOCK - 1, headDim);
}

/** Where the values of the block that holds `position` begin. */
// @ts-ignore: decorator
@inline
function valueBlock(position: i32, headDim: i32): usize {
  return <usize>(position / KEY_BLOCK) * <usize>((headDim + PANEL - 1) / PANEL) * VALUE_PANEL;
}

/** Adds `bias[position − key]` to the scores of keys `first + lo … first + hi` of a block. */
export function addBias(scores: usize, bias: usize, position: i32, first: i32, lo: i32, hi: i32): void {
  let j = lo;
  for (; j <= hi - 4; j += 4) {
    const at = scores + floats(j), distance = position - first - j;
    v128.store(at, f32x4.add(v128.load(at), reverse4(v128.load(bias + floats(distance - 3)))));
  }
  for (; j < hi; j++) {
    const at = scores + floats(j);
    store<f32>(at, load<f32>(at) + load<f32>(bias + floats(position - first - j)));
  }
}

/**
 * Scores `s` of `columns` keys (a multiple of 4), once scaled, become `cap · tanh(s / cap)`; `slope` receives their
 * derivative `1 − tanh²`, unless it is 0.
 */
export function capRow(scores: usize, slope: usize, columns: i32, scale: f32, cap: f32): void {
  const inner = f32x4.splat(scale / cap), c = f32x4.splat(cap), one = f32x4.splat(1.0);
  for (let j = 0; j < columns; j += 4) {
    const t = tanh4(f32x4.mul(v128.load(scores + floats(j)), inner));
    v128.store(scores + floats(j), f32x4.mul(t, c));
    if (slope) v128.store(slope + floats(j), f32x4.sub(one, f32x4.mul(t, t)));
  }
}

/**
 * Turns the scores of one row and block into probabilities relative to the running maximum: zeros outside `lo … hi`,
 * `state` (maximum, sum) and the accumulated output `o` rescaled when the maximum grows.
 */
function updateRow(scores: usize, state: usize, o: usize, width: i32, keys: i32, lo: i32, hi: i32): void {
  for (let j = 0; j < min(lo, keys); j++) store<f32>(scores + floats(j), f32.NEGATIVE_INFINITY);
  for (let j = max(hi, 0); j < keys; j++) store<f32>(scores + floats(j), f32.NEGATIVE_INFINITY);
  const before = load<f32>(state), top = max(before, rowMax(scores, keys));
  if (top == f32.NEGATIVE_INFINITY) {
    // Nothing is visible yet: −∞ − −∞ would be NaN.
    for (let j = 0; j < keys; j++) store<f32>(scores + floats(j), 0);
    return;
  }
  const sum = expRow(scores, scores, keys, top);
  if (before == top) {
    store<f32>(state, load<f32>(state, 4) + sum, 4);
    return;
  }
  const shrink = expBelow4(f32x4.splat(before - top));
  store<f32>(state, top);
  store<f32>(state, load<f32>(state, 4) * f32x4.extract_lane(shrink, 0) + sum, 4);
  for (let i = 0; i < width; i += 4) v128.store(o + floats(i), f32x4.mul(v128.load(o + floats(i)), shrink));
}

/**
 * `out[t] = softmax(scale · q[t] · keysᵀ + bias) · values` over keys `max(0, p − window + 1) … p` with `p = start + t`;
 * `window` 0 sees all. A `softcap` that is not 0 bounds scores before the bias is added: `capRow`. `sinks` `[heads]`, or 0,
 * are scores of one more key, whose value is 0. `type` says how the cache is kept: 0 for f32, else as in cache.ts, and a block
 * is unpacked once for all `tileRows` (a multiple of 4) rows of a unit. `q`, `out` `[batch, time, heads, headDim]`; `heads / kvHeads` heads share a key head; `bias`
 * `[heads, biasLength]` by distance, or 0; `lse` `[batch, heads, time]` receives `ln Σ eˢ` of the scores, or is 0. Owns units of batch · kvHeads · ⌈time · group / tileRows⌉.
 * With a `threshold`, probabilities are dropped by `dropRow`; their words are numbered `[batch, heads, time, time]`.
 * A range works in the slot of `scratch` (`slotBytes` each) that its first unit falls in, `slotUnits` units to a slot.
 */
export function attention_f32(
  out: usize, lse: usize, q: usize, keys: usize, values: usize, keyScales: usize, valueScales: usize, bias: usize,
  sinks: usize, scratch: usize, type: i32, tileRows: i32, start: i32, time: i32, heads: i32, kvHeads: i32, headDim: i32, capacity: i32, window: i32, biasLength: i32,
  scale: f32, softcap: f32, threshold: u32, keep: f32, seed: i32, slotBytes: i32, slotUnits: i32, begin: i32, end: i32,
): void {
  const group = heads / kvHeads, tiles = (time * group + tileRows - 1) / tileRows;
  const width = (headDim + PANEL - 1) & ~(PANEL - 1), oRow = floats(width), qRow = floats(headDim);
  const qs = scratch + <usize>(begin / slotUnits) * <usize>slotBytes, scores = qs + tileRows * qRow;
  const o = scores + floats(tileRows * KEY_BLOCK), state = o + tileRows * oRow, space = state + 8 * tileRows;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / tiles, kvHead = head % kvHeads, batch = head / kvHeads;
    const first = unit % tiles * tileRows, rows = min(tileRows, time * group - first);
    for (let i = 0; i < rows; i++) {
      scale_f32(qs + i * qRow, q + rowBytes(batch, first + i, time, heads, kvHead, group) * headDim, scale, 0, headDim);
      const sink = sinks + floats(kvHead * group + (first + i) % group);
      store<f32>(state + i * 8, sinks ? load<f32>(sink) : f32.NEGATIVE_INFINITY);
      store<f32>(state + i * 8, sinks ? 1 : 0, 4);
    }
    memory.fill(o, 0, rows * oRow);
    const from = start + first / group, until = start + (first + rows - 1) / group + 1;
    const kPanel = <usize>head * ((capacity + PANEL - 1) >>> 3), vBlock = <usize>head * ((capacity + KEY_BLOCK - 1) >>> 6);
    let block = window ? max(0, from - window + 1) & ~(KEY_BLOCK - 1) : 0;
    for (; block < until; block += KEY_BLOCK) {
      const count = min(KEY_BLOCK, until - block), columns = (count + PANEL - 1) & ~(PANEL - 1);
      const panel = <usize>headDim * PANEL_STEP, slot = block % capacity;
      const k = keysAt(space, keys, keyScales, type, kPanel + (slot >>> 3), columns >>> 3, headDim);
      for (let i = 0; i < rows; i += ROWS) {
        const to = scores + floats(i * KEY_BLOCK);
        band(to, floats(KEY_BLOCK), 0, 0, qs + i * qRow, qRow, k, panel, headDim, min(ROWS, rows - i), columns);
      }
      for (let i = 0; i < rows; i++) {
        const r = first + i, position = start + r / group, row = scores + floats(i * KEY_BLOCK);
        const hi = min(count, position - block + 1), lo = window ? max(0, position - window + 1 - block) : 0;
        if (softcap) capRow(row, 0, columns, 1, softcap);
        if (bias) addBias(row, bias + floats((kvHead * group + r % group) * biasLength), position, block, lo, hi);
        updateRow(row, state + i * 8, o + i * oRow, width, count, lo, hi);
        if (threshold) {
          // The sum is that of all probabilities: what is dropped is not shared out.
          const word = ((batch * heads + kvHead * group + r % group) * time + r / group) * time + block;
          dropRow(row, columns, word, threshold, keep, seed);
        }
      }
      const v = valuesAt(space, values, valueScales, type, vBlock + (slot >>> 6), count, headDim);
      for (let i = 0; i < rows; i += ROWS) {
        const to = o + i * oRow, p = scores + floats(i * KEY_BLOCK);
        band(to, oRow, to, oRow, p, floats(KEY_BLOCK), v, VALUE_PANEL, count, min(ROWS, rows - i), width);
      }
    }
    for (let i = 0; i < rows; i++) {
      const to = out + rowBytes(batch, first + i, time, heads, kvHead, group) * headDim;
      const sum = load<f32>(state + i * 8, 4), inverse = f32x4.splat(<f32>1.0 / sum);
      if (lse) {
        const r = first + i, at = (batch * heads + kvHead * group + r % group) * time + r / group;
        store<f32>(lse + floats(at), <f32>(<f64>load<f32>(state + i * 8) + logarithm(<f64>sum)));
      }
      for (let d = 0; d < headDim; d += 4) {
        storeUpTo4(to + floats(d), f32x4.mul(v128.load(o + i * oRow + floats(d)), inverse), headDim - d);
      }
    }
  }
}

/** Four times the index of the head vector that row `r` of a group's rows (time-major) stands for. */
// @ts-ignore: decorator
@inline
function rowBytes(batch: i32, r: i32, time: i32, heads: i32, kvHead: i32, group: i32): usize {
  return floats(<usize>(batch * time + r / group) * heads + kvHead * group + r % group);
}

/**
 * The probabilities themselves, `out [batch, heads, time, length]` with `length = start + time`: for looking at, not
 * for speed. Arguments as for `attention_f32`; ranges of `slotUnits` rows unpack keys to a slot of `scratch` each. Owns
 * rows of batch · heads · time.
 */
export function attention_weights_f32(
  out: usize, q: usize, keys: usize, keyScales: usize, bias: usize, sinks: usize, scratch: usize, type: i32,
  start: i32, time: i32, heads: i32, kvHeads: i32, headDim: i32, capacity: i32, window: i32, biasLength: i32,
  scale: f32, softcap: f32, slotUnits: i32, begin: i32, end: i32,
): void {
  const space = scratch + <usize>(begin / slotUnits) * floats(KEY_BLOCK * headDim);
  const length = start + time, group = heads / kvHeads, panel = <usize>headDim * PANEL_STEP;
  for (let r = begin; r < end; r++) {
    const t = r % time, head = r / time % heads, batch = r / (time * heads), position = start + t;
    const row = out + floats(<usize>r * length);
    const qr = q + floats((<usize>(batch * time + t) * heads + head) * headDim);
    const kPanel = <usize>(batch * kvHeads + head / group) * ((capacity + PANEL - 1) >>> 3);
    const hi = position + 1, lo = window ? max(0, hi - window) : 0;
    for (let block = lo & ~(KEY_BLOCK - 1); block < hi; block += KEY_BLOCK) {
      const count = min(KEY_BLOCK, length - block);
      const k = keysAt(space, keys, keyScales, type, kPanel + (block % capacity >>> 3), (count + PANEL - 1) >>> 3, headDim);
      band(row + floats(block), 0, 0, 0, qr, 0, k, panel, headDim, 1, count);
    }
    for (let j = 0; j < length; j++) {
      const at = row + floats(j), s = load<f32>(at) * scale;
      store<f32>(at, softcap ? softcap * f32x4.extract_lane(tanh4(f32x4.splat(s / softcap)), 0) : s);
    }
    if (bias) addBias(row, bias + floats(head * biasLength), position, 0, lo, hi);
    for (let j = 0; j < length; j++) if (j < lo || j >= hi) store<f32>(row + floats(j), f32.NEGATIVE_INFINITY);
    const sink = sinks ? load<f32>(sinks + floats(head)) : f32.NEGATIVE_INFINITY, top = max(rowMax(row, length), sink);
    const rest = f32x4.extract_lane(expBelow4(f32x4.splat(sink - top)), 0);
    const inverse = <f32>1.0 / (expRow(row, row, length, top) + rest);
    for (let j = 0; j < length; j++) store<f32>(row + floats(j), load<f32>(row + floats(j)) * inverse);
  }
}
