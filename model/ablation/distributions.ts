/** Terms of a continued fraction after which it is taken as lost: none of the tested arguments needs half of them. */
const MOST_TERMS = 20_000;
/** Log of the share of the scale's density that {@linkcode noncentralTSurvival} leaves out on each side: e⁻⁶⁰ ≈ 1e-26. */
const CUT = 60;

/**
 * `ln Γ(x)` for x > 0, to 1e-14 · max(1, |ln Γ(x)|): Stirling's series from 10 on, `Γ(x) = Γ(x + 1) / x` below.
 * https://dlmf.nist.gov/5.11#E1
 */
export function logGamma(x: number): number {
  expectPositive("the logarithm of Γ", "x", x);
  let product = 1;
  for (; x < 10; x++) product *= x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + stirling(x) - Math.log(product);
}

/** What Stirling's formula lacks of `ln Γ(x)`, for x ≥ 10 to 1e-15. */
function stirling(x: number): number {
  const z = 1 / (x * x);
  return (1 / 12 -
    z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z * (1 / 1188 - z * 691 / 360360))))) / x;
}

/** `ln B(a, b)`. For a large `a`, `ln Γ(a) − ln Γ(a + b)` would lose the digits that the two have in common. */
function logBeta(a: number, b: number): number {
  if (a < b) return logBeta(b, a);
  if (a < 10) return logGamma(a) + logGamma(b) - logGamma(a + b);
  const ratio = b - (a - 0.5) * Math.log1p(b / a) - b * Math.log(a + b) + stirling(a) - stirling(a + b);
  return ratio + logGamma(b);
}

/**
 * The regularised incomplete beta function `I_x(a, b)` for a, b > 0 and 0 ≤ x ≤ 1, to 1e-12 of itself for a and b up to
 * 1,000 where the result is above 1e-300. `y` is `1 − x`, for callers that know it better than the subtraction does.
 * Lentz's method on https://dlmf.nist.gov/8.17#E22
 */
export function incompleteBeta(x: number, a: number, b: number, y: number = 1 - x): number {
  expectPositive("an incomplete beta function", "a", a);
  expectPositive("an incomplete beta function", "b", b);
  if (!(x >= 0 && x <= 1)) {
    throw new RangeError(`Cannot compute an incomplete beta function: x is ${x}, expected 0 to 1`);
  }
  if (x === 0 || y === 0) return x === 0 ? 0 : 1;
  // Above about the mean the fraction converges slowly, and that of the other side fast.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(y, b, a, x);
  const log = (p: number, rest: number) => p < 0.5 ? Math.log(p) : Math.log1p(-rest);
  return Math.exp(a * log(x, y) + b * log(y, x) - logBeta(a, b)) / a * betaFraction(x, a, b);
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300; // in place of a denominator of 0
  let c = 1, d = 1 / nonzero(1 - (a + b) * x / (a + 1)), result = d;
  for (let m = 1; m < MOST_TERMS; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    let step = 1;
    for (const term of [even, odd]) {
      d = 1 / nonzero(1 + term * d);
      c = nonzero(1 + term / c);
      step = c * d;
      result *= step;
    }
    if (Math.abs(step - 1) < 1e-15) return result;
  }
  throw new RangeError(`Cannot compute an incomplete beta function: a is ${a} and b ${b}, expected smaller ones`);

  function nonzero(value: number): number {
    return Math.abs(value) < tiny ? tiny : value;
  }
}

/**
 * `Φ(x)`, the chance that a standard normal variable is below x, to 1e-13 of itself above 1e-300. Between −2 and 2 the
 * series of https://dlmf.nist.gov/7.6#E2, beyond them Laplace's continued fraction, https://dlmf.nist.gov/7.9#E3
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) throw new RangeError("Cannot compute a normal probability: x is NaN, expected a number");
  if (x > 2) return 1 - normalCdf(-x);
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  if (x < -2) {
    let tail = -x;
    for (let k = Math.ceil(20 + 300 / (x * x)); k > 0; k--) tail = k / tail - x;
    return density / tail;
  }
  let sum = x;
  for (let k = 3, term = x; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) sum += term *= x * x / k;
  return 0.5 + density * sum;
}

/**
 * The chance that Student's t with `df` degrees of freedom is above t, `½ I_{df / (df + t²)}(df / 2, ½)` for t ≥ 0, to 1e-12
 * of itself for `df` up to 1,000 and 1e-16 · df of itself above. `df` need not be whole. https://dlmf.nist.gov/8.17#i,
 * Abramowitz & Stegun 26.7.1
 */
