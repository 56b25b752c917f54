// Kernels whose output element depends on the input elements at the same place. All own elements `begin … end`.
// Row ends go through the same four-lane arithmetic as the rest, so that any split gives the same bytes.

import { erf4, exp4, sigmoid4, sine, tanh4 } from "./math";
import { floats, loadUpTo4, madd, storeUpTo4 } from "./simd";

// @ts-ignore: decorator
@inline
function relu4(x: v128): v128 {
  // max would turn NaN into 0 on some machines; pmax keeps its first operand unless the second is larger.
  return f32x4.pmax(x, f32x4.splat(0));
}

// @ts-ignore: decorator
@inline
function gelu4(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5));
  return madd(half, erf4(f32x4.mul(x, f32x4.splat(0.7071067811865476))), half);
}

// @ts-ignore: decorator
@inline
function geluTanh4(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5)), cube = f32x4.mul(f32x4.mul(x, x), x);
  const inner = f32x4.mul(madd(cube, f32x4.splat(0.044715), x), f32x4.splat(0.7978845608028654));
  return madd(half, tanh4(inner), half);
}

// @ts-ignore: decorator
@inline
function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x));
}

/** `out = x + y`; `y` has `period` elements and is repeated. */
export function add_f32(out: usize, x: usize, y: usize, period: i32, begin: i32, end: i32): void {
  for (let i = begin; i < end;) {
    const j = i % period, stop = min(end, i + period - j);
    let yp = y + floats(j);
    for (; i <= stop - 4; i += 4, yp += 16) v128.store(out + floats(i), f32x4.add(v128.load(x + floats(i)), v128.load(yp)));
    for (; i < stop; i++, yp += 4) store<f32>(out + floats(i), load<f32>(x + floats(i)) + load<f32>(yp));
  }
}

/** `out = x · y`; `y` has `period` elements and is repeated. */
export function mul_f32(out: usize, x: usize, y: usize, period: i32, begin: i32, end: i32): void {
  for (let i = begin; i < end;) {
    const j = i % period, stop = min(end, i + period - j);
    let yp = y + floats(j);
    for (; i <= stop - 4; i += 4, yp += 16) v128.store(out + floats(i), f32x4.mul(v128.load(x + floats(i)), v128.load(yp)));
    for (; i < stop; i++, yp += 4) store<f32>(out + floats(i), load<f32>(x + floats(i)) * load<f32>(yp));
  }
}

/** `out = factor · x`. */
export function scale_f32(out: usize, x: usize, factor: f32, begin: i32, end: i32): void {
  const f = f32x4.splat(factor);
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), f32x4.mul(loadUpTo4(x + floats(i), end - i), f), end - i);
  }
}

/** `out = max(x, 0)`. */
export function relu_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), relu4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = max(x, 0)²`. */
export function relu_squared_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    const r = relu4(loadUpTo4(x + floats(i), end - i));
    storeUpTo4(out + floats(i), f32x4.mul(r, r), end - i);
  }
}

/** `out = x Φ(x) = x/2 · (1 + erf(x / √2))`. */
export function gelu_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), gelu4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`. */
export function gelu_tanh_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), geluTanh4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = x / (1 + e⁻ˣ)`. */
export function silu_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), silu4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = 1 / (1 + e⁻ˣ)`. */
export function sigmoid_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), sigmoid4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = tanh x`. */
export function tanh_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), tanh4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = erf x`. */
export function erf_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), erf4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = eˣ`. */
export function exp_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    storeUpTo4(out + floats(i), exp4(loadUpTo4(x + floats(i), end - i)), end - i);
  }
}

/** `out = sin x`. */
export function sin_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) store<f32>(out + floats(i), <f32>sine(<f64>load<f32>(x + floats(i)), 0));
}

/** `out = cos x`. */
export function cos_f32(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) store<f32>(out + floats(i), <f32>sine(<f64>load<f32>(x + floats(i)), 1));
}

/** `out = max(gate, 0) · up`. */
export function reglu_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    const g = relu4(loadUpTo4(gate + floats(i), end - i));
    storeUpTo4(out + floats(i), f32x4.mul(g, loadUpTo4(up + floats(i), end - i)), end - i);
  }
}

/** `out = gelu(gate) · up`. */
export function geglu_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    const g = gelu4(loadUpTo4(gate + floats(i), end - i));
    storeUpTo4(out + floats(i), f32x4.mul(g, loadUpTo4(up + floats(i), end - i)), end - i);
  }
}

/** `out = gelu_tanh(gate) · up`. */
export function geglu_tanh_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    const g = geluTanh4(loadUpTo4(gate + floats(i), end - i));
    storeUpTo4(out + floats(i), f32x4.mul(g, loadUpTo4(up + floats(i), end - i)), end - i);
  }
}

/** `out = silu(gate) · up`. */
export function swiglu_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i += 4) {
    const g = silu4(loadUpTo4(gate + floats(i), end - i));
    storeUpTo4(out + floats(i), f32x4.mul(g, loadUpTo4(up + floats(i), end - i)), end - i);
  }
}

/** f32 from IEEE half precision, `x` an array of 16-bit words. */
export function widen_f16(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    const h = <u32>load<u16>(x + (<usize>i << 1)), magnitude = h & 0x7fff;
    // Shifting the magnitude into f32's fields leaves the exponent 112 too small: a product corrects it, subnormals too.
    let bits = reinterpret<u32>(reinterpret<f32>(magnitude << 13) * reinterpret<f32>(<u32>0x77800000));
    if (magnitude >= 0x7c00) bits = 0x7f800000 | (magnitude << 13);
    store<u32>(out + floats(i), bits | ((h & 0x8000) << 16));
  }
}

/** f32 from bfloat16, `x` an array of 16-bit words. */
export function widen_bf16(out: usize, x: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) store<u32>(out + floats(i), <u32>load<u16>(x + (<usize>i << 1)) << 16);
}
