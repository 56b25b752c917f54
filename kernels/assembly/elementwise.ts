// Kernels whose output element depends on the input elements at the same place. All own elements `begin … end`.
// Row ends go through the same four-lane arithmetic as the rest, so that any split gives the same bytes.

import { erf4, exp4, expBelow4, normalTail4, sigmoid4, sine, tanh4 } from "./math";
import { floats, loadUpTo4, madd, storeUpTo4 } from "./simd";

// @ts-ignore: decorator
@inline
function relu4(x: v128): v128 {
  // max would turn NaN into 0 on some machines; pmax keeps its first operand unless the second is larger.
  return f32x4.pmax(x, f32x4.splat(0));
}

// @ts-ignore: decorator
@inline
function reluSquared4(x: v128): v128 {
  const r = relu4(x);
  return f32x4.mul(r, r);
}

// @ts-ignore: decorator
@inline
function gelu4(x: v128): v128 {
  // x Φ(x) = max(x, 0) − |x| (1 − Φ(|x|)). Beyond 100 the tail is 0, and ∞ · 0 would be NaN.
  const a = f32x4.pmin(f32x4.abs(x), f32x4.splat(100.0));
  const e = expBelow4(f32x4.mul(f32x4.mul(a, a), f32x4.splat(-0.5)));
  return f32x4.sub(relu4(x), f32x4.mul(a, normalTail4(a, e)));
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

/** The functions by number; runtime/wasm_gradients.ts knows them, too. */
export const RELU: i32 = 0, RELU_SQUARED: i32 = 1, GELU: i32 = 2, GELU_TANH: i32 = 3, SILU: i32 = 4, SIGMOID: i32 = 5;
export const TANH: i32 = 6, ERF: i32 = 7, EXP: i32 = 8;

/** Function number `f` of one vector. */
export function activation4(f: i32, x: v128): v128 {
  if (f == RELU) return relu4(x);
  if (f == RELU_SQUARED) return reluSquared4(x);
  if (f == GELU) return gelu4(x);
  if (f == GELU_TANH) return geluTanh4(x);
  if (f == SILU) return silu4(x);
  if (f == SIGMOID) return sigmoid4(x);
  if (f == TANH) return tanh4(x);
  if (f == ERF) return erf4(x);
  return exp4(x);
}

/**
 * `out = f(x)`, times `up` if that is not 0. Four vectors a turn, all of one function: V8 makes each constant of a
 * polynomial anew in every turn (three instructions), and shares it only within. Functions that models hardly use are called
 * one vector at a time instead, which keeps the module small.
 */
function activate(f: i32, out: usize, x: usize, up: usize, begin: i32, end: i32): void {
  let i = begin, a: v128, b: v128, c: v128, d: v128;
  for (; i <= end - 16; i += 16) {
    const from = x + floats(i), to = out + floats(i);
    a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48);
    if (f == RELU) a = relu4(a), b = relu4(b), c = relu4(c), d = relu4(d);
    else if (f == SILU) a = silu4(a), b = silu4(b), c = silu4(c), d = silu4(d);
    else if (f == GELU) a = gelu4(a), b = gelu4(b), c = gelu4(c), d = gelu4(d);
    else if (f == GELU_TANH) a = geluTanh4(a), b = geluTanh4(b), c = geluTanh4(c), d = geluTanh4(d);
    else if (f == EXP) a = exp4(a), b = exp4(b), c = exp4(c), d = exp4(d);
    else a = activation4(f, a), b = activation4(f, b), c = activation4(f, c), d = activation4(f, d);
    if (up) {
      const u = up + floats(i);
      a = f32x4.mul(a, v128.load(u)), b = f32x4.mul(b, v128.load(u, 16));
      c = f32x4.mul(c, v128.load(u, 32)), d = f32x4.mul(d, v128.load(u, 48));
    }
    v128.store(to, a), v128.store(to, b, 16), v128.store(to, c, 32), v128.store(to, d, 48);
  }
  for (; i < end; i += 4) {
    a = activation4(f, loadUpTo4(x + floats(i), end - i));
    if (up) a = f32x4.mul(a, loadUpTo4(up + floats(i), end - i));
    storeUpTo4(out + floats(i), a, end - i);
  }
}

/** `out = max(x, 0)`. */
export function relu_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(RELU, out, x, 0, begin, end);
}

/** `out = max(x, 0)²`. */
export function relu_squared_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(RELU_SQUARED, out, x, 0, begin, end);
}

/** `out = x Φ(x)`, Φ the distribution function of the normal distribution. */
export function gelu_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(GELU, out, x, 0, begin, end);
}

/** `out = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`. */
export function gelu_tanh_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(GELU_TANH, out, x, 0, begin, end);
}

/** `out = x / (1 + e⁻ˣ)`. */
export function silu_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(SILU, out, x, 0, begin, end);
}

/** `out = 1 / (1 + e⁻ˣ)`. */
export function sigmoid_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(SIGMOID, out, x, 0, begin, end);
}

/** `out = tanh x`. */
export function tanh_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(TANH, out, x, 0, begin, end);
}

/** `out = erf x`. */
export function erf_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(ERF, out, x, 0, begin, end);
}

/** `out = eˣ`. */
export function exp_f32(out: usize, x: usize, begin: i32, end: i32): void {
  activate(EXP, out, x, 0, begin, end);
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
  activate(RELU, out, gate, up, begin, end);
}

/** `out = gelu(gate) · up`. */
export function geglu_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  activate(GELU, out, gate, up, begin, end);
}

/** `out = gelu_tanh(gate) · up`. */
export function geglu_tanh_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  activate(GELU_TANH, out, gate, up, begin, end);
}

/** `out = silu(gate) · up`. */
export function swiglu_f32(out: usize, gate: usize, up: usize, begin: i32, end: i32): void {
  activate(SILU, out, gate, up, begin, end);
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
