// Elementary functions. Polynomials were fitted by Remez exchange for this project; errors are the worst seen against
// f64 over the stated range by tests/math_test.ts. No tables: instances share one memory, so there is no static data.

import { madd } from "./simd";

/** Below this, results would leave the normal floats: `exp` is 0. Above the next, it is infinite. */
const EXP_LOW: f32 = -86.98;
const EXP_HIGH: f32 = 88.72283;

/** `eˣ` for EXP_LOW ≤ x ≤ EXP_HIGH. With n = round(x / ln 2), r = x − n ln 2: `eˣ = 2ⁿ (1 + r + r² q(r))`. */
// @ts-ignore: decorator
@inline
function expWithin4(x: v128): v128 {
  // Adding 1.5 · 2²³ rounds to an integer, and leaves it in the low bits.
  const shifted = madd(x, f32x4.splat(1.44269504), f32x4.splat(12582912.0));
  const n = f32x4.sub(shifted, f32x4.splat(12582912.0));
  // ln 2 in two parts; the first has 9 significant bits, so that its product with n is exact.
  const r = madd(n, f32x4.splat(2.12194440e-4), madd(n, f32x4.splat(-0.693359375), x));
  let q = f32x4.splat(0.0013814487028867006);
  q = madd(q, r, f32x4.splat(0.008368780836462975));
  q = madd(q, r, f32x4.splat(0.04166839271783829));
  q = madd(q, r, f32x4.splat(0.1666651964187622));
  q = madd(q, r, f32x4.splat(0.4999999403953552));
  const e = f32x4.add(madd(f32x4.mul(r, r), q, r), f32x4.splat(1.0));
  return i32x4.add(e, i32x4.shl(shifted, 23)); // n more in the exponent
}

/** `eˣ` for x ≤ EXP_HIGH, as softmax needs it: within 2 units in the last place down to −86.98, 0 below, NaN for NaN. */
// @ts-ignore: decorator
@inline
export function expBelow4(x: v128): v128 {
  const low = f32x4.splat(EXP_LOW);
  // pmax and pmin are one instruction where max and min are seven; x comes first so that NaN stays.
  return v128.andnot(expWithin4(f32x4.pmax(x, low)), f32x4.lt(x, low));
}

/** `eˣ` for any x: as above, and infinite from 88.72283. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const high = f32x4.splat(EXP_HIGH), e = expBelow4(f32x4.pmin(x, high));
  return v128.bitselect(f32x4.splat(f32.POSITIVE_INFINITY), e, f32x4.gt(x, high));
}

/** `1 / (1 + e⁻ˣ)`. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1.0);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
function withSignOf(magnitude: v128, sign: v128): v128 {
  return v128.or(magnitude, v128.and(sign, i32x4.splat(0x80000000)));
}

/** `tanh x` within 2 units in the last place: odd polynomial below 0.625, `1 − 2 / (e²ˣ + 1)` above. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x), z = f32x4.mul(x, x);
  let p = f32x4.splat(-0.0056812819093465805);
  p = madd(p, z, f32x4.splat(0.0206186231225729));
  p = madd(p, z, f32x4.splat(-0.053733695298433304));
  p = madd(p, z, f32x4.splat(0.13331373035907745));
  p = madd(p, z, f32x4.splat(-0.3333328068256378));
  const small = madd(f32x4.mul(p, z), x, x);
  const one = f32x4.splat(1.0);
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2.0), f32x4.add(expBelow4(f32x4.pmin(f32x4.add(a, a), f32x4.splat(80.0))), one)));
  return v128.bitselect(small, withSignOf(large, x), f32x4.lt(a, f32x4.splat(0.625)));
}

/** `erf x` within 3 units in the last place: odd polynomial up to 1, `1 − e^(−x²) p(1 / (1 + x/2))` above. */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const z = f32x4.mul(x, x);
  const e = expBelow4(f32x4.neg(z));
  let p = f32x4.splat(7.853867282392457e-5);
  p = madd(p, z, f32x4.splat(-0.0008010195451788604));
  p = madd(p, z, f32x4.splat(0.005188327748328447));
  p = madd(p, z, f32x4.splat(-0.026853812858462334));
  p = madd(p, z, f32x4.splat(0.1128358542919159));
  p = madd(p, z, f32x4.splat(-0.3761262595653534));
  p = madd(p, z, f32x4.splat(1.1283791065216064));
  const a = f32x4.abs(x), one = f32x4.splat(1.0);
  const t = f32x4.div(one, madd(a, f32x4.splat(0.5), one));
  let c = f32x4.splat(-0.01105104386806488);
  c = madd(c, t, f32x4.splat(-0.19237591326236725));
  c = madd(c, t, f32x4.splat(0.5811802744865417));
  c = madd(c, t, f32x4.splat(-0.021844834089279175));
  c = madd(c, t, f32x4.splat(0.3784564137458801));
  c = madd(c, t, f32x4.splat(0.26389822363853455));
  c = madd(c, t, f32x4.splat(0.001423720270395279));
  const large = f32x4.sub(one, f32x4.mul(c, e));
  // NaN fails both comparisons and so takes the polynomial, which passes it on.
  const saturated = v128.bitselect(one, large, f32x4.gt(a, f32x4.splat(4.0)));
  return v128.bitselect(withSignOf(saturated, x), f32x4.mul(p, x), f32x4.gt(a, one));
}

