// Gradients of attention.ts: probabilities are computed again from the scores and `lse`, block by block, and never stored.
// Dao et al. 2022, https://arxiv.org/abs/2205.14135, appendix B.2. With P the probabilities, G the gradient of the output:
//   dP = G Vᵀ,  delta = rowsum(G ∘ out),  dS = scale · P ∘ (dP − delta),  dQ = dS K,  dK = dSᵀ Q,  dV = Pᵀ G.
//
// With dropout, P̃ = P ∘ mask / (1 − rate) takes the place of P in dV, and dP is masked in the same way; delta stays as it
// is. A softcap multiplies dS by the slope of its tanh. A sink is a key whose value is 0, so its own dS is −p · delta. All
// sequences begin at position 0.

import { addBias, capRow, KEY_BLOCK, keyHeadBytes, keyPanel, ROWS } from "./attention";
import { scale_f32 } from "./elementwise";
import { transpose4To } from "./gemm";
import { expBelow4 } from "./math";
import { fill_f32 } from "./optimizers";
import { dropRow } from "./random";
import { floats, loadUpTo4, madd, sum4 } from "./simd";
import { band, PANEL, PANEL_STEP, tile_across } from "./tile";

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
 * Scores `s` of one query and `count` keys, once scaled, become probabilities, `dp` becomes `factor · P ∘ (dp − delta)`;
 * both are 0 outside `lo … hi`. Four vectors a turn, for the constants of the exponential; see `activate`.
 */
function slopes(
  s: usize, dp: usize, count: i32, scale: f32, lo: i32, hi: i32, lse: f32, delta: f32, factor: f32,
): void {
  const low = i32x4.splat(lo), high = i32x4.splat(hi), four = i32x4.splat(4);
  const k = f32x4.splat(scale), l = f32x4.splat(-lse), d = f32x4.splat(delta), f = f32x4.splat(factor);
  let i0 = v128(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0);
  for (let j = 0; j < count; j += 16, s += 64, dp += 64) {
    const i1 = i32x4.add(i0, four), i2 = i32x4.add(i1, four), i3 = i32x4.add(i2, four);
    const p0 = within(expBelow4(madd(v128.load(s), k, l)), i0, low, high);
    const p1 = within(expBelow4(madd(v128.load(s, 16), k, l)), i1, low, high);
    const p2 = within(expBelow4(madd(v128.load(s, 32), k, l)), i2, low, high);
    const p3 = within(expBelow4(madd(v128.load(s, 48), k, l)), i3, low, high);
    v128.store(s, p0), v128.store(s, p1, 16), v128.store(s, p2, 32), v128.store(s, p3, 48);
    v128.store(dp, within(f32x4.mul(f32x4.mul(p0, f), f32x4.sub(v128.load(dp), d)), i0, low, high));
    v128.store(dp, within(f32x4.mul(f32x4.mul(p1, f), f32x4.sub(v128.load(dp, 16), d)), i1, low, high), 16);
    v128.store(dp, within(f32x4.mul(f32x4.mul(p2, f), f32x4.sub(v128.load(dp, 32), d)), i2, low, high), 32);
    v128.store(dp, within(f32x4.mul(f32x4.mul(p3, f), f32x4.sub(v128.load(dp, 48), d)), i3, low, high), 48);
    i0 = i32x4.add(i3, four);
  }
}

/** Lanes of `v` whose index lies in `low … high`, else 0. */
// @ts-ignore: decorator
@inline
function within(v: v128, index: v128, low: v128, high: v128): v128 {
  return v128.and(v, v128.and(i32x4.ge_s(index, low), i32x4.lt_s(index, high)));
}

/** `d *= slope`, `columns` of each (a multiple of 4). */
function mulRow(d: usize, slope: usize, columns: i32): void {
  for (let j = 0; j < columns; j += 4) {
    const at = d + floats(j);
    v128.store(at, f32x4.mul(v128.load(at), v128.load(slope + floats(j))));
  }
}

