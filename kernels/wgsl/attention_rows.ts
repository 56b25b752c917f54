import { keyScores } from "./attention_keys.ts";
import { each, queryAt } from "./attention_tile.ts";
import { four as unpacked, fourOf, type Kept, keptElement } from "./kept.ts";
import { type Shader, shader } from "./shader.ts";

/** Lanes, and keys of a block: each lane has one. */
export const BLOCK = 128;
/** Most channels of a head: two groups of lanes for all of its channels at least. */
export const MOST_CHANNELS = 256;

/** Queries of a workgroup, of `total`, for heads of `headDim` channels: as many as workgroup memory has room for. */
export function rowsAtATime(total: number, headDim: number): number {
  return total === 1 ? 1 : total <= 4 || headDim > 128 ? 4 : 8;
}

/** Vectors of values that a lane waits for at a time. */
const AHEAD = 8;

/** Tensors of {@linkcode attentionRowsShader}. */
type Tensors = "out" | "q" | "keys" | "values" | "keyScales" | "valueScales" | "bias" | "sinks";
/** Its arguments. */
type Args =
  | "time"
  | "kvHeads"
  | "group"
  | "window"
  | "biasLength"
  | "scale"
  | "softcap"
  | "start"
  | "tiles"
  | "parts"
  | "span"
  | "keyPanels"
  | "valueBlocks";

/**
 * Attention of few rows over many keys, as in decoding, where reading keys and values is what takes time. A workgroup owns
 * `rows` (1, or a multiple of 4) queries of one head of keys and one of `parts` parts of its keys, `span` of them: a lane
 * scores a key of a block of 128 for all rows, then sums four channels of every so manieth value. With more than one part
 * (`PARTS`) it leaves in `out` the sum of each row, its greatest score and its sum of exponentials for
 * {@linkcode combineShader}: flash-decoding, Dao et al. 2023, https://pytorch.org/blog/flash-decoding/ A sink is the first
 * key of the first part alone.
 */
