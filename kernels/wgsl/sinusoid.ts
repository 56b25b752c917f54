import { shader } from "./shader.ts";
import { turns } from "./turns.ts";

/**
 * `out[r]` = sines and cosines of `positions[r] · frequencies`, a lane for each frequency of a row. `fractions` holds
 * frequency / 2π modulo 1 in two words, the high one first: products are exact modulo a turn for positions below 2³¹.
 * The sine goes to `sine + stride · i`, the cosine to `cosine + stride · i`, where that is inside of the row.
 */
export const sinusoidShader = shader({
  name: "sinusoid",
  tensors: { out: "f32", positions: "u32", fractions: "u32" },
  args: { count: "u32", dim: "u32", half: "u32", sine: "u32", cosine: "u32", stride: "u32" },
  workgroup: 128,
  code: `${turns}
fn main(group: u32, lane: u32) {
  let at = group * WORKGROUP + lane;
  if (at >= args.count) { return; }
  let row = at / args.half; let i = at % args.half;
  let turn = times_fraction(positions[row], fractions[2 * i], fractions[2 * i + 1]);
  let pair = sin_cos_turn(turn.x, turn.y);
  out[row * args.dim + args.sine + args.stride * i] = pair.x;
  let second = args.cosine + args.stride * i;
  if (second < args.dim) { out[row * args.dim + second] = pair.y; }
}`,
});
