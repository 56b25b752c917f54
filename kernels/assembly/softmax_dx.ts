// Gradients of softmax.ts, and the cross entropy with its own. All own rows `begin … end`; gradients add.

import { expBelow4, logarithm } from "./math";
import { floats, loadUpTo4, loadUpTo4Or, madd, storeUpTo4, sum4 } from "./simd";
import { rowMax } from "./softmax";

/** `dx += p · (g − Σ g p)` with `p` the softmax. */
export function softmax_dx_f32(dx: usize, g: usize, p: usize, n: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const row = <usize>r * floats(n);
    let sums = f32x4.splat(0);
    for (let i = 0; i < n; i += 4) {
      sums = madd(loadUpTo4(g + row + floats(i), n - i), loadUpTo4(p + row + floats(i), n - i), sums);
    }
    const sum = f32x4.splat(sum4(sums));
    for (let i = 0; i < n; i += 4) {
      const at = row + floats(i), left = n - i;
      const d = f32x4.sub(loadUpTo4(g + at, left), sum);
      storeUpTo4(dx + at, madd(d, loadUpTo4(p + at, left), loadUpTo4(dx + at, left)), left);
    }
  }
}

/** `ln Σ eˣ` of a row. */
function logSumExp(x: usize, n: i32): f64 {
  const top = rowMax(x, n), t = f32x4.splat(top);
  let sum = 0.0, i = 0;
  for (; i <= n - 16; i += 16) {
    const from = x + floats(i);
    const e0 = expBelow4(f32x4.sub(v128.load(from), t)), e1 = expBelow4(f32x4.sub(v128.load(from, 16), t));
    const e2 = expBelow4(f32x4.sub(v128.load(from, 32), t)), e3 = expBelow4(f32x4.sub(v128.load(from, 48), t));
    sum = sum + <f64>sum4(e0) + <f64>sum4(e1) + <f64>sum4(e2) + <f64>sum4(e3);
  }
  for (; i < n; i += 4) {
    sum += <f64>sum4(expBelow4(f32x4.sub(loadUpTo4Or(x + floats(i), n - i, f32.NEGATIVE_INFINITY), t)));
  }
  return <f64>top + logarithm(sum);
}

/** `dx += factor · softmax(x) + shift`, one row. */
function addSoftmax(dx: usize, x: usize, n: i32, lse: f64, factor: f32, shift: f32): void {
  const t = f32x4.splat(<f32>lse), f = f32x4.splat(factor), s = f32x4.splat(shift);
  let i = 0;
  for (; i <= n - 16; i += 16) {
    const from = x + floats(i), to = dx + floats(i);
    const p0 = expBelow4(f32x4.sub(v128.load(from), t)), p1 = expBelow4(f32x4.sub(v128.load(from, 16), t));
    const p2 = expBelow4(f32x4.sub(v128.load(from, 32), t)), p3 = expBelow4(f32x4.sub(v128.load(from, 48), t));
    v128.store(to, madd(p0, f, f32x4.add(s, v128.load(to)))), v128.store(to, madd(p1, f, f32x4.add(s, v128.load(to, 16))), 16);
    v128.store(to, madd(p2, f, f32x4.add(s, v128.load(to, 32))), 32);
    v128.store(to, madd(p3, f, f32x4.add(s, v128.load(to, 48))), 48);
  }
  for (; i < n; i += 4) {
    const at = floats(i), left = n - i, p = expBelow4(f32x4.sub(loadUpTo4(x + at, left), t));
    storeUpTo4(dx + at, madd(p, f, f32x4.add(s, loadUpTo4(dx + at, left))), left);
  }
}

/** `dx[r] += g[r] · (onehot(targets[r]) − softmax(x[r]))`. */
export function log_softmax_at_dx_f32(
  dx: usize, g: usize, x: usize, targets: usize, n: i32, begin: i32, end: i32,
): void {
  for (let r = begin; r < end; r++) {
    const row = <usize>r * floats(n), slope = load<f32>(g + floats(r));
    addSoftmax(dx + row, x + row, n, logSumExp(x + row, n), -slope, 0);
    const at = dx + row + floats(load<i32>(targets + floats(r)));
    store<f32>(at, load<f32>(at) + slope);
  }
}

/**
 * `out[r] = (1 − smoothing) · (lse − x[target]) + smoothing · (lse − mean x) + z · lse²`; 0 where the target is negative.
 */
export function cross_entropy_f32(
  out: usize, x: usize, targets: usize, n: i32, smoothing: f64, z: f64, begin: i32, end: i32,
): void {
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(n), target = load<i32>(targets + floats(r));
    let loss = 0.0;
    if (target >= 0) {
      const lse = logSumExp(xr, n);
      loss = (1 - smoothing) * (lse - <f64>load<f32>(xr + floats(target))) + z * lse * lse;
      if (smoothing > 0) {
        let sum = 0.0;
        for (let i = 0; i < n; i++) sum += <f64>load<f32>(xr + floats(i));
        loss += smoothing * (lse - sum / <f64>n);
      }
    }
    store<f32>(out + floats(r), <f32>loss);
  }
}

/** `dx[r] = g[r] · ((1 + 2 z lse) · softmax(x[r]) − (1 − smoothing) · onehot(target) − smoothing / n)`, or `+=` if `add`. */
export function cross_entropy_dx_f32(
  dx: usize, g: usize, x: usize, targets: usize, n: i32, smoothing: f64, z: f64, add: i32, begin: i32, end: i32,
): void {
  for (let r = begin; r < end; r++) {
    const row = <usize>r * floats(n), target = load<i32>(targets + floats(r)), slope = <f64>load<f32>(g + floats(r));
    if (!add) memory.fill(dx + row, 0, floats(n));
    if (target < 0) continue;
    const lse = logSumExp(x + row, n);
    addSoftmax(dx + row, x + row, n, lse, <f32>(slope * (1 + 2 * z * lse)), <f32>(-slope * smoothing / <f64>n));
    const at = dx + row + floats(target);
    store<f32>(at, load<f32>(at) - <f32>(slope * (1 - smoothing)));
  }
}
