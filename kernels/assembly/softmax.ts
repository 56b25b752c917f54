// Softmax over rows, and log-probabilities of chosen tokens. Both own rows `begin … end` of `x [rows, n]`.

import { expBelow4, logarithm } from "./math";
import { floats, loadUpTo4, loadUpTo4Or, max4, storeUpTo4, sum4 } from "./simd";

/**
 * The largest of `n` floats that are numbers, −∞ for none. NaN is passed over (`max`, which keeps it, is seven instructions
 * in V8, `pmax` one): whoever takes the exponential of what it came from meets it there.
 */
export function rowMax(x: usize, n: i32): f32 {
  let a = f32x4.splat(f32.NEGATIVE_INFINITY), b = a, c = a, d = a, i = 0;
  for (; i <= n - 16; i += 16) {
    const at = x + floats(i);
    a = f32x4.pmax(a, v128.load(at)), b = f32x4.pmax(b, v128.load(at, 16));
    c = f32x4.pmax(c, v128.load(at, 32)), d = f32x4.pmax(d, v128.load(at, 48));
  }
  a = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
  for (; i < n; i += 4) a = f32x4.pmax(a, loadUpTo4Or(x + floats(i), n - i, f32.NEGATIVE_INFINITY));
  return max4(a);
}

/** `out = e^(x − top)`; returns the sum. `out` may be `x`. */
export function expRow(out: usize, x: usize, n: i32, top: f32): f32 {
  const t = f32x4.splat(top);
  let sums = f32x4.splat(0), i = 0;
  for (; i <= n - 16; i += 16) {
    const from = x + floats(i), to = out + floats(i);
    const e0 = expBelow4(f32x4.sub(v128.load(from), t)), e1 = expBelow4(f32x4.sub(v128.load(from, 16), t));
    const e2 = expBelow4(f32x4.sub(v128.load(from, 32), t)), e3 = expBelow4(f32x4.sub(v128.load(from, 48), t));
    v128.store(to, e0), v128.store(to, e1, 16), v128.store(to, e2, 32), v128.store(to, e3, 48);
    sums = f32x4.add(f32x4.add(f32x4.add(f32x4.add(sums, e0), e1), e2), e3);
  }
  for (; i < n; i += 4) {
    // Lanes beyond the row hold −∞, whose exponential adds an exact zero.
    const e = expBelow4(f32x4.sub(loadUpTo4Or(x + floats(i), n - i, f32.NEGATIVE_INFINITY), t));
    storeUpTo4(out + floats(i), e, n - i);
    sums = f32x4.add(sums, e);
  }
  return sum4(sums);
}

/** `out = e^(x − max x) / Σ`. */
export function softmax_f32(out: usize, x: usize, n: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(n), yr = out + <usize>r * floats(n);
    const scale = f32x4.splat(<f32>1.0 / expRow(yr, xr, n, rowMax(xr, n)));
    for (let i = 0; i < n; i += 4) {
      storeUpTo4(yr + floats(i), f32x4.mul(loadUpTo4(yr + floats(i), n - i), scale), n - i);
    }
  }
}

/** Softmax over the `count` largest of each row, the first of equals; 0 for the others. `count` is at most `n`. */
export function top_softmax_f32(out: usize, x: usize, n: i32, count: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(n), yr = out + <usize>r * floats(n);
    for (let i = 0; i < n; i++) store<f32>(yr + floats(i), f32.NEGATIVE_INFINITY);
    for (let k = 0; k < count; k++) {
      let best = -1, top: f32 = f32.NEGATIVE_INFINITY;
      for (let i = 0; i < n; i++) {
        const v = load<f32>(xr + floats(i));
        if (v > top && load<f32>(yr + floats(i)) == f32.NEGATIVE_INFINITY) best = i, top = v;
      }
      if (best >= 0) store<f32>(yr + floats(best), top);
    }
    const scale = f32x4.splat(<f32>1.0 / expRow(yr, yr, n, rowMax(yr, n)));
    for (let i = 0; i < n; i += 4) {
      storeUpTo4(yr + floats(i), f32x4.mul(loadUpTo4(yr + floats(i), n - i), scale), n - i);
    }
  }
}

/** `out[r] = x[r, targets[r]] − max − ln Σ e^(x − max)`: the log-probability of one token a row. */
export function log_softmax_at_f32(out: usize, x: usize, targets: usize, n: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(n), top = rowMax(xr, n), t = f32x4.splat(top);
    let sum = 0.0;
    // f64 between vectors: a vocabulary of 10⁵ would cost an f32 sum three digits.
    for (let i = 0; i < n; i += 4) {
      sum += <f64>sum4(expBelow4(f32x4.sub(loadUpTo4Or(xr + floats(i), n - i, f32.NEGATIVE_INFINITY), t)));
    }
    const x0 = load<f32>(xr + floats(load<i32>(targets + floats(r))));
    store<f32>(out + floats(r), <f32>(<f64>x0 - <f64>top - logarithm(sum)));
  }
}