/**
 * `1 − Φ(a) = e^(−a²/2) · p(1 / (1 + 0.28 a))` for 0 ≤ a ≤ 100, the exponential given: the upper tail of the normal
 * distribution, within 3e-7 of itself as far as it is a normal float.
 */
// @ts-ignore: decorator
@inline
export function normalTail4(a: v128, e: v128): v128 {
  const one = f32x4.splat(1.0), t = f32x4.div(one, madd(a, f32x4.splat(0.28), one));
  let p = f32x4.splat(0.04023304209113121);
  p = madd(p, t, f32x4.splat(-0.22112712264060974));
  p = madd(p, t, f32x4.splat(0.41038164496421814));
  p = madd(p, t, f32x4.splat(-0.2734138071537018));
  p = madd(p, t, f32x4.splat(0.26984232664108276));
  p = madd(p, t, f32x4.splat(0.038202300667762756));
  p = madd(p, t, f32x4.splat(0.1258324235677719));
  p = madd(p, t, f32x4.splat(0.10995542258024216));
  p = madd(p, t, f32x4.splat(9.374747605761513e-5));
  return f32x4.mul(e, p);
}

const HALF_PI_HIGH: f64 = 1.5707963267341256;
const HALF_PI_MID: f64 = 6.077100506303966e-11;
const HALF_PI_LOW: f64 = 2.0222662487959506e-21;

/** sin and cos of the last reduced angle and the quadrant; both series end below 2⁻⁵³ on [−π/4, π/4]. */
// @ts-ignore: decorator
@inline
function sinSeries(r: f64): f64 {
  const z = r * r;
  return r + r * z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 + z * (-1.0 / 39916800 +
    z * (1.0 / 6227020800 - z * (1.0 / 1307674368000)))))));
}
// @ts-ignore: decorator
@inline
function cosSeries(r: f64): f64 {
  const z = r * r;
  return 1 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800 +
    z * (1.0 / 479001600 + z * (-1.0 / 87178291200 + z * (1.0 / 20922789888000))))))));
}

/** `sin(x + quarter · π/2)` in f64, correct to the last place of f32 for |x| < 10⁹. `quarter = 1` gives the cosine. */
export function sine(x: f64, quarter: i32): f64 {
  const n = nearest<f64>(x * 0.6366197723675814);
  const r = ((x - n * HALF_PI_HIGH) - n * HALF_PI_MID) - n * HALF_PI_LOW;
  const turn = (<i32>(<i64>n) + quarter) & 3;
  const y = turn & 1 ? cosSeries(r) : sinSeries(r);
  return turn & 2 ? -y : y;
}

/** `ln x` in f64 for finite x > 0: `x = 2ᵉ m` with m in [√½, √2), `ln m = 2 artanh((m − 1) / (m + 1))`. */
export function logarithm(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let exponent = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  const s = (m - 1) / (m + 1), z = s * s;
  const series = 1 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 +
    z * (1.0 / 15 + z * (1.0 / 17 + z * (1.0 / 19)))))))));
  return <f64>exponent * 0.6931471805599453 + 2 * s * series;
}
