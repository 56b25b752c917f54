/**
 * Reductions over the lanes of a workgroup; every lane gets the result, and every lane must call them. `sum_all`,
 * `sum_all_pair` (two sums at once) and `max_all` add and compare in one fixed order: pairs that are half of the
 * workgroup apart, then a quarter, and so on.
 */
export const reduce = `
var<workgroup> reduced: array<f32, WORKGROUP>;
var<workgroup> reduced_pairs: array<vec2f, WORKGROUP>;

fn sum_all(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  reduced[lane] = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { reduced[lane] += reduced[lane + half]; }
  }
  workgroupBarrier();
  return reduced[0];
}

fn max_all(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  reduced[lane] = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { reduced[lane] = max(reduced[lane], reduced[lane + half]); }
  }
  workgroupBarrier();
  return reduced[0];
}

fn sum_all_pair(value: vec2f, lane: u32) -> vec2f {
  workgroupBarrier();
  reduced_pairs[lane] = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { reduced_pairs[lane] += reduced_pairs[lane + half]; }
  }
  workgroupBarrier();
  return reduced_pairs[0];
}
`;

/**
 * The same with subgroups: their lanes first, then one number from each of them. Two barriers instead of one for each
 * halving. The order of the sum depends on the adapter's subgroup size.
 */
export const reduceSubgroups = `
var<workgroup> reduced: array<f32, WORKGROUP>;
var<workgroup> reduced_pairs: array<vec2f, WORKGROUP>;

fn sum_all(value: f32, lane: u32) -> f32 {
  let own = subgroupAdd(value);
  workgroupBarrier();
  if (lane % subgroup_lanes == 0u) { reduced[lane / subgroup_lanes] = own; }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < (WORKGROUP + subgroup_lanes - 1u) / subgroup_lanes; i++) { total += reduced[i]; }
  return total;
}

fn max_all(value: f32, lane: u32) -> f32 {
  let own = subgroupMax(value);
  workgroupBarrier();
  if (lane % subgroup_lanes == 0u) { reduced[lane / subgroup_lanes] = own; }
  workgroupBarrier();
  var top = reduced[0];
  for (var i = 1u; i < (WORKGROUP + subgroup_lanes - 1u) / subgroup_lanes; i++) { top = max(top, reduced[i]); }
  return top;
}

fn sum_all_pair(value: vec2f, lane: u32) -> vec2f {
  let own = subgroupAdd(value);
  workgroupBarrier();
  if (lane % subgroup_lanes == 0u) { reduced_pairs[lane / subgroup_lanes] = own; }
  workgroupBarrier();
  var total = vec2f(0.0);
  for (var i = 0u; i < (WORKGROUP + subgroup_lanes - 1u) / subgroup_lanes; i++) { total += reduced_pairs[i]; }
  return total;
}
`;
