/**
 * A stream of numbers in [0, 1) with 32 random bits each: xoshiro128**, Blackman & Vigna 2018,
 * https://arxiv.org/abs/1805.01407. `purpose` names the stream, so that streams of one seed do not move each other:
 * drawing tokens never changes how weights start.
 */
export function createRandom(seed: number, purpose: string): () => number {
  if (!Number.isInteger(seed)) throw new RangeError(`Cannot use seed ${seed}, expected a whole number`);
  // FNV-1a of seed and purpose, then splitmix32 for the four words of state.
  let hash = 0x811c9dc5;
  for (const char of `${seed}/${purpose}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  const word = () => {
    hash = (hash + 0x9e3779b9) | 0;
    let z = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let a = word(), b = word(), c = word(), d = word();
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return (result >>> 0) / 2 ** 32;
  };
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
