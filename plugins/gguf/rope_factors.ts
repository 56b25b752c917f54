import { ropeFrequencies, type RopeScaling } from "../../components/positions/rope_scaling.ts";

/** Largest relative error of a factor: they are stored as f32. */
const TOLERANCE = 1e-5;

/**
 * The scaling that divides the frequency of pair `i` by `factors[i]`: none, linear, or that of Llama 3; `undefined` if no
 * one does. `rope_freqs.weight` holds such factors for Llama 3.1 and later.
 *
 * Llama 3 keeps a share of each frequency, `clamp(a · frequency − b, 0, 1)`, and divides the rest by the largest factor.
 * Any context and limits with the same `a` and `b` mean the same, so the low limit is taken to be 1, as it is in Llama 3.
 */
export function scalingOfFactors(
  base: number,
  dims: number,
  factors: readonly number[],
): RopeScaling | null | undefined {
  if (factors.length !== dims / 2 || !factors.every((f) => Number.isFinite(f) && f >= 1)) return undefined;
  const factor = Math.max(...factors);
  if (factors.every((f) => f === 1)) return null;
  if (factors.every((f) => f === factor)) return { type: "linear", factor };
  const frequencies = ropeFrequencies(base, dims, null);
  const kept = factors.map((f) => (1 / f - 1 / factor) / (1 - 1 / factor));
  const { a, b } = ramp(frequencies, kept);
  const exact = { low: 1, high: 1 + 1 / b, context: 2 * Math.PI * a / b };
  // Whole numbers are what the factors were made of; they are taken if they give the same factors.
  const whole = { low: 1, high: Math.round(exact.high), context: Math.round(exact.context) };
  for (const { low, high, context } of [whole, exact]) {
    const scaling: RopeScaling = {
      type: "llama3",
      factor,
      lowFrequencyFactor: low,
      highFrequencyFactor: high,
      originalContext: context,
    };
    if (b > 0 && high > low && divides(frequencies, ropeFrequencies(base, dims, scaling), factors)) return scaling;
  }
  return undefined;
}

/** The line through the shares that lie between 0 and 1; where it is not certain, any that has them. */
function ramp(frequencies: readonly number[], kept: readonly number[]): { readonly a: number; readonly b: number } {
  const points = frequencies.map((frequency, i) => ({ frequency, share: kept[i] }));
  const inside = points.filter(({ share }) => share > 0 && share < 1);
  const above = points.filter(({ share }) => share >= 1).at(-1), below = points.find(({ share }) => share <= 0);
  const ends = inside.length > 1
    ? [inside[0], inside[inside.length - 1]]
    : [above ?? inside[0], inside[0] ?? below ?? points[points.length - 1]];
  if (inside.length === 1 && below) {
    // One share in between: the steeper of the lines to its neighbours.
    const other = [inside[0], below];
    if (slope(other) > slope(ends)) ends.splice(0, 2, ...other);
  }
  const a = slope(ends);
  return { a, b: a * ends[0].frequency - ends[0].share };
}

function slope([p, q]: readonly { readonly frequency: number; readonly share: number }[]): number {
  return (p.share - q.share) / (p.frequency - q.frequency);
}

function divides(plain: readonly number[], scaled: readonly number[], factors: readonly number[]): boolean {
  return plain.every((frequency, i) => Math.abs(frequency / scaled[i] / factors[i] - 1) <= TOLERANCE);
}
