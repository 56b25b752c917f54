// Norms. All own rows `begin … end` of `x [rows, dim]`; `weight` and `bias` are 0 where absent.

import { floats, loadUpTo4, madd, storeUpTo4, sum4 } from "./simd";

/** `y = weight · x / √(mean(x²) + eps)`. */
export function rms_norm_f32(out: usize, x: usize, weight: usize, dim: i32, eps: f32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(dim), yr = out + <usize>r * floats(dim);
    // Four chains: one alone would wait for itself.
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, i = 0;
    for (; i <= dim - 16; i += 16) {
      const at = xr + floats(i), a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48);
      s0 = madd(a, a, s0), s1 = madd(b, b, s1), s2 = madd(c, c, s2), s3 = madd(d, d, s3);
    }
    for (; i < dim; i += 4) {
      const v = loadUpTo4(xr + floats(i), dim - i);
      s0 = madd(v, v, s0);
    }
    const squares = sum4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
    const s = f32x4.splat(<f32>1.0 / sqrt<f32>(squares / <f32>dim + eps));
    for (i = 0; i < dim; i += 4) {
      let y = f32x4.mul(loadUpTo4(xr + floats(i), dim - i), s);
      if (weight) y = f32x4.mul(y, loadUpTo4(weight + floats(i), dim - i));
      storeUpTo4(yr + floats(i), y, dim - i);
    }
  }
}

/**
 * `y = weight · (x − mean) / √(var + eps) + bias`, `var` biased. The mean is taken twice: a first estimate `m`, then the
 * mean of `x − m`, which is exact enough where |mean| is far above the deviation.
 */
export function layer_norm_f32(
  out: usize, x: usize, weight: usize, bias: usize, dim: i32, eps: f32, begin: i32, end: i32,
): void {
  const n = <f32>dim;
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(dim), yr = out + <usize>r * floats(dim);
    let s0 = f32x4.splat(0), s1 = s0, i = 0;
    for (; i <= dim - 8; i += 8) {
      s0 = f32x4.add(s0, v128.load(xr + floats(i))), s1 = f32x4.add(s1, v128.load(xr + floats(i), 16));
    }
    for (; i < dim; i += 4) s0 = f32x4.add(s0, loadUpTo4(xr + floats(i), dim - i));
    const m = f32x4.splat(sum4(f32x4.add(s0, s1)) / n);
    let rest0 = f32x4.splat(0), rest1 = rest0, squares0 = rest0, squares1 = rest0;
    for (i = 0; i <= dim - 8; i += 8) {
      const d0 = f32x4.sub(v128.load(xr + floats(i)), m), d1 = f32x4.sub(v128.load(xr + floats(i), 16), m);
      rest0 = f32x4.add(rest0, d0), rest1 = f32x4.add(rest1, d1);
      squares0 = madd(d0, d0, squares0), squares1 = madd(d1, d1, squares1);
    }
    let restSum = sum4(f32x4.add(rest0, rest1)), squareSum = sum4(f32x4.add(squares0, squares1));
    for (; i < dim; i++) {
      const d = load<f32>(xr + floats(i)) - f32x4.extract_lane(m, 0);
      restSum += d;
      squareSum += d * d;
    }
    const correction = restSum / n, variance = max<f32>(squareSum / n - correction * correction, 0);
    const s = f32x4.splat(<f32>1.0 / sqrt<f32>(variance + eps)), c = f32x4.splat(correction);
    for (i = 0; i < dim; i += 4) {
      let y = f32x4.mul(f32x4.sub(f32x4.sub(loadUpTo4(xr + floats(i), dim - i), m), c), s);
      if (weight) y = f32x4.mul(y, loadUpTo4(weight + floats(i), dim - i));
      if (bias) y = f32x4.add(y, loadUpTo4(bias + floats(i), dim - i));
      storeUpTo4(yr + floats(i), y, dim - i);
    }
  }
}