/** Sets `columns` floats of each row to 0. */
function clear(to: usize, row: usize, rows: i32, columns: i32): void {
  for (; rows > 0; rows--, to += row) fill_f32(to, 0, 0, columns);
}

/**
 * `dq = dS · K`, `dk = dSᵀ · Q`, `dv = Pᵀ · G`, each unless its pointer is 0, and added to what is there if bit 0, 1, 2 of
 * `add` is set; the last two are summed over the heads that share a key head. `g`, `q`, `dq` `[batch, time, heads, headDim]`, `k`, `v`, `dk`, `dv` `[batch, time, kvHeads, headDim]`, `keys` as
 * the forward pass filled them. Owns units of batch · kvHeads; slots as in `attention_f32`.
 */
export function attention_dx_f32(
  dq: usize, dk: usize, dv: usize, g: usize, q: usize, k: usize, v: usize, keys: usize, bias: usize, lse: usize,
  delta: usize, scratch: usize, time: i32, heads: i32, kvHeads: i32, headDim: i32, window: i32, biasLength: i32,
  scale: f32, softcap: f32, threshold: u32, keep: f32, seed: i32, add: i32, slotBytes: i32, slotUnits: i32, begin: i32,
  end: i32,
): void {
  const group = heads / kvHeads, qRow = floats(heads * headDim), kRow = floats(kvHeads * headDim);
  const panel = <usize>headDim * PANEL_STEP, sRow = floats(KEY_BLOCK), dsStep = floats(ROWS);
  const p = scratch + <usize>(begin / slotUnits) * <usize>slotBytes, ds = p + <usize>KEY_BLOCK * sRow;
  const across = ds + <usize>KEY_BLOCK * sRow, vKeys = across + <usize>KEY_BLOCK * dsStep;
  const slope = vKeys + <usize>(KEY_BLOCK >>> 3) * panel;
  for (let unit = begin; unit < end; unit++) {
    const batch = unit / kvHeads, kvHead = unit % kvHeads, at = <usize>(batch * time) * kRow + floats(kvHead * headDim);
    if (dq && !(add & 1)) {
      clear(dq + <usize>(batch * time) * qRow + floats(kvHead * group * headDim), qRow, time, group * headDim);
    }
    if (dk && !(add & 2)) clear(dk + at, kRow, time, headDim);
    if (dv && !(add & 4)) clear(dv + at, kRow, time, headDim);
    for (let first = 0; first < time; first += KEY_BLOCK) {
      const count = min(KEY_BLOCK, time - first);
      const kAt = at + <usize>first * kRow;
      const kKeys = keys + <usize>unit * keyHeadBytes(time, headDim) + <usize>(first >>> 3) * panel;
      for (let i = 0; i < count; i += PANEL) {
        keyPanel(vKeys + <usize>(i >>> 3) * panel, v + kAt + <usize>i * kRow, kRow, 0, min(PANEL, count - i), headDim);
      }
      const until = window ? min(time, first + count - 1 + window) : time;
      for (let h = kvHead * group; h < (kvHead + 1) * group; h++) {
        // Queries before the first key see none.
        for (let q0 = first; q0 < until; q0 += KEY_BLOCK) {
          const queries = min(KEY_BLOCK, until - q0);
          const qAt = <usize>(batch * time + q0) * qRow + floats(h * headDim);
          for (let i = 0; i < queries; i += ROWS) {
            const rows = min(ROWS, queries - i), seen = min(count, q0 + i + rows - first);
            const s = p + <usize>i * sRow, d = ds + <usize>i * sRow, row = qAt + <usize>i * qRow;
            const columns = (seen + PANEL - 1) & ~(PANEL - 1);
            band(s, sRow, 0, 0, q + row, qRow, kKeys, panel, headDim, rows, columns);
            band(d, sRow, 0, 0, g + row, qRow, vKeys, panel, headDim, rows, columns);
            for (let r = 0; r < rows; r++) {
              const t = q0 + i + r, n = (batch * heads + h) * time + t, word = n * time + first;
              const sr = s + <usize>r * sRow, dr = d + <usize>r * sRow;
              const lo = window ? max(0, t - window + 1 - first) : 0, hi = min(count, t - first + 1);
              if (softcap) capRow(sr, slope, columns, scale, softcap);
              else if (bias) scale_f32(sr, sr, scale, 0, columns);
              if (bias) {
                addBias(sr, bias + floats(h * biasLength), t, first, lo, hi);
              }
              if (threshold) dropRow(dr, columns, word, threshold, keep, seed);
              slopes(sr, dr, seen, bias || softcap ? 1 : scale, lo, hi, load<f32>(lse + floats(n)),
                load<f32>(delta + floats(n)), scale);
              if (softcap) mulRow(dr, slope, columns);
              if (threshold) dropRow(sr, columns, word, threshold, keep, seed);
            }
            if (!dq) continue;
            for (let j = 0; j < seen; j += 4) transpose4To(across + <usize>j * dsStep, dsStep, d + floats(j), sRow);
            for (let c = 0; c < headDim; c += PANEL) {
              tile_across(dq + row + floats(c), qRow, across, dsStep, k + kAt + floats(c), kRow, seen, rows,
                min(PANEL, headDim - c), 1);
            }
          }
          for (let j = 0; j < count; j += ROWS) {
            const from = max(0, first + j - q0), depth = queries - from, rows = min(ROWS, count - j);
            const s = <usize>from * sRow + floats(j), to = kAt + <usize>j * kRow, qFrom = qAt + <usize>from * qRow;
            for (let c = 0; c < headDim; c += PANEL) {
              const columns = min(PANEL, headDim - c), b = qFrom + floats(c), o = to + floats(c);
              if (dv) tile_across(dv + o, kRow, p + s, sRow, g + b, qRow, depth, rows, columns, 1);
              if (dk) tile_across(dk + o, kRow, ds + s, sRow, q + b, qRow, depth, rows, columns, 1);
            }
          }
        }
      }
    }
  }
}

