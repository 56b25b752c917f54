import { shader } from "./shader.ts";

/** `out = x`, 32-bit words of any kind; `source` and `destination` are where they begin, in words. */
export const copyShader = shader({
  name: "copy",
  tensors: { out: "u32", x: "u32" },
  args: { count: "u32", source: "u32", destination: "u32" },
  workgroup: 256,
  code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i < args.count) { out[args.destination + i] = x[args.source + i]; }
}`,
});
