import {
  accumulate,
  accumulators,
  each,
  keep,
  LANES,
  masks,
  products,
  queryAt,
  tileArgs,
  tileStart,
  write,
} from "./attention_tile.ts";
import { type Shader, shader } from "./shader.ts";

/**
 * What the gradient needs of each row of queries: `stats[unit, t · group + g] = (lse, Σ gradient · out)`, from
 * `lse [batch, heads, time]`. A workgroup for 8 rows, 16 lanes for each.
 */
export const attentionStatsShader = shader({
  name: "attention_stats",
  tensors: { stats: "f32", lse: "f32", g: "f32", result: "f32" },
  args: { count: "u32", time: "u32", kvHeads: "u32", group: "u32" },
  constants: ["HEAD_DIM"],
  workgroup: LANES,
  code: `${queryAt}
var<workgroup> sums: array<f32, WORKGROUP>;

fn main(group: u32, lane: u32) {
  let i = 8u * group + lane / 16u; let total = args.time * args.group;
  var sum = 0.0;
  if (i < args.count) {
    let at = query_at(i / total, i % total);
    for (var c = lane % 16u; c < HEAD_DIM; c += 16u) { sum += g[at + c] * result[at + c]; }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (i < args.count && lane % 16u == 0u) {
    sum = 0.0;
    for (var j = 0u; j < 16u; j++) { sum += sums[lane + j]; }
    let row = i % total;
    stats[2u * i] = lse[(i / total * args.group + row % args.group) * args.time + row / args.group];
    stats[2u * i + 1u] = sum;
  }
}`,
});

/** Dropout's factors of four words, where there is any. */
const factors = "vec4f(kept(word.x), kept(word.y), kept(word.z), kept(word.w))";

/** Puts a cap on a scaled score `s`; `slope` is that of the cap. */
const capped = (s: string, slope: string) =>
  `if (SOFTCAP) {
        let bounded = tanh4(${s} / args.softcap);
        ${s} = args.softcap * bounded;
        ${slope} = 1.0 - bounded * bounded;
      }`;

/**
 * For own queries and other keys: gradients of scores in the tile, 0 where nothing is seen: of `products` before a cap, or
 * of what a `bias` is added to, after it. `s0 …` are products of queries and keys, `d0 …` of the output's gradient and values.
 */
export function scoreGradients(of: "products" | "bias"): string {
  return `
    ${
    each(4, (i) => `
    {
      let distance = position - i32(64u * block + 4u * others + ${i}u);
      var slope = vec4f(1.0);
      s${i} *= args.scale;
      ${capped(`s${i}`, "slope")}
      if (HAS_BIAS) { s${i} += vec4f(${["x", "y", "z", "w"].map((c) => `bias_at(head.${c}, distance.${c})`)}); }
      if (DROPOUT) {
        let word = (head * args.time + t) * args.time + (64u * block + 4u * others + ${i}u);
        d${i} *= ${factors};
      }
      let gradient = exp(s${i} - lse) * (d${i} - delta)${of === "products" ? " * slope" : ""};
      s${i} = select(vec4f(), gradient, sees(distance) & valid);
    }`)
  }
    ${keep("s")}
    workgroupBarrier();`;
}

/** Tensors of {@linkcode attentionGradQShader}. */
type QueryTensors = "dq" | "q" | "g" | "keys" | "valueKeys" | "keyValues" | "stats" | "bias";
/** Its arguments. */
type QueryArgs = keyof typeof tileArgs | "units" | "tiles" | "panels" | "blocks";

/**
 * `dq = scale · Σ_j ds_j · k_j` with `ds = p (kept · g · v − Σ g · out)` and `p = exp(s − lse)`, computed again: the tiles of
 * attention.ts. With a cap ds has the factor `1 − tanh²`. `keys` are the cache's; of a second cache, `valueKeys` are the values laid out as keys and `keyValues` the
 * keys laid out as values.
 */
