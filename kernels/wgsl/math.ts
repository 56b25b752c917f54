/**
 * Elementary functions in f32, for shaders that use `math`. WGSL's own may be wrong by 2⁻¹¹ (sin, cos) or overflow (tanh).
 * The polynomials are those of kernels/assembly/math.ts; tests/webgpu_math_test.ts holds their errors.
 *
 * Compilers may do with floats what they like: Mesa makes one product of `n a + n b`, which undoes a reduction in two
 * parts, and calls `x != x` false. So `min` or `max` with a number that is never reached stands between such steps, NaN
 * is known by its bits, and nothing relies on `fma` being fused.
 */
export const math = `
const EXP_LOW = -86.98;
const EXP_HIGH = 88.72283;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// eˣ: 0 below EXP_LOW, infinite above EXP_HIGH. With n = round(x / ln 2), r = x − n ln 2: 2ⁿ (1 + r + r² q(r)).
fn exp_of(x: f32) -> f32 {
  let within = clamp(x, EXP_LOW, EXP_HIGH);
  let n = round(within * 1.44269504);
  // ln 2 in two parts; the first has 9 significant bits, so that its product with n is exact.
  let r = fma(n, 2.12194440e-4, min(fma(n, -0.693359375, within), 1.0));
  var q = 0.0013814487028867006;
  q = fma(q, r, 0.008368780836462975);
  q = fma(q, r, 0.04166839271783829);
  q = fma(q, r, 0.1666651964187622);
  q = fma(q, r, 0.4999999403953552);
  let e = fma(r * r, q, r) + 1.0;
  var y = bitcast<f32>(bitcast<i32>(e) + (i32(n) << 23u)); // n more in the exponent
  if (x < EXP_LOW) { y = 0.0; }
  if (x > EXP_HIGH) { y = x * 3.4e38; }
  if (is_nan(x)) { y = x; }
  return y;
}

fn sigmoid_of(x: f32) -> f32 {
  let e = exp_of(-abs(x)); // at most 1: nothing overflows
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// Odd polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above.
fn tanh_of(x: f32) -> f32 {
  let a = abs(x);
  if (a >= 0.625) {
    let large = 1.0 - 2.0 / (exp_of(min(a + a, 80.0)) + 1.0);
    return select(large, -large, x < 0.0);
  }
  let z = x * x;
  var p = -0.0056812819093465805;
  p = fma(p, z, 0.0206186231225729);
  p = fma(p, z, -0.053733695298433304);
  p = fma(p, z, 0.13331373035907745);
  p = fma(p, z, -0.3333328068256378);
  return fma(p * z, x, x);
}

// Odd polynomial up to 1, 1 − e^(−x²) p(1 / (1 + x/2)) above.
fn erf_of(x: f32) -> f32 {
  let a = abs(x); let z = x * x;
  if (a > 1.0) {
    let t = 1.0 / fma(a, 0.5, 1.0);
    var c = -0.01105104386806488;
    c = fma(c, t, -0.19237591326236725);
    c = fma(c, t, 0.5811802744865417);
    c = fma(c, t, -0.021844834089279175);
    c = fma(c, t, 0.3784564137458801);
    c = fma(c, t, 0.26389822363853455);
    c = fma(c, t, 0.001423720270395279);
    let large = select(1.0 - c * exp_of(-z), 1.0, a > 4.0);
    return select(large, -large, x < 0.0);
  }
  var p = 7.853867282392457e-5;
  p = fma(p, z, -0.0008010195451788604);
  p = fma(p, z, 0.005188327748328447);
  p = fma(p, z, -0.026853812858462334);
  p = fma(p, z, 0.1128358542919159);
  p = fma(p, z, -0.3761262595653534);
  p = fma(p, z, 1.1283791065216064);
  return p * x;
}

// sin(x + quarter π/2). π/2 comes off in parts of 8 bits: their products with up to 16 bits of n are exact.
fn sine_of(x: f32, quarter: i32) -> f32 {
  let n = round(x * 0.6366197723675814);
  var r = min(fma(n, -1.5703125, x), 1e30);
  r = min(fma(n, -4.825592041015625e-4, r), 1e30);
  r = min(fma(n, -1.2665987014770508e-6, r), 1e30);
  r = fma(n, -9.920935796785e-10, r);
  let turn = i32(n) + quarter; let z = r * r;
  var y = 0.0;
  if ((turn & 1) == 0) {
    y = fma(z, fma(z, fma(z, 2.7557319e-6, -1.9841270e-4), 8.3333333e-3), -0.16666667);
    y = fma(r * z, y, r);
  } else {
    y = fma(z, fma(z, fma(z, -2.7557319e-7, 2.4801587e-5), -1.3888889e-3), 4.1666667e-2);
    y = fma(z * z, y, fma(z, -0.5, 1.0));
  }
  if (is_nan(x)) { y = x; }
  return select(y, -y, (turn & 2) != 0);
}

fn sin_of(x: f32) -> f32 { return sine_of(x, 0); }

fn cos_of(x: f32) -> f32 { return sine_of(x, 1); }

// The standard normal distribution beyond a, for 0 ≤ a ≤ 100; e is e^(−a²/2): e · p(1 / (1 + 0.28 a)).
fn normal_tail(a: f32, e: f32) -> f32 {
  let t = 1.0 / fma(a, 0.28, 1.0);
  var p = 0.04023304209113121;
  p = fma(p, t, -0.22112712264060974);
  p = fma(p, t, 0.41038164496421814);
  p = fma(p, t, -0.2734138071537018);
  p = fma(p, t, 0.26984232664108276);
  p = fma(p, t, 0.038202300667762756);
  p = fma(p, t, 0.1258324235677719);
  p = fma(p, t, 0.10995542258024216);
  p = fma(p, t, 9.374747605761513e-5);
  return e * p;
}

fn relu_of(x: f32) -> f32 { return select(x, 0.0, x < 0.0); } // NaN stays

// x Φ(x) = max(x, 0) − |x| (1 − Φ(|x|)). Beyond 100 the tail is 0, and ∞ · 0 would be NaN.
fn gelu_of(x: f32) -> f32 {
  let a = min(abs(x), 100.0);
  return relu_of(x) - a * normal_tail(a, exp_of(-0.5 * a * a));
}

fn gelu_slope(x: f32) -> f32 {
  let within = clamp(x, -100.0, 100.0); let a = abs(within);
  let e = exp_of(-0.5 * a * a); let tail = normal_tail(a, e);
  return fma(within * 0.3989422804, e, select(tail, 1.0 - tail, x > 0.0));
}

// x/2 (1 + tanh u) = x · sigmoid(2 u), without the cancellation below 0.
fn gelu_tanh_of(x: f32) -> f32 {
  return x * sigmoid_of(1.5957691216 * fma(0.044715 * x * x, x, x));
}

fn gelu_tanh_slope(x: f32) -> f32 {
  let within = clamp(x, -100.0, 100.0); let square = within * within; // beyond, it is 0 or 1
  let s = sigmoid_of(1.5957691216 * fma(0.044715 * square, within, within));
  return s * fma(within * (1.0 - s), 1.5957691216 * fma(0.134145, square, 1.0), 1.0);
}

fn silu_of(x: f32) -> f32 { return x * sigmoid_of(x); }

fn silu_slope(x: f32) -> f32 {
  let s = sigmoid_of(x);
  return s * fma(x, 1.0 - s, 1.0);
}
`;
