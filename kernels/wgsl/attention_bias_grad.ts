import { scoreGradients } from "./attention_grad.ts";
import { LANES, masks, products, queryAt, tileArgs, tileStart } from "./attention_tile.ts";
import { shader } from "./shader.ts";

/**
 * The first of two steps of `dbias[h, distance] = Σ ds`, over sequences and pairs of positions that far apart: a workgroup
 * sums a part of them for a head, tiles `part, part + parts …` of 32 positions of all sequences, as in attention_grad.ts,
 * to `partial[part, h, distance]`. Distance d is lane d % 128's, which adds up its diagonal of each tile. Heads do not share
 * anything here: `kvHeads` are all, `group` is 1, `share` have the same keys.
 */
export const attentionGradBiasShader = shader({
  name: "attention_grad_bias",
  tensors: { partial: "f32", q: "f32", g: "f32", keys: "vec4f", valueKeys: "vec4f", stats: "f32", bias: "f32" },
  optional: ["bias"],
  args: { ...tileArgs, share: "u32", batch: "u32", tiles: "u32", parts: "u32", panels: "u32" },
  constants: ["HEAD_DIM", "DROPOUT", "SOFTCAP"],
  workgroup: LANES,
  uses: ["math"],
  code: `${tileStart}${queryAt}${masks}
fn diagonal(first: u32, block: u32, distance: i32) -> f32 {
  var sum = 0.0;
  for (var r = 0u; r < 32u; r++) {
    let key = i32(first + r) - distance - i32(64u * block);
    if (key >= 0 && key < 64) { sum += tile[33u * (u32(key) / 4u) + 8u * (u32(key) % 4u) + r / 4u][r % 4u]; }
  }
  return sum;
}

fn main(group: u32, lane: u32) {
  let part = group / args.kvHeads; let sums = group * args.time;
  for (var d = lane; d < args.time; d += WORKGROUP) { partial[sums + d] = 0.0; }
  let rows = lane / 16u; let others = lane % 16u;
  for (var item = part; item < args.batch * args.tiles; item += args.parts) {
    let unit = item / args.tiles * args.kvHeads + group % args.kvHeads; let first = item % args.tiles * 32u;
    let t = vec4u(first + 4u * rows) + vec4u(0u, 1u, 2u, 3u); let position = vec4i(t); let head = vec4u(unit);
    let valid = t < vec4u(args.time);
    let row = unit / args.share * args.time + min(t, vec4u(args.time - 1u));
    let stat = 2u * (row * args.share + unit % args.share);
    let lse = vec4f(stats[stat.x], stats[stat.y], stats[stat.z], stats[stat.w]);
    let delta = vec4f(stats[stat.x + 1u], stats[stat.y + 1u], stats[stat.z + 1u], stats[stat.w + 1u]);
    let low = i32(first) - args.window + 1; let last = min(first + 32u, args.time) - 1u;
    for (var block = u32(max(low, 0)) / 64u; block <= last / 64u; block++) {
      let panel = unit / args.share * args.panels + 8u * block + others / 2u;
      ${products("s", "q", "query_at", "keys", "2u * panel * HEAD_DIM + others % 2u")}
      ${products("d", "g", "query_at", "valueKeys", "2u * panel * HEAD_DIM + others % 2u")}
      ${scoreGradients("bias")}
      // Of the 95 distances in the tile each is another lane's.
      let least = i32(first) - i32(64u * block) - 63; let above = (i32(lane) - least) & 127;
      let distance = least + above;
      if (above < 95 && distance >= 0 && distance < i32(args.time)) {
        partial[sums + u32(distance)] += diagonal(first, block, distance);
      }
    }
  }
}`,
});

/** The second: `dbias[h, distance] += Σ_part partial[part, h, distance]`, a lane for each. */
export const addBiasPartsShader = shader({
  name: "add_bias_parts",
  tensors: { dbias: "f32", partial: "f32" },
  args: { heads: "u32", time: "u32", biasLength: "u32", parts: "u32" },
  workgroup: 128,
  code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane; let count = args.heads * args.time;
  if (i >= count) { return; }
  var sum = 0.0;
  for (var part = 0u; part < args.parts; part++) { sum += partial[part * count + i]; }
  dbias[i / args.time * args.biasLength + i % args.time] += sum;
}`,
});
