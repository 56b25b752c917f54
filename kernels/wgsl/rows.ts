/**
 * Reductions over `WIDTH` neighbouring lanes, a power of 2 which a shader that uses this has as a constant: several rows
 * share a workgroup where they are short. Every lane gets its own row's result, and every lane must call them, those
 * without a row, too. A shader that uses `rows` uses `reduce`.
 */
export const rows = `
fn sum_row(value: f32, lane: u32) -> f32 {
  if (WIDTH == WORKGROUP) { return sum_all(value, lane); }
  let place = lane % WIDTH;
  workgroupBarrier();
  reduced[lane] = value;
  for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (place < half) { reduced[lane] += reduced[lane + half]; }
  }
  workgroupBarrier();
  return reduced[lane - place];
}

fn max_row(value: f32, lane: u32) -> f32 {
  if (WIDTH == WORKGROUP) { return max_all(value, lane); }
  let place = lane % WIDTH;
  workgroupBarrier();
  reduced[lane] = value;
  for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (place < half) { reduced[lane] = max(reduced[lane], reduced[lane + half]); }
  }
  workgroupBarrier();
  return reduced[lane - place];
}

fn sum_row_pair(value: vec2f, lane: u32) -> vec2f {
  if (WIDTH == WORKGROUP) { return sum_all_pair(value, lane); }
  let place = lane % WIDTH;
  workgroupBarrier();
  reduced_pairs[lane] = value;
  for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (place < half) { reduced_pairs[lane] += reduced_pairs[lane + half]; }
  }
  workgroupBarrier();
  return reduced_pairs[lane - place];
}
`;
