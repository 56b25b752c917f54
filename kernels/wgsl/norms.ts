import { shader } from "./shader.ts";

/** `out = weight · x / √(mean(x²) + eps)`: a workgroup for each row. */
export const rmsNormShader = shader({
  name: "rms_norm",
  tensors: { out: "f32", x: "f32", weight: "f32" },
  optional: ["weight"],
  args: { dim: "u32", eps: "f32" },
  workgroup: 256,
  uses: ["reduce"],
  code: `
fn main(group: u32, lane: u32) {
  let row = group * args.dim;
  var squares = 0.0;
  for (var i = lane; i < args.dim; i += WORKGROUP) { squares += x[row + i] * x[row + i]; }
  let factor = 1.0 / sqrt(sum_all(squares, lane) / f32(args.dim) + args.eps);
  for (var i = lane; i < args.dim; i += WORKGROUP) {
    var y = x[row + i] * factor;
    if (HAS_WEIGHT) { y *= weight[i]; }
    out[row + i] = y;
  }
}`,
});