/**
 * `dbias[h, distance] += Σ P ∘ (dP − delta)`: for right, not for speed. Owns heads `begin … end`; `scratch` has room for `slotBytes` for
 * each head.
 */
export function attention_dbias_f32(
  dbias: usize, g: usize, q: usize, keys: usize, vKeys: usize, bias: usize, lse: usize, delta: usize, scratch: usize,
  batch: i32, time: i32, heads: i32, kvHeads: i32, headDim: i32, window: i32, biasLength: i32, scale: f32,
  softcap: f32, threshold: u32, keep: f32, seed: i32, slotBytes: i32, begin: i32, end: i32,
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
          if (softcap) capRow(scores, 0, columns, 1, softcap);
          if (bias) addBias(scores, bias + floats(h * biasLength), t, block, lo, count);
          if (threshold) dropRow(dp, columns, ((n * heads + h) * time + t) * time + block, threshold, keep, seed);
          slopes(scores, dp, count, 1, lo, count, load<f32>(lse + s), load<f32>(delta + s), 1);
          for (let j = lo; j < count; j++) {
            const b = to + floats(t - block - j);
            store<f32>(b, load<f32>(b) + load<f32>(dp + floats(j)));
          }
        }
      }
    }
  }
}

/** `dsinks[h] −= Σ e^(sinks[h] − lse) · delta` over rows. Owns heads `begin … end`. */
export function attention_dsinks_f32(
  dsinks: usize, sinks: usize, lse: usize, delta: usize, batch: i32, time: i32, heads: i32, begin: i32, end: i32,
): void {
  for (let h = begin; h < end; h++) {
    const sink = load<f32>(sinks + floats(h));
    let sum: f32 = load<f32>(dsinks + floats(h));
    for (let n = 0; n < batch; n++) {
      for (let t = 0; t < time; t++) {
        const r = floats((n * heads + h) * time + t);
        const p = f32x4.extract_lane(expBelow4(f32x4.splat(sink - load<f32>(lse + r))), 0);
        sum -= p * load<f32>(delta + r);
      }
    }
    store<f32>(dsinks + floats(h), sum);
  }
}
