import { type Kept, numberOfKeys } from "./kept.ts";
import { type Shader, shader } from "./shader.ts";

/** Tensors of {@linkcode attentionWeightsShader}. */
type Tensors = "out" | "q" | "keys" | "keyScales" | "bias" | "sinks";
/** Its arguments. */
type Args =
  | "time"
  | "heads"
  | "group"
  | "headDim"
  | "start"
  | "window"
  | "biasLength"
  | "keyPanels"
  | "scale"
  | "softcap";

/**
 * `out[b, h, t, j]`, the probabilities of attention, 0 for keys that are not seen: a workgroup for each row, a lane for
 * every 128th key, whose score waits in `out` until the row's sum is known. See attention.ts for caps and sinks.
 */
export function attentionWeightsShader(kept: Kept): Shader<Tensors, Args, "SOFTCAP"> {
  const scale = "keyScales[(panel * ((args.headDim + 31u) / 32u) + c / 32u) * 8u + j % 8u]";
  return shader({
    name: kept === "f32" ? "attention_weights" : `attention_weights_${kept}`,
    tensors: {
      out: "f32",
      q: "f32",
      keys: kept === "f32" ? "f32" : "u32",
      keyScales: "f32",
      bias: "f32",
      sinks: "f32",
    },
    optional: ["keyScales", "bias", "sinks"],
    args: {
      time: "u32",
      heads: "u32",
      group: "u32",
      headDim: "u32",
      start: "u32",
      window: "i32",
      biasLength: "u32",
      keyPanels: "u32",
      scale: "f32",
      softcap: "f32",
    },
    constants: ["SOFTCAP"],
    workgroup: 128,
    uses: ["math", "reduce"],
    code: `${numberOfKeys[kept]}

fn main(group: u32, lane: u32) {
  let t = group % args.time; let head = group / args.time;
  let query = ((head / args.heads * args.time + t) * args.heads + head % args.heads) * args.headDim;
  let length = args.start + args.time; let position = i32(args.start + t); let row = group * length;
  var top = -1e30;
  for (var j = lane; j < length; j += WORKGROUP) {
    let distance = position - i32(j);
    if (distance < 0 || distance >= args.window) { out[row + j] = 0.0; continue; }
    let panel = head / args.group * args.keyPanels + j / 8u % args.keyPanels;
    let at = panel * args.headDim * 8u + j % 8u;
    var s = 0.0;
    for (var c = 0u; c < args.headDim; c++) {
      s += q[query + c] * number_at(at + 8u * c)${kept === "q8_0" ? ` * ${scale}` : ""};
    }
    s *= args.scale;
    if (SOFTCAP) { s = args.softcap * tanh_of(s / args.softcap); }
    if (HAS_BIAS) { s += bias[head % args.heads * args.biasLength + u32(distance)]; }
    out[row + j] = s;
    top = max(top, s);
  }
  if (HAS_SINKS) { top = max(top, sinks[head % args.heads]); }
  top = max_all(top, lane);
  var sum = 0.0;
  if (HAS_SINKS && lane == 0u) { sum = exp(sinks[head % args.heads] - top); }
  for (var j = lane; j < length; j += WORKGROUP) {
    let distance = position - i32(j);
    if (distance >= 0 && distance < args.window) {
      let p = exp(out[row + j] - top);
      out[row + j] = p;
      sum += p;
    }
  }
  let inverse = 1.0 / sum_all(sum, lane);
  for (var j = lane; j < length; j += WORKGROUP) { out[row + j] *= inverse; }
}`,
  });
}