export function attentionRowsShader(
  rows: number,
  kept: Kept,
): Shader<Tensors, Args, "HEAD_DIM" | "SOFTCAP" | "PARTS"> {
  // Numbers of all rows: one, or vectors of four.
  const type = rows === 1 ? "f32" : "vec4f", vectors = Math.ceil(rows / 4);
  const of = (name: string, row: number) => rows === 1 ? `${name}0` : `${name}${row >> 2}.${"xyzw"[row & 3]}`;
  const component = (name: string, v: number) => rows === 1 ? `${name}0` : `${name}${v}[i]`;
  const four = (item: (row: number) => string, v: number) =>
    rows === 1 ? item(0) : `vec4f(${[0, 1, 2, 3].map((i) => item(4 * v + i))})`;
  const value = (position: string) =>
    unpacked(
      kept,
      `values[value_at(unit, ${position}, column)]`,
      `valueScales[value_scale_at(unit, ${position}, column)]`,
    );
  const addValue = (b: string, j: string) =>
    `{
        let b = ${b};
        ${each(vectors, (v) => `let p${v} = numbers[(${j}) * ${vectors}u + ${v}u];`)}
        ${each(rows, (r) => `o${r} += ${of("p", r)} * b;`)}
      }`;
  const reduced = (name: string, combine: (a: string, b: string) => string) => `
    workgroupBarrier();
    ${each(vectors, (v) => `numbers[${v}u * WORKGROUP + lane] = ${name}${v};`)}
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (lane < half) {
        ${
    each(vectors, (v) => {
      const at = `numbers[${v}u * WORKGROUP + lane]`;
      return `${at} = ${combine(at, `numbers[${v}u * WORKGROUP + lane + half]`)};`;
    })
  }
      }
    }
    workgroupBarrier();
    ${each(vectors, (v) => `${name}${v} = numbers[${v}u * WORKGROUP];`)}
    workgroupBarrier();`;
  return shader({
    name: kept === "f32" ? "attention_rows" : `attention_rows_${kept}`,
    tensors: {
      out: "f32",
      q: "f32",
      keys: kept === "f32" ? "f32" : keptElement[kept],
      values: keptElement[kept],
      keyScales: "vec4f",
      valueScales: "f32",
      bias: "f32",
      sinks: "f32",
    },
    optional: ["keyScales", "valueScales", "bias", "sinks"],
    args: {
      time: "u32",
      kvHeads: "u32",
      group: "u32",
      window: "i32",
      biasLength: "u32",
      scale: "f32",
      softcap: "f32",
      start: "u32",
      tiles: "u32",
      parts: "u32",
      span: "u32",
      keyPanels: "u32",
      valueBlocks: "u32",
    },
    constants: ["HEAD_DIM", "SOFTCAP", "PARTS"],
    workgroup: BLOCK,
    uses: ["math"],
    code: `
const PANELS = (HEAD_DIM + 7u) / 8u;
// Lanes that have all channels between them, and how many times over there are as many.
const COLUMNS = 2u * PANELS;
const TEAMS = WORKGROUP / COLUMNS;
const STRIDE = 4u * COLUMNS + 2u;
var<workgroup> queries: array<${type}, ${vectors}u * HEAD_DIM>;
var<workgroup> numbers: array<${type}, ${vectors}u * WORKGROUP>;
var<workgroup> sums: array<vec4f, ${Math.min(rows, 4)}u * WORKGROUP>;
${queryAt}${fourOf[kept]}
fn sees(distance: i32) -> bool { return distance >= 0 && distance < args.window; }

fn head_of(unit: u32, r: u32) -> u32 { return unit % args.kvHeads * args.group + r % args.group; }

fn bias_of(unit: u32, r: u32, distance: i32) -> f32 {
  return bias[head_of(unit, r) * args.biasLength + u32(max(distance, 0))];
}

// A ring begins anew after valueBlocks; no workgroup's keys go around it more than once.
var<private> turn: u32;

fn slot_of(position: u32) -> u32 {
  let slot = position - turn;
  return select(slot, slot - 64u * args.valueBlocks, slot >= 64u * args.valueBlocks);
}

fn value_at(unit: u32, position: u32, column: u32) -> u32 {
  let slot = slot_of(position);
  let panel = (unit * args.valueBlocks + slot / 64u) * PANELS + column / 2u;
  return (panel * 64u + slot % 64u) * 2u + column % 2u;
}

${
      kept === "q8_0"
        ? `
fn value_scale_at(unit: u32, position: u32, column: u32) -> u32 {
  let slot = slot_of(position);
  return ((unit * args.valueBlocks + slot / 64u) * ((HEAD_DIM + 31u) / 32u) + column / 8u) * 64u + slot % 64u;
}
`
        : ""
    }
fn main(group: u32, lane: u32) {
  let part = group % args.parts; let unit = group / args.parts / args.tiles;
  let first = group / args.parts % args.tiles * ${rows}u; let total = args.time * args.group;
  let low = max(0, i32(args.start + first / args.group) - args.window + 1);
  let begin = u32(low) / 64u * 64u + part * args.span;
  let end = min(begin + args.span, args.start + (min(first + ${rows}u, total) - 1u) / args.group + 1u);
  turn = begin / (64u * args.valueBlocks) * (64u * args.valueBlocks);
  for (var c = lane; c < HEAD_DIM; c += WORKGROUP) {
    ${
      each(vectors, (v) =>
        `queries[c * ${vectors}u + ${v}u] = ${four((i) => `q[query_at(unit, first + ${i}u) + c]`, v)};`)
    }
  }
  workgroupBarrier();
  ${
      // Teams of what is packed have neighbouring positions beside each other, as they lie.
      kept === "f32"
        ? "let column = lane % COLUMNS; let team = lane / COLUMNS;"
        : "let column = lane / 2u / TEAMS * 2u + lane % 2u; let team = select(TEAMS, lane / 2u % TEAMS, column < COLUMNS);"}
  ${each(vectors, (v) => `var top${v} = ${type}(-1e30); var sum${v} = ${type}();`)}
  if (HAS_SINKS && part == 0u) {
    ${each(vectors, (v) => `top${v} = ${four((i) => `sinks[head_of(unit, first + ${i}u)]`, v)};`)}
    if (lane == 0u) { ${each(vectors, (v) => `sum${v} = ${type}(1.0);`)} }
  }
  ${
      each(rows, (r) =>
        `var o${r} = vec4f(); let position${r} = i32(args.start + min(first + ${r}u, total - 1u) / args.group);`)
    }
  for (var base = begin; base < end; base += WORKGROUP) {
    // No row sees a key that is not within: the last block alone may have them.
    let key = base + lane; let within = key < end;
    ${keyScores(kept, rows)}
    ${each(rows, (r) => `let distance${r} = position${r} - i32(key); let seen${r} = sees(distance${r});`)}
    ${
      each(vectors, (v) => `
    s${v} *= args.scale;
    if (SOFTCAP) { s${v} = ${four((i) => `args.softcap * tanh_of(${of("s", i)} / args.softcap)`, v)}; }
    if (HAS_BIAS && within) { s${v} += ${four((i) => `bias_of(unit, first + ${i}u, distance${i})`, v)}; }
    var high${v} = ${four((i) => `select(-1e30, ${of("s", i)}, seen${i})`, v)};`)
    }
    ${reduced("high", (a, b) => `max(${a}, ${b})`)}
    ${
      each(vectors, (v) => `
    high${v} = max(high${v}, top${v}); let factor${v} = exp(top${v} - high${v});
    top${v} = high${v};
    s${v} = ${four((i) => `select(0.0, exp(${of("s", i)} - ${of("top", i)}), seen${i})`, v)};
    sum${v} = sum${v} * factor${v} + s${v};
    numbers[lane * ${vectors}u + ${v}u] = s${v};`)
    }
    workgroupBarrier();
    ${each(rows, (r) => `o${r} *= ${of("factor", r)};`)}
    if (team < TEAMS) {
      let count = min(WORKGROUP, end - base);
      var j = team;
      for (; j + ${AHEAD - 1}u * TEAMS < count; j += ${AHEAD}u * TEAMS) {
        ${each(AHEAD, (i) => `let b${i} = ${value(`base + j + ${i}u * TEAMS`)};`)}
        ${each(AHEAD, (i) => addValue(`b${i}`, `j + ${i}u * TEAMS`))}
      }
      for (; j < count; j += TEAMS) { ${addValue(value("base + j"), "j")} }
    }
  }
  ${reduced("sum", (a, b) => `${a} + ${b}`)}
  ${
      each(vectors, (v) => `
  ${
        each(
          Math.min(rows, 4),
          (i) => `if (team < TEAMS) { sums[${i}u * WORKGROUP + team * COLUMNS + column] = o${4 * v + i}; }`,
        )
      }
  workgroupBarrier();
  for (var item = lane; item < ${Math.min(rows, 4)}u * COLUMNS; item += WORKGROUP) {
    let i = item / COLUMNS; let c = item % COLUMNS; let r = first + ${4 * v}u + i;
    if (r >= total) { break; }
    var all = vec4f();
    for (var j = 0u; j < TEAMS; j++) { all += sums[i * WORKGROUP + j * COLUMNS + c]; }
    if (PARTS) {
      let at = ((unit * total + r) * args.parts + part) * STRIDE;
      for (var j = 0u; j < 4u; j++) { out[at + 4u * c + j] = all[j]; }
      if (c == 0u) {
        out[at + 4u * COLUMNS] = ${component("top", v)};
        out[at + 4u * COLUMNS + 1u] = ${component("sum", v)};
      }
    } else {
      let at = query_at(unit, r) + 4u * c;
      for (var j = 0u; j < 4u && 4u * c + j < HEAD_DIM; j++) { out[at + j] = all[j] / ${component("sum", v)}; }
    }
  }
  workgroupBarrier();`)
    }
}`,
  });
}

