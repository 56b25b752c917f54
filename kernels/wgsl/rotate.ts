import { shader } from "./shader.ts";

/**
 * `out[first] = x[first] cos − x[second] sin`, `out[second] = x[first] sin + x[second] cos` for each of the `half` pairs of
 * each head of `x [batch, time, heads, headDim]`, with the row `start + t` of `table [length, 2 · half]`, cosines first;
 * channels that are in no pair as they are. `direction` −1 turns back, which is the gradient; `ADD` adds to `out`. A lane
 * for each pair, then for each other channel, `slots` of them to a head.
 */
export const rotateShader = shader({
  name: "rotate",
  tensors: { out: "f32", x: "f32", angles: "f32" },
  args: {
    count: "u32",
    time: "u32",
    heads: "u32",
    headDim: "u32",
    half: "u32",
    slots: "u32",
    start: "u32",
    direction: "f32",
  },
  constants: ["INTERLEAVED", "ADD"],
  workgroup: 256,
  code: `
fn put(at: u32, value: f32) {
  if (ADD) { out[at] += value; } else { out[at] = value; }
}

fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  let head = i / args.slots; let slot = i % args.slots; let at = head * args.headDim;
  if (slot >= args.half) {
    let channel = at + args.half + slot;
    put(channel, x[channel]);
    return;
  }
  let row = (args.start + head / args.heads % args.time) * 2 * args.half;
  let c = angles[row + slot]; let s = args.direction * angles[row + args.half + slot];
  let first = at + select(slot, 2 * slot, INTERLEAVED);
  let second = select(first + args.half, first + 1, INTERLEAVED);
  let u = x[first]; let w = x[second];
  put(first, u * c - w * s);
  put(second, u * s + w * c);
}`,
});
