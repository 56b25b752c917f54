import { shader } from "./shader.ts";

/**
 * `out[r] = table[ids[r]]`, a lane for each element of `out`; ids outside of `first … first + count` are left to whoever
 * binds that part of the table.
 */
export const gatherShader = shader({
  name: "gather",
  tensors: { out: "f32", table: "f32", ids: "i32" },
  args: { total: "u32", dim: "u32", first: "i32", count: "i32" },
  constants: ["PANELS"],
  workgroup: 256,
  code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.total) { return; }
  let id = ids[i / args.dim] - args.first;
  if (id < 0 || id >= args.count) { return; }
  let row = u32(id); let column = i % args.dim;
  if (PANELS) { out[i] = table[((row / 8) * args.dim + column) * 8 + row % 8]; }
  else { out[i] = table[row * args.dim + column]; }
}`,
});
