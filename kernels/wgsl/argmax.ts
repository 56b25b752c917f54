import { shader } from "./shader.ts";

/** `out[r]` = the index of the largest of `x[r]`, the first of equals: a workgroup for each row. */
export const argmaxShader = shader({
  name: "argmax",
  tensors: { out: "i32", x: "f32" },
  args: { n: "u32" },
  workgroup: 256,
  code: `
var<workgroup> tops: array<f32, WORKGROUP>;
var<workgroup> places: array<u32, WORKGROUP>;

fn main(group: u32, lane: u32) {
  let row = group * args.n;
  // Lanes without an element have the last one, too.
  var place = min(lane, args.n - 1);
  var top = x[row + place];
  for (var i = lane + WORKGROUP; i < args.n; i += WORKGROUP) {
    let value = x[row + i];
    if (value > top) { top = value; place = i; }
  }
  tops[lane] = top;
  places[lane] = place;
  for (var half = WORKGROUP / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let other = tops[lane + half];
      let there = places[lane + half];
      if (other > tops[lane] || (other == tops[lane] && there < places[lane])) {
        tops[lane] = other;
        places[lane] = there;
      }
    }
  }
  if (lane == 0) { out[group] = i32(places[0]); }
}`,
});
