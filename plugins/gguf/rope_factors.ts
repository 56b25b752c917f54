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
  const line = ramp(frequencies, kept), { a, b } = line;
  // The limits of Llama 3 first, then whole numbers, as the factors will have been made of; each if it gives them.
  const candidates = [
    { high: 4, context: Math.round(2 * Math.PI * (1 + 3 * line.share) / line.frequency) },
    { high: Math.round(1 + 1 / b), context: Math.round(2 * Math.PI * a / b) },
    { high: 1 + 1 / b, context: 2 * Math.PI * a / b },
  ];
  for (const { high, context } of candidates) {
    const scaling: RopeScaling = {
      type: "llama3",
      factor,
      lowFrequencyFactor: 1,
      highFrequencyFactor: high,
      originalContext: context,
    };
    if (high > 1 && context > 0 && divides(frequencies, ropeFrequencies(base, dims, scaling), factors)) return scaling;
  }
  return undefined;
}

/** A frequency and the share of it that is kept. */
interface Point {
  readonly frequency: number;
  readonly share: number;
}

/**
 * The line `share = a · frequency − b` through the shares between 0 and 1, and a point on it. Where there are fewer than
 * two, any line that leaves what is below at 0 and what is above at 1.
 */
function ramp(
  frequencies: readonly number[],
  kept: readonly number[],
): Point & { readonly a: number; readonly b: number } {
  const points = frequencies.map((frequency, i): Point => ({ frequency, share: kept[i] }));
  const inside = points.filter(({ share }) => share > 0 && share < 1);
  const above = points.findLast(({ share }) => share >= 1), below = points.find(({ share }) => share <= 0)!;
  const first = inside[0] ?? above,
    others = inside.length > 1 ? [inside[inside.length - 1]] : [below, ...above ? [above] : []];
  const a = Math.max(...others.filter((other) => other !== first).map((other) => slope(first, other)));
  return { ...first, a, b: a * first.frequency - first.share };
}

function slope(p: Point, q: Point): number {
  return (p.share - q.share) / (p.frequency - q.frequency);
}

/** What YaRN's queries and keys grow by, if nothing else is said. */
export function yarnGrowth(factor: number): number {
  return factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
}

function divides(plain: readonly number[], scaled: readonly number[], factors: readonly number[]): boolean {
  return plain.every((frequency, i) => Math.abs(frequency / scaled[i] / factors[i] - 1) <= TOLERANCE);
}
