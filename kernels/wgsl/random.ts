/**
 * WGSL of `keeps(i, seed, threshold)`: whether dropout keeps element `i`. MurmurHash3's finisher, twice, as in
 * kernels/assembly/random.ts.
 */
export const random = `
fn keeps(i: u32, seed: u32, threshold: u32) -> bool {
  var h = i;
  for (var turn = 0; turn < 2; turn++) {
    h ^= seed;
    h = (h ^ (h >> 16u)) * 0x85ebca6bu;
    h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
    h ^= h >> 16u;
  }
  return h >= threshold;
}
`;
