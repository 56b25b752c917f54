// What every kernel builds on: the one multiply-add, distances, lane reductions, and loads and stores of row ends.

/** `a · b + c`: fused in the relaxed build, rounded twice in the baseline build. Nothing else differs between the two. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Bytes of `count` floats. Products of sizes are taken as `usize`: a tensor may hold more than 2³¹ bytes. */
// @ts-ignore: decorator
@inline
export function floats(count: usize): usize {
  return count << 2;
}

/** The sum of the four lanes, always in the same order. */
// @ts-ignore: decorator
@inline
export function sum4(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** The largest of the four lanes. */
// @ts-ignore: decorator
@inline
export function max4(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** One lane of `v` in all four. */
// @ts-ignore: decorator
@inline
export function splat0(v: v128): v128 {
  return i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}
// @ts-ignore: decorator
@inline
export function splat1(v: v128): v128 {
  return i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
}
// @ts-ignore: decorator
@inline
export function splat2(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11);
}
// @ts-ignore: decorator
@inline
export function splat3(v: v128): v128 {
  return i8x16.shuffle(v, v, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15);
}

/** The lanes of `v` in reverse. */
// @ts-ignore: decorator
@inline
export function reverse4(v: v128): v128 {
  return i8x16.shuffle(v, v, 12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
}

/** The first `count` of four floats at `at`, `fill` behind them; reads nothing beyond. */
function loadPart(at: usize, count: i32, fill: f32): v128 {
  let v = f32x4.splat(fill);
  if (count > 0) v = v128.load32_lane(at, v, 0);
  if (count > 1) v = v128.load32_lane(at, v, 1, 4);
  if (count > 2) v = v128.load32_lane(at, v, 2, 8);
  return v;
}

/** Stores the first `count < 4` lanes of `v` at `at`. */
function storePart(at: usize, v: v128, count: i32): void {
  if (count > 0) v128.store32_lane(at, v, 0);
  if (count > 1) v128.store32_lane(at, v, 1, 4);
  if (count > 2) v128.store32_lane(at, v, 2, 8);
}

/** Up to four floats at `at`: the first `count`, then zeros. */
// @ts-ignore: decorator
@inline
export function loadUpTo4(at: usize, count: i32): v128 {
  return count >= 4 ? v128.load(at) : loadPart(at, count, 0);
}

/** Up to four floats at `at`: the first `count`, then `fill`. */
// @ts-ignore: decorator
@inline
export function loadUpTo4Or(at: usize, count: i32, fill: f32): v128 {
  return count >= 4 ? v128.load(at) : loadPart(at, count, fill);
}

/** Stores the first `count` lanes of `v` at `at`, at most four. */
// @ts-ignore: decorator
@inline
export function storeUpTo4(at: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(at, v);
  else storePart(at, v, count);
}
