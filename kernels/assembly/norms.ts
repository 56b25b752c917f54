// Norms. All own rows `begin … end` of `x [rows, dim]`; `weight` and `bias` are 0 where absent.

import { floats, loadUpTo4, madd, storeUpTo4, sum4 } from "./simd";

/** `y = weight · x / √(mean(x²) + eps)`. */
export function rms_norm_f32(out: usize, x: usize, weight: usize, dim: i32, eps: f32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const xr = x + <usize>r * floats(dim), yr = out + <usize>r * floats(dim);
    let squares = f32x4.splat(0);
    for (let i = 0; i < dim; i += 4) {
      const v = loadUpTo4(xr + floats(i), dim - i);
      squares = madd(v, v, squares);
    }
    const s = f32x4.splat(<f32>1.0 / sqrt<f32>(sum4(squares) / <f32>dim + eps));
    for (let i = 0; i < dim; i += 4) {
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
    let sums = f32x4.splat(0);
    for (let i = 0; i < dim; i += 4) sums = f32x4.add(sums, loadUpTo4(xr + floats(i), dim - i));
    const m = f32x4.splat(sum4(sums) / n);
    let rest = f32x4.splat(0), squares = rest, i = 0;
    for (; i <= dim - 4; i += 4) {
      const d = f32x4.sub(v128.load(xr + floats(i)), m);
      rest = f32x4.add(rest, d);
      squares = madd(d, d, squares);
    }
    let restSum = sum4(rest), squareSum = sum4(squares);
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
