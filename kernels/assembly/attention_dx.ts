// Gradients of attention.ts: probabilities are computed again from the scores and `lse`, block by block, and never stored.
// Dao et al. 2022, https://arxiv.org/abs/2205.14135, appendix B.2. With P the probabilities, G the gradient of the output:
//   dP = G Vᵀ,  delta = rowsum(G ∘ out),  dS = P ∘ (dP − delta),  dQ = scale · dS K,  dK = scale · dSᵀ Q,  dV = Pᵀ G.
//
// With dropout, P̃ = P ∘ mask / (1 − rate) takes the place of P in dV, and dP is masked in the same way; delta stays as it is.
//
// Everything that a product reads in panels is appended to a cache first: keys and values as in the forward pass, then
// with their places exchanged, and queries and G by heads. All sequences begin at position 0.

import {
  addBias, KEY_BLOCK, keyHeadBytes, rowBytes, ROWS, valueBlock, valueHeadBytes, VALUE_PANEL,
} from "./attention";
import { scale_f32 } from "./elementwise";
import { add_scaled_f32 } from "./elementwise_dx";
import { expBelow4 } from "./math";
import { dropRow } from "./random";
import { floats, loadUpTo4, madd, sum4 } from "./simd";
import { band, PANEL, PANEL_STEP } from "./tile";

/** `delta[batch, head, t] = Σ G · out`. Owns rows of batch · heads · time. */
export function attention_delta_f32(
  delta: usize, g: usize, out: usize, time: i32, heads: i32, headDim: i32, begin: i32, end: i32,
): void {
  for (let r = begin; r < end; r++) {
    const t = r % time, head = r / time % heads, batch = r / (time * heads);
    const at = floats((<usize>(batch * time + t) * heads + head) * headDim);
    let sum = f32x4.splat(0);
    for (let i = 0; i < headDim; i += 4) {
      sum = madd(loadUpTo4(g + at + floats(i), headDim - i), loadUpTo4(out + at + floats(i), headDim - i), sum);
    }
    store<f32>(delta + floats(r), sum4(sum));
  }
}

/**
 * Scores become probabilities, and `dp` becomes dS: both 0 outside `lo … hi`. For one query and a block of keys `lse` and
 * `delta` point to one number (`step` 0), for one key and a block of queries to one for each (`step` 4).
 */
function slopes(scores: usize, dp: usize, count: i32, lo: i32, hi: i32, lse: usize, delta: usize, step: i32): void {
  const low = i32x4.splat(lo), high = i32x4.splat(hi), four = i32x4.splat(4);
  let l = v128.load32_splat(lse), d = v128.load32_splat(delta), index = v128(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0);
  for (let j = 0; j < count; j += 4) {
    const at = floats(j);
    if (step) l = loadUpTo4(lse + at, count - j), d = loadUpTo4(delta + at, count - j);
    const seen = v128.and(i32x4.ge_s(index, low), i32x4.lt_s(index, high));
    const p = v128.and(expBelow4(f32x4.sub(v128.load(scores + at), l)), seen);
    v128.store(scores + at, p);
    v128.store(dp + at, v128.and(f32x4.mul(p, f32x4.sub(v128.load(dp + at), d)), seen));
    index = i32x4.add(index, four);
  }
}

/**
 * `dq += scale · dS · K`. `keys`, `values` as the forward pass filled them, but `vKeys` holds values laid out as keys and
 * `kValues` keys laid out as values. Units, `scratch` and slots as in `attention_f32`.
 */