export function tSurvival(t: number, df: number): number {
  expectPositive("a probability of Student's t", "the degrees of freedom", df);
  if (Number.isNaN(t)) throw new RangeError("Cannot compute a probability of Student's t: t is NaN, expected a number");
  if (t < 0) return 1 - tSurvival(-t, df);
  const square = t * t / df;
  return 0.5 * incompleteBeta(1 / (1 + square), df / 2, 0.5, square / (1 + square));
}

/** The chance that Student's t is at most t; errors of {@linkcode tSurvival}, small in the lower tail. */
export function tCdf(t: number, df: number): number {
  return tSurvival(-t, df);
}

/**
 * The t that Student's t is below with chance `p`, to 1e-12 of itself for `df` up to 1,000 and 1e-16 · df above; near the
 * median, to what rounding left of `p − ½`. {@linkcode tSurvival} halved down to neighbouring numbers.
 */
export function tQuantile(p: number, df: number): number {
  expectPositive("a quantile of Student's t", "the degrees of freedom", df);
  if (!(p > 0 && p < 1)) {
    throw new RangeError(`Cannot compute a quantile of Student's t: p is ${p}, expected 0 < p < 1`);
  }
  if (p < 0.5) return -above(p);
  return p === 0.5 ? 0 : above(1 - p);

  /** The t > 0 that is exceeded with chance `tail`. */
  function above(tail: number): number {
    let low = 1;
    while (tSurvival(2 * low, df) > tail) low *= 2;
    while (low > 1e-300 && tSurvival(low, df) < tail) low /= 2;
    let high = 2 * low;
    for (let middle = 1.5 * low; low < middle && middle < high; middle = low + (high - low) / 2) {
      if (tSurvival(middle, df) > tail) low = middle;
      else high = middle;
    }
    return high;
  }
}

/**
 * The chance that noncentral t, `(Z + delta) / √(χ² / df)` with a standard normal Z, is above t: the mean of
 * `Φ(delta − t s)` over the scale `s = √(χ² / df)`. To 1e-11 of itself where it is above 1e-12. All terms are positive, so that,
 * unlike the series of https://doi.org/10.2307/2347693 (AS 243), both tails keep their digits. The trapezoid rule in `ln s`
 * converges exponentially: https://doi.org/10.1137/130932132
 */
export function noncentralTSurvival(t: number, df: number, delta: number): number {
  expectPositive("a probability of noncentral t", "the degrees of freedom", df);
  for (const [name, value] of [["t", t], ["delta", delta]] as const) {
    if (Number.isFinite(value)) continue;
    throw new RangeError(`Cannot compute a probability of noncentral t: ${name} is ${value}, expected a finite number`);
  }
  const reach = Math.sqrt(CUT / df), from = -reach * (1 + reach), to = reach;
  let sum = 0, weights = 0, before = NaN;
  /** Adds the points `from + (i + shift) · step`. */
  function add(count: number, shift: number): number {
    const step = (to - from) / count;
    for (let i = 0; i < count; i++) {
      const u = from + (i + shift) * step;
      const weight = Math.exp(df * (u - Math.expm1(2 * u) / 2)); // of ln s, 1 at its mode
      weights += weight;
      sum += weight * normalCdf(delta - t * Math.exp(u));
    }
    return sum / weights;
  }
  let result = add(32, 0);
  for (let count = 32; Math.abs(result - before) > 1e-13 * result || Number.isNaN(before); count *= 2) {
    if (count > 2 ** 18) throw new RangeError(`Cannot compute a probability of noncentral t: t is ${t}, expected less`);
    before = result;
    result = add(count, 0.5); // the points halfway between those that are in
  }
  return result;
}

/** The chance that noncentral t is at most t; errors of {@linkcode noncentralTSurvival}. */
export function noncentralTCdf(t: number, df: number, delta: number): number {
  return noncentralTSurvival(-t, df, -delta);
}

function expectPositive(what: string, name: string, value: number): void {
  if (value > 0 && value < Infinity) return;
  throw new RangeError(`Cannot compute ${what}: ${name} is ${value}, expected a positive number`);
}