export function attentionGradQShader(
  columns: number,
): Shader<QueryTensors, QueryArgs, "HEAD_DIM" | "DROPOUT" | "SOFTCAP" | "ADD"> {
  return shader({
    name: "attention_grad_q",
    tensors: {
      dq: "f32",
      q: "f32",
      g: "f32",
      keys: "vec4f",
      valueKeys: "vec4f",
      keyValues: "vec4f",
      stats: "f32",
      bias: "f32",
    },
    optional: ["bias"],
    args: { ...tileArgs, units: "u32", tiles: "u32", panels: "u32", blocks: "u32" },
    constants: ["HEAD_DIM", "DROPOUT", "SOFTCAP", "ADD"],
    workgroup: LANES,
    uses: ["math"],
    code: `${tileStart}${queryAt}${masks}
fn put(unit: u32, r: u32, channel: u32, four: vec4f) {
  if (r >= args.time * args.group) { return; }
  let at = query_at(unit, r) + channel; let scaled = args.scale * four;
  for (var i = 0u; i < 4u && channel + i < HEAD_DIM; i++) {
    if (ADD) { dq[at + i] += scaled[i]; } else { dq[at + i] = scaled[i]; }
  }
}

fn main(group: u32, lane: u32) {
  let first = (args.tiles - 1u - group / args.units) * 32u; let unit = group % args.units;
  let total = args.time * args.group; let rows = lane / 16u; let others = lane % 16u;
  let row = min(vec4u(first + 4u * rows) + vec4u(0u, 1u, 2u, 3u), vec4u(total - 1u));
  let t = row / args.group; let head = unit * args.group + row % args.group;
  let position = vec4i(t); let valid = vec4<bool>(true); let stat = 2u * (unit * total + row);
  let lse = vec4f(stats[stat.x], stats[stat.y], stats[stat.z], stats[stat.w]);
  let delta = vec4f(stats[stat.x + 1u], stats[stat.y + 1u], stats[stat.z + 1u], stats[stat.w + 1u]);
  let low = i32(first / args.group) - args.window + 1;
  let last = (min(first + 32u, total) - 1u) / args.group;
  ${accumulators("o", columns)}
  for (var block = u32(max(low, 0)) / 64u; block <= last / 64u; block++) {
    let panel = unit * args.panels + 8u * block + others / 2u;
    ${products("s", "q", "query_at", "keys", "2u * panel * HEAD_DIM + others % 2u")}
    ${products("d", "g", "query_at", "valueKeys", "2u * panel * HEAD_DIM + others % 2u")}
    ${scoreGradients("products")}
    let count = min(64u, last + 1u - 64u * block);
    ${accumulate("o", columns, "keyValues", "(unit * args.blocks + block) * PANELS * 128u", "count")}
  }
  ${write("o", columns, "put")}
}`,
  });
}

/** Tensors of {@linkcode attentionGradKeysShader}. */
type KeyTensors = "k" | "v" | "dk" | "dv" | "keys" | "values" | "stats" | "bias";
/** Its arguments. */
type KeyArgs = keyof typeof tileArgs | "units" | "panels" | "blocks";

/**
 * `dk_j = scale · Σ ds · q` and `dv_j = Σ kept · p · g`, sums over all rows of queries that see key j, of every head that
 * shares it: the same tiles, but own rows are keys and the others queries. `keys` of a cache of twice as many sequences are
 * queries, then gradients, row t · group + g of a head of keys; its `values` are gradients, then queries. Nothing of it is
 * added by two workgroups.
 */