export function attention_dq_f32(
  dq: usize, g: usize, q: usize, keys: usize, vKeys: usize, kValues: usize, bias: usize, lse: usize, delta: usize,
  scratch: usize, time: i32, heads: i32, kvHeads: i32, headDim: i32, window: i32, biasLength: i32, scale: f32,
  threshold: u32, keep: f32, seed: i32, slotBytes: i32, slotUnits: i32, begin: i32, end: i32,
): void {
  const group = heads / kvHeads, tiles = (time * group + ROWS - 1) / ROWS, panel = <usize>headDim * PANEL_STEP;
  const width = (headDim + PANEL - 1) & ~(PANEL - 1), oRow = floats(width), row = floats(headDim);
  const qs = scratch + <usize>(begin / slotUnits) * <usize>slotBytes, gs = qs + ROWS * row;
  const scores = gs + ROWS * row, dp = scores + floats(ROWS * KEY_BLOCK), o = dp + floats(ROWS * KEY_BLOCK);
  for (let unit = begin; unit < end; unit++) {
    const head = unit / tiles, kvHead = head % kvHeads, batch = head / kvHeads;
    const first = unit % tiles * ROWS, rows = min(ROWS, time * group - first);
    for (let i = 0; i < rows; i++) {
      const at = rowBytes(batch, first + i, time, heads, kvHead, group) * headDim;
      scale_f32(qs + i * row, q + at, scale, 0, headDim);
      scale_f32(gs + i * row, g + at, 1, 0, headDim);
    }
    memory.fill(o, 0, rows * oRow);
    const from = first / group, until = (first + rows - 1) / group + 1;
    const keyHead = <usize>head * keyHeadBytes(time, headDim), valueHead = <usize>head * valueHeadBytes(time, headDim);
    for (let block = window ? max(0, from - window + 1) & ~(KEY_BLOCK - 1) : 0; block < until; block += KEY_BLOCK) {
      const count = min(KEY_BLOCK, until - block), columns = (count + PANEL - 1) & ~(PANEL - 1);
      const at = keyHead + <usize>(block >>> 3) * panel;
      band(scores, floats(KEY_BLOCK), 0, 0, qs, row, keys + at, panel, headDim, rows, columns);
      band(dp, floats(KEY_BLOCK), 0, 0, gs, row, vKeys + at, panel, headDim, rows, columns);
      for (let i = 0; i < rows; i++) {
        const r = first + i, t = r / group, h = kvHead * group + r % group, s = scores + floats(i * KEY_BLOCK);
        const hi = min(count, t - block + 1), lo = window ? max(0, t - window + 1 - block) : 0;
        const n = floats((batch * heads + h) * time + t);
        if (bias) addBias(s, bias + floats(h * biasLength), t, block, lo, hi);
        const d = dp + floats(i * KEY_BLOCK);
        if (threshold) {
          dropRow(d, columns, ((batch * heads + h) * time + t) * time + block, 1, threshold, keep, seed);
        }
        slopes(s, d, columns, lo, hi, lse + n, delta + n, 0);
      }
      band(o, oRow, o, oRow, dp, floats(KEY_BLOCK), kValues + valueHead + valueBlock(block, headDim), VALUE_PANEL,
        count, rows, width);
    }
    for (let i = 0; i < rows; i++) {
      const at = rowBytes(batch, first + i, time, heads, kvHead, group) * headDim;
      add_scaled_f32(dq + at, o + i * oRow, scale, 0, headDim);
    }
  }
}

/**
 * `dk += scale · dSᵀ · Q` and `dv += Pᵀ · G`, summed over the heads that share a key head. `k`, `v`, `dk`, `dv` `[batch,
 * time, kvHeads, headDim]`; queries and G appended by heads as keys and as values. Owns units of batch · kvHeads ·
 * ⌈time / 4⌉; slots as in `attention_f32`.
 */