/** What joins the parts of {@linkcode attentionRowsShader}: a workgroup for each row, a lane for each channel. */
export const combineShader = shader({
  name: "attention_combine",
  tensors: { out: "f32", partial: "f32" },
  args: { time: "u32", kvHeads: "u32", group: "u32", parts: "u32" },
  constants: ["HEAD_DIM"],
  workgroup: 64,
  code: `
const CHANNELS = (HEAD_DIM + 7u) / 8u * 8u;
const STRIDE = CHANNELS + 2u;

fn main(group: u32, lane: u32) {
  let total = args.time * args.group; let unit = group / total; let row = group % total;
  let first = group * args.parts * STRIDE;
  var top = -1e30;
  for (var i = 0u; i < args.parts; i++) { top = max(top, partial[first + i * STRIDE + CHANNELS]); }
  let t = unit / args.kvHeads * args.time + row / args.group;
  let head = (t * args.kvHeads + unit % args.kvHeads) * args.group + row % args.group;
  for (var c = lane; c < HEAD_DIM; c += WORKGROUP) {
    var sum = 0.0; var all = 0.0;
    for (var i = 0u; i < args.parts; i++) {
      let at = first + i * STRIDE;
      let share = exp(partial[at + CHANNELS] - top);
      sum += share * partial[at + CHANNELS + 1u];
      all += share * partial[at + c];
    }
    out[head * HEAD_DIM + c] = all / sum;
  }
}`,
});
