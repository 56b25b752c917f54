/** What a count leads to: a size, or why it is not allowed. */
export type Outcome = { readonly size: number } | { readonly refused: Error };

/** How many counts next to a refused one are tried in its place, on each side. */
const REACH = 64;
/** No count is above this: sizes of tensors are 32-bit numbers. */
const MOST = 2 ** 31 - 1;
/** Where the size is still the same at this count, it does not depend on it. */
const FLAT = 4096;

/**
 * The count from 1 whose size is nearest to `target`, the smaller where two sizes are equally near. `sizeAt` must not
 * fall as the count grows, and may refuse counts. Four or five sizes do where they are linear in the count; none is asked
 * for twice, and `evaluations` says how many were given. `flat` where the size is the same up to 4096.
 * Without `size` where the first 64 counts are all refused. A count
 * may be passed over where more than 64 are refused on each side of where it was expected.
 *
 * Climbs along the secant until the target lies between two counts, then narrows them by regula falsi, with a bisection
 * each third time so that a curve cannot make it creep.
 */
export function nearest(
  sizeAt: (count: number) => Outcome,
  target: number,
): { count: number; size: number; flat: boolean; evaluations: number } | {
  refused: Error | undefined;
  evaluations: number;
} {
  const sizes = new Map<number, number | undefined>();
  let refused: Error | undefined, evaluations = 0;
  const at = (count: number): Point | undefined => {
    if (!sizes.has(count)) {
      const outcome = sizeAt(count);
      if ("refused" in outcome) refused = outcome.refused;
      else evaluations++;
      sizes.set(count, "size" in outcome ? outcome.size : undefined);
    }
    const size = sizes.get(count);
    return size === undefined ? undefined : { count, size };
  };
  /** The allowed count that is nearest to `count`, between two others. */
  const around = (count: number, above: number, below: number): Point | undefined => {
    for (let away = 0; away <= REACH; away++) {
      for (const candidate of away ? [count + away, count - away] : [count]) {
        const point = candidate > above && candidate < below ? at(candidate) : undefined;
        if (point) return point;
      }
    }
    return undefined;
  };
  const first = around(1, 0, REACH + 1);
  if (!first) return { refused, evaluations };

  let low = first, high: Point | undefined, flat = false;
  if (low.size < target) {
    let next = low.count + 1, limit = MOST + 1;
    while (!high && next > low.count) {
      const point = around(next, low.count, limit);
      if (!point) {
        limit = Math.max(low.count + 1, next - REACH); // nothing here: a limit of the option, or a gap
        next = Math.floor((low.count + next) / 2);
      } else if (point.size >= target) high = point;
      else {
        const slope = (point.size - low.size) / (point.count - low.count);
        const ahead = slope > 0 ? Math.ceil((target - point.size) / slope) : point.count;
        low = point;
        flat = point.size === first.size && point.count >= FLAT;
        if (flat) break;
        next = Math.min(low.count + Math.max(1, ahead), limit - 1);
      }
    }
  }
  for (let turn = 1; high && high.size > target && high.count - low.count > 1; turn++) {
    const part = turn % 3 ? (target - low.size) / (high.size - low.size) : 0.5;
    const guess = low.count + Math.floor(part * (high.count - low.count));
    const inside = Math.min(Math.max(guess, low.count + 1), high.count - 1);
    const point = around(inside, low.count, high.count);
    if (!point) break;
    if (point.size < target) low = point;
    else high = point;
  }
  const best = high && high.size - target < Math.abs(target - low.size) ? high : low;
  return { ...best, flat, evaluations };
}

/** A count that is allowed. */
interface Point {
  readonly count: number;
  readonly size: number;
}
