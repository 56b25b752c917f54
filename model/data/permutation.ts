const ROUNDS = 6;

/** 32 bits that depend on every bit of `key` and of the whole number `value` below 2⁵³: MurmurHash3, Appleby 2011. */
export function hash(key: number, value: number): number {
  let h = key | 0;
  for (const word of [value | 0, Math.floor(value / 2 ** 32)]) {
    const mixed = Math.imul(word, 0xcc9e2d51);
    h ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A permutation of 0 … size − 1, as a function: a Feistel network over the next power of four, followed until it ends
 * below `size`. Luby & Rackoff 1988; Black & Rogaway 2002, https://web.cs.ucdavis.edu/~rogaway/papers/subset.pdf. Keys
 * come from `random`; nothing is stored.
 */
export function permutation(size: number, random: () => number): (index: number) => number {
  let half = 1;
  while (4 ** half < size) half++;
  const side = 2 ** half, keys = Array.from({ length: ROUNDS }, () => random() * 2 ** 32);
  const once = (index: number) => {
    let right = index % side, left = (index - right) / side;
    for (const key of keys) [left, right] = [right, (left ^ (hash(key, right) & (side - 1))) >>> 0];
    return left * side + right;
  };
  return (index) => {
    do index = once(index); while (index >= size);
    return index;
  };
}
