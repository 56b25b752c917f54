import { four, fourOf, type Kept, keptElement } from "./kept.ts";
import { type Shader, shader } from "./shader.ts";
import {
  accumulate,
  accumulators,
  each,
  keep,
  LANES,
  masks,
  products,
  queryAt,
  type Reading,
  rescale,
  tileArgs,
  tileStart,
  write,
} from "./attention_tile.ts";

/** Tensors of {@linkcode attentionShader}. */
type Tensors = "out" | "lse" | "q" | "keys" | "values" | "keyScales" | "valueScales" | "bias" | "sinks";
/** Its arguments. */
type Args = keyof typeof tileArgs | "start" | "units" | "tiles" | "keyPanels" | "valueBlocks";

/**
 * `out = softmax(scale · q keysᵀ + bias) · values`, causal, for heads of up to 64 · `columns` channels. A workgroup owns 32
 * rows of the queries of one head of keys (row t · group + g: position t, head g of those that share it) and goes through
 * the keys that they see in blocks of 64, which meet it in registers (see attention_tile.ts). Maxima and sums are kept up
 * as it goes, so that no row of scores is ever whole: Milakov & Gimelshein 2018, https://arxiv.org/abs/1805.02867, Dao et
 * al. 2022, https://arxiv.org/abs/2205.14135. Dropout is of probabilities: their sum is that of all. With `SOFTCAP` scores
 * are `softcap · tanh(s / softcap)` before a bias is added. A sink is a key that came before all others: maxima begin with
 * its score, one of the 16 sums of a row with 1.
 *
 * Keys and values are unpacked when they are loaded, to meet 4 rows each. `lse` is for training, scales are of bytes: no
 * more than 8 tensors are there at a time.
 */
export function attentionShader(
  columns: number,
  kept: Kept,
): Shader<Tensors, Args, "HEAD_DIM" | "DROPOUT" | "SOFTCAP"> {
  const { keys, values } = readings(columns, kept);
  return shader({
    name: kept === "f32" ? "attention" : `attention_${kept}`,
    tensors: {
      out: "f32",
      lse: "f32",
      q: "f32",
      keys: keptElement[kept],
      values: keptElement[kept],
      keyScales: "vec4f",
      valueScales: "f32",
      bias: "f32",
      sinks: "f32",
    },
    optional: ["lse", "keyScales", "valueScales", "bias", "sinks"],
    args: { ...tileArgs, start: "u32", units: "u32", tiles: "u32", keyPanels: "u32", valueBlocks: "u32" },
    constants: ["HEAD_DIM", "DROPOUT", "SOFTCAP"],
    workgroup: LANES,
    uses: ["math"],
    code: `${tileStart}${queryAt}${masks}${fourOf[kept]}
var<workgroup> of_lanes: array<vec4f, WORKGROUP>;

fn put(unit: u32, r: u32, channel: u32, four: vec4f) {
  if (r >= args.time * args.group) { return; }
  let at = query_at(unit, r);
  for (var i = 0u; i < 4u && channel + i < HEAD_DIM; i++) { out[at + channel + i] = four[i]; }
}

fn main(group: u32, lane: u32) {
  // The last rows see most keys: they begin first.
  let first = (args.tiles - 1u - group / args.units) * 32u; let unit = group % args.units;
  let total = args.time * args.group; let rows = lane / 16u; let others = lane % 16u;
  let row = min(vec4u(first + 4u * rows) + vec4u(0u, 1u, 2u, 3u), vec4u(total - 1u));
  let t = row / args.group; let head = unit * args.group + row % args.group;
  let position = vec4i(args.start + t);
  let low = i32(args.start + first / args.group) - args.window + 1;
  let last = args.start + (min(first + 32u, total) - 1u) / args.group;
  var top = vec4f(-1e30); var sum = vec4f();
  if (HAS_SINKS) {
    let own_head = head % (args.kvHeads * args.group);
    top = vec4f(sinks[own_head.x], sinks[own_head.y], sinks[own_head.z], sinks[own_head.w]);
    if (others == 0u) { sum = vec4f(1.0); }
  }
  ${accumulators("o", columns)}
  for (var block = u32(max(low, 0)) / 64u; block <= last / 64u; block++) {
    let slot = block % args.valueBlocks;
    let panel = unit * args.keyPanels + 8u * slot + others / 2u;
    ${products("s", "q", "query_at", "keys", "2 * panel * HEAD_DIM + others % 2u", keys)}
    let key = 64u * block + 4u * others;
    var highest = vec4f(-1e30);
    ${
      each(4, (i) => `
    let distance${i} = position - i32(key + ${i}u); let seen${i} = sees(distance${i});
    s${i} *= args.scale;
    if (SOFTCAP) { s${i} = args.softcap * tanh4(s${i} / args.softcap); }
    if (HAS_BIAS) { s${i} += vec4f(${["x", "y", "z", "w"].map((c) => `bias_at(head.${c}, distance${i}.${c})`)}); }
    highest = max(highest, select(vec4f(-1e30), s${i}, seen${i}));`)
    }
    of_lanes[lane] = highest;
    workgroupBarrier();
    for (var i = 0u; i < 16u; i++) { highest = max(highest, of_lanes[16u * rows + i]); }
    let above = max(top, highest); let factor = exp(top - above);
    top = above;
    sum *= factor;
    ${rescale("o", columns, "factor")}
    ${
      each(4, (i) => `
    s${i} = select(vec4f(), exp(s${i} - top), seen${i});
    sum += s${i};
    if (DROPOUT) {
      let word = (head * args.time + t) * args.time + key + ${i}u;
      s${i} *= vec4f(kept(word.x), kept(word.y), kept(word.z), kept(word.w));
    }`)
    }
    ${keep("s")}
    workgroupBarrier();
    let count = min(64u, last + 1u - 64u * block);
    ${accumulate("o", columns, "values", "(unit * args.valueBlocks + slot) * PANELS * 128u", "count", values)}
  }
  workgroupBarrier();
  of_lanes[lane] = sum;
  workgroupBarrier();
  sum = vec4f();
  for (var i = 0u; i < 16u; i++) { sum += of_lanes[16u * rows + i]; }
  let inverse = 1.0 / sum;
  ${rescale("o", columns, "inverse")}
  ${write("o", columns, "put")}
  if (HAS_LSE && others == 0u) {
    ${
      each(4, (i, c) => `
    if (first + 4u * rows + ${i}u < total) { lse[head.${c} * args.time + t.${c}] = top.${c} + log(sum.${c}); }`)
    }
  }
}`,
  });
}

/** How blocks of 64 keys and values are read. */
function readings(columns: number, kept: Kept): { keys: Reading; values: Reading } {
  const scaled = kept === "q8_0", groups = "((HEAD_DIM + 31u) / 32u)";
  // Channels beyond the last are read as their neighbours are, see column_at.
  const column = (m: number) => `min(4u * others + ${64 * m}u, HEAD_DIM - 1u) / 32u`;
  return {
    keys: {
      before: scaled ? ` let d = keyScales[(panel * ${groups} + c0 / 32u) * 2u + others % 2u];` : "",
      four: (element) => four(kept, element, "d"),
    },
    values: {
      before: scaled
        ? each(
          columns,
          (m) => ` let scale${m} = ((unit * args.valueBlocks + slot) * ${groups} + ${column(m)}) * 64u;`,
        )
        : "",
      four: (element, m, step) => four(kept, element, `valueScales[scale${m} + j + ${step}]`),
    },
  };
}
