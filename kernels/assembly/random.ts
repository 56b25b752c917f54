// Random words that depend on a seed and an index alone: dropout needs no mask that is kept.

/** `(i, i + 1, i + 2, i + 3)`. */
// @ts-ignore: decorator
@inline
export function lanesFrom(i: i32): v128 {
  return i32x4.add(i32x4.splat(i), v128(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0));
}

/** Four pseudo-random words: of elements `indices` of stream `seed` (the finisher of MurmurHash3, twice). */
// @ts-ignore: decorator
@inline
export function random4(indices: v128, seed: i32): v128 {
  let h = indices;
  for (let turn = 0; turn < 2; turn++) {
    h = v128.xor(h, i32x4.splat(seed));
    h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 16)), i32x4.splat(0x85ebca6b));
    h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 13)), i32x4.splat(0xc2b2ae35));
    h = v128.xor(h, i32x4.shr_u(h, 16));
  }
  return h;
}

/** Multiplies `count` floats by `scale` where the word of their index (`first + j`) is at least `threshold`, else by 0. */
export function dropRow(x: usize, count: i32, first: i32, threshold: u32, scale: f32, seed: i32): void {
  const s = f32x4.splat(scale), t = i32x4.splat(threshold);
  for (let j = 0; j < count; j += 4) {
    const at = x + (<usize>j << 2), kept = i32x4.ge_u(random4(lanesFrom(first + j), seed), t);
    v128.store(at, v128.and(f32x4.mul(v128.load(at), s), kept));
  }
}