export function attentionGradKeysShader(
  columns: number,
): Shader<KeyTensors, KeyArgs, "HEAD_DIM" | "DROPOUT" | "SOFTCAP" | "ADD_K" | "ADD_V"> {
  return shader({
    name: "attention_grad_keys",
    // Outputs may be absent, which what is first may not.
    tensors: {
      k: "f32",
      v: "f32",
      dk: "f32",
      dv: "f32",
      keys: "vec4f",
      values: "vec4f",
      stats: "f32",
      bias: "f32",
    },
    optional: ["dk", "dv", "bias"],
    args: { ...tileArgs, units: "u32", panels: "u32", blocks: "u32" },
    constants: ["HEAD_DIM", "DROPOUT", "SOFTCAP", "ADD_K", "ADD_V"],
    workgroup: LANES,
    uses: ["math"],
    code: `${tileStart}${masks}
fn key_at(unit: u32, r: u32) -> u32 {
  let row = unit / args.kvHeads * args.time + min(r, args.time - 1u);
  return (row * args.kvHeads + unit % args.kvHeads) * HEAD_DIM;
}

fn put_k(unit: u32, r: u32, channel: u32, four: vec4f) {
  if (r >= args.time) { return; }
  let at = key_at(unit, r) + channel; let scaled = args.scale * four;
  for (var i = 0u; i < 4u && channel + i < HEAD_DIM; i++) {
    if (ADD_K) { dk[at + i] += scaled[i]; } else { dk[at + i] = scaled[i]; }
  }
}

fn put_v(unit: u32, r: u32, channel: u32, four: vec4f) {
  if (r >= args.time) { return; }
  let at = key_at(unit, r) + channel;
  for (var i = 0u; i < 4u && channel + i < HEAD_DIM; i++) {
    if (ADD_V) { dv[at + i] += four[i]; } else { dv[at + i] = four[i]; }
  }
}

fn main(group: u32, lane: u32) {
  let first = group / args.units * 32u; let unit = group % args.units;
  let total = args.time * args.group; let rows = lane / 16u; let others = lane % 16u;
  let key = min(vec4u(first + 4u * rows) + vec4u(0u, 1u, 2u, 3u), vec4u(args.time - 1u));
  let end = min(args.time, first + 31u + u32(args.window)) * args.group;
  ${accumulators("a", columns)}
  ${accumulators("b", columns)}
  for (var block = first * args.group / 64u; 64u * block < end; block++) {
    let panel = 8u * block + others / 2u; let count = min(64u, total - 64u * block);
    ${products("s", "k", "key_at", "keys", "2u * (unit * args.panels + panel) * HEAD_DIM + others % 2u")}
    ${
      each(4, (i) => `
    let r${i} = min(64u * block + 4u * others + ${i}u, total - 1u);
    let stat${i} = 2u * (unit * total + r${i}); var factor${i} = vec4f(1.0); var seen${i} = vec4<bool>();
    var slope${i} = vec4f(1.0);
    {
      let t = r${i} / args.group; let head = unit * args.group + r${i} % args.group;
      let distance = vec4i(i32(t)) - vec4i(key);
      s${i} *= args.scale;
      ${capped(`s${i}`, `slope${i}`)}
      if (HAS_BIAS) { s${i} += vec4f(${["x", "y", "z", "w"].map((c) => `bias_at(head, distance.${c})`)}); }
      seen${i} = sees(distance) & vec4<bool>(64u * block + 4u * others + ${i}u < total);
      s${i} = select(vec4f(), exp(s${i} - stats[stat${i}]), seen${i});
      if (DROPOUT) {
        let word = (head * args.time + t) * args.time + key;
        factor${i} = ${factors};
      }
    }`)
    }
    if (HAS_DV) {
      ${each(4, (i) => `let p${i} = s${i} * factor${i};`)}
      ${keep("p")}
      workgroupBarrier();
      ${accumulate("b", columns, "values", "(unit * args.blocks + block) * PANELS * 128u", "count")}
    }
    if (HAS_DK) {
      ${
      products("d", "v", "key_at", "keys", "2u * ((args.units + unit) * args.panels + panel) * HEAD_DIM + others % 2u")
    }
      ${
      each(4, (i) => `
      let gradient${i} = s${i} * (factor${i} * d${i} - stats[stat${i} + 1u]) * slope${i};
      let e${i} = select(vec4f(), gradient${i}, seen${i});`)
    }
      ${keep("e")}
      workgroupBarrier();
      ${accumulate("a", columns, "values", "((args.units + unit) * args.blocks + block) * PANELS * 128u", "count")}
    }
  }
  if (HAS_DK) {
    ${write("a", columns, "put_k")}
  }
  if (HAS_DV) {
    ${write("b", columns, "put_v")}
  }
}`,
  });
}

/**
 * `dsinks[h] −= Σ e^(sink − lse) · Σ g · out`, over the positions of all sequences, from the `stats` of
 * {@linkcode attentionStatsShader}: a workgroup for each head.
 */
export const attentionGradSinksShader = shader({
  name: "attention_grad_sinks",
  tensors: { dsinks: "f32", sinks: "f32", stats: "f32" },
  args: { batch: "u32", time: "u32", kvHeads: "u32", group: "u32" },
  workgroup: 256,
  code: `
var<workgroup> sums: array<f32, WORKGROUP>;

fn main(group: u32, lane: u32) {
  let score = sinks[group];
  var sum = 0.0;
  for (var i = lane; i < args.batch * args.time; i += WORKGROUP) {
    let unit = i / args.time * args.kvHeads + group / args.group;
    let stat = 2u * ((unit * args.time + i % args.time) * args.group + group % args.group);
    sum += exp(score - stats[stat]) * stats[stat + 1u];
  }
  sums[lane] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { dsinks[group] -= sums[0]; }
}`,
});