export function attention_dkv_f32(
  dk: usize, dv: usize, k: usize, v: usize, qKeys: usize, qValues: usize, gKeys: usize, gValues: usize, bias: usize,
  lse: usize, delta: usize, scratch: usize, time: i32, heads: i32, kvHeads: i32, headDim: i32, window: i32,
  biasLength: i32, scale: f32, threshold: u32, keep: f32, seed: i32, slotBytes: i32, slotUnits: i32, begin: i32,
  end: i32,
): void {
  const group = heads / kvHeads, tiles = (time + ROWS - 1) / ROWS, panel = <usize>headDim * PANEL_STEP;
  const width = (headDim + PANEL - 1) & ~(PANEL - 1), oRow = floats(width), row = floats(headDim);
  const ks = scratch + <usize>(begin / slotUnits) * <usize>slotBytes, vs = ks + ROWS * row;
  const scores = vs + ROWS * row, dp = scores + floats(ROWS * KEY_BLOCK), ok = dp + floats(ROWS * KEY_BLOCK);
  const ov = ok + ROWS * oRow;
  for (let unit = begin; unit < end; unit++) {
    const kvHead = unit / tiles % kvHeads, batch = unit / (tiles * kvHeads);
    const first = unit % tiles * ROWS, rows = min(ROWS, time - first);
    const from = floats((<usize>(batch * time + first) * kvHeads + kvHead) * headDim), stride = kvHeads * row;
    for (let i = 0; i < rows; i++) {
      scale_f32(ks + i * row, k + from + i * stride, scale, 0, headDim);
      scale_f32(vs + i * row, v + from + i * stride, 1, 0, headDim);
    }
    memory.fill(ok, 0, 2 * ROWS * oRow);
    const until = window ? min(time, first + rows - 1 + window) : time;
    for (let h = kvHead * group; h < (kvHead + 1) * group; h++) {
      const head = batch * heads + h;
      const keyHead = <usize>head * keyHeadBytes(time, headDim), valueHead = <usize>head * valueHeadBytes(time, headDim);
      // Queries before the first key see none: from its panel on, then in whole blocks.
      for (let block = first & ~(PANEL - 1), next = 0; block < until; block = next) {
        next = (block + KEY_BLOCK) & ~(KEY_BLOCK - 1);
        const count = min(next, until) - block, columns = (count + PANEL - 1) & ~(PANEL - 1);
        const at = keyHead + <usize>(block >>> 3) * panel;
        band(scores, floats(KEY_BLOCK), 0, 0, ks, row, qKeys + at, panel, headDim, rows, columns);
        band(dp, floats(KEY_BLOCK), 0, 0, vs, row, gKeys + at, panel, headDim, rows, columns);
        for (let i = 0; i < rows; i++) {
          const key = first + i, s = scores + floats(i * KEY_BLOCK), n = floats(head * time + block);
          const lo = max(0, key - block), hi = window ? min(count, key + window - block) : count;
          if (bias) {
            for (let j = lo; j < hi; j++) {
              const b = load<f32>(bias + floats(h * biasLength + block + j - key));
              store<f32>(s + floats(j), load<f32>(s + floats(j)) + b);
            }
          }
          const d = dp + floats(i * KEY_BLOCK), word = (head * time + block) * time + key;
          if (threshold) dropRow(d, count, word, time, threshold, keep, seed);
          slopes(s, d, count, lo, hi, lse + n, delta + n, 4);
          if (threshold) dropRow(s, count, word, time, threshold, keep, seed);
        }
        const values = valueHead + valueBlock(block, headDim) + <usize>(block & (KEY_BLOCK - 1)) * PANEL_STEP;
        band(ov, oRow, ov, oRow, scores, floats(KEY_BLOCK), gValues + values, VALUE_PANEL, count, rows, width);
        band(ok, oRow, ok, oRow, dp, floats(KEY_BLOCK), qValues + values, VALUE_PANEL, count, rows, width);
      }
    }
    for (let i = 0; i < rows; i++) {
      if (dk) add_scaled_f32(dk + from + i * stride, ok + i * oRow, scale, 0, headDim);
      if (dv) add_scaled_f32(dv + from + i * stride, ov + i * oRow, 1, 0, headDim);
    }
  }
}

/**
 * `dbias[h, distance] += Σ dS`: for right, not for speed. Owns heads `begin … end`; `scratch` has room for `slotBytes` for
 * each head.
 */
export function attention_dbias_f32(
  dbias: usize, g: usize, q: usize, keys: usize, vKeys: usize, bias: usize, lse: usize, delta: usize, scratch: usize,
  batch: i32, time: i32, heads: i32, kvHeads: i32, headDim: i32, window: i32, biasLength: i32, scale: f32,
  threshold: u32, keep: f32, seed: i32, slotBytes: i32, begin: i32, end: i32,
): void {
  const group = heads / kvHeads, panel = <usize>headDim * PANEL_STEP;
  const qs = scratch + <usize>begin * <usize>slotBytes, scores = qs + floats(headDim), dp = scores + floats(KEY_BLOCK);
  for (let h = begin; h < end; h++) {
    const to = dbias + floats(h * biasLength);
    for (let n = 0; n < batch; n++) {
      const keyHead = <usize>(n * kvHeads + h / group) * keyHeadBytes(time, headDim);
      for (let t = 0; t < time; t++) {
        const at = floats((<usize>(n * time + t) * heads + h) * headDim), s = floats((n * heads + h) * time + t);
        scale_f32(qs, q + at, scale, 0, headDim);
        for (let block = 0; block <= t; block += KEY_BLOCK) {
          const count = min(KEY_BLOCK, t + 1 - block), columns = (count + PANEL - 1) & ~(PANEL - 1);
          const from = keyHead + <usize>(block >>> 3) * panel, lo = window ? max(0, t - window + 1 - block) : 0;
          band(scores, 0, 0, 0, qs, 0, keys + from, panel, headDim, 1, columns);
          band(dp, 0, 0, 0, g + at, 0, vKeys + from, panel, headDim, 1, columns);
          if (bias) addBias(scores, bias + floats(h * biasLength), t, block, lo, count);
          if (threshold) dropRow(dp, columns, ((n * heads + h) * time + t) * time + block, 1, threshold, keep, seed);
          slopes(scores, dp, columns, lo, count, lse + s, delta + s, 0);
          for (let j = lo; j < count; j++) {
            const b = to + floats(t - block - j);
            store<f32>(b, load<f32>(b) + load<f32>(dp + floats(j)));
          }
        }
      }
    }
  }
}
