import { type Blocks, panelQuad } from "./blocks.ts";
import { numberAt, type Stored, wordElement } from "./half.ts";
import { type Shader, shader } from "./shader.ts";

/**
 * `out[r] = w[ids[r]]`, a lane for each element of `out`; ids outside of `first … first + count` are left to whoever binds
 * that part of the table.
 */
export const gatherShaders: Readonly<
  Record<Stored, Shader<"out" | "w" | "ids", "total" | "dim" | "first" | "count", "PANELS">>
> = { f32: gatherShader("f32"), f16: gatherShader("f16") };

function gatherShader(stored: Stored): (typeof gatherShaders)[Stored] {
  return shader({
    name: `gather_${stored}`,
    tensors: { out: "f32", w: wordElement[stored], ids: "i32" },
    args: { total: "u32", dim: "u32", first: "i32", count: "i32" },
    constants: ["PANELS"],
    workgroup: 256,
    code: `${numberAt(stored)}
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.total) { return; }
  let id = ids[i / args.dim] - args.first;
  if (id < 0 || id >= args.count) { return; }
  let row = u32(id); let column = i % args.dim;
  if (PANELS) { out[i] = number_at((row / 8 * args.dim + column) * 8 + row % 8); }
  else { out[i] = number_at(row * args.dim + column); }
}`,
  });
}

/** The same for a table in blocks. */
export const gatherBlockShaders: Readonly<
  Record<Blocks, Shader<"out" | "w" | "ids", "total" | "dim" | "first" | "count">>
> = { q8_0: gatherBlockShader("q8_0"), q4_0: gatherBlockShader("q4_0") };

function gatherBlockShader(type: Blocks): (typeof gatherBlockShaders)[Blocks] {
  return shader({
    name: `gather_${type}`,
    tensors: { out: "f32", w: "vec4u", ids: "i32" },
    args: { total: "u32", dim: "u32", first: "i32", count: "i32" },
    workgroup: 256,
    code: `${panelQuad(type)}
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.total) { return; }
  let id = ids[i / args.dim] - args.first;
  if (id < 0 || id >= args.count) { return; }
  let row = u32(id);
  let four = panel_quad(row / 8, i % args.dim, row / 4 % 2, args.dim);
  out[i] = four[row % 4];
}`,
  });
}

/**
 * `dtable[ids[r]] += g[r]`, a workgroup for each row. The first row that has an id owns its row of the table: its
 * workgroup adds all rows that have the id, in order; the others have nothing to do. So nothing is written twice. Rows are
 * looked through 1024 at a time: a bit for each that has the id, then every lane adds its columns of those. Ids outside
 * of `first … first + count` are left to whoever binds that part of the table.
 */
export const gatherGradShader = shader({
  name: "gather_dx",
  tensors: { dtable: "f32", g: "f32", ids: "i32" },
  args: { rows: "u32", dim: "u32", first: "i32", count: "i32" },
  constants: ["PANELS"],
  workgroup: 256,
  code: `
var<workgroup> earlier: atomic<u32>;
var<workgroup> idle: u32;
var<workgroup> alike: array<atomic<u32>, 32>;

fn main(group: u32, lane: u32) {
  let id = ids[group];
  var seen = id < args.first || id >= args.first + args.count;
  for (var r = lane; r < group && !seen; r += WORKGROUP) { seen = ids[r] == id; }
  if (seen) { atomicOr(&earlier, 1u); }
  workgroupBarrier();
  if (lane == 0) { idle = atomicLoad(&earlier); }
  if (workgroupUniformLoad(&idle) != 0) { return; }

  let row = u32(id - args.first);
  for (var begin = group / 1024 * 1024; begin < args.rows; begin += 1024) {
    if (lane < 32) { atomicStore(&alike[lane], 0u); }
    workgroupBarrier();
    for (var r = begin + lane; r < min(begin + 1024, args.rows); r += WORKGROUP) {
      if (r >= group && ids[r] == id) { atomicOr(&alike[(r - begin) / 32], 1u << (r % 32)); }
    }
    workgroupBarrier();
    for (var column = lane; column < args.dim; column += WORKGROUP) {
      var at = row * args.dim + column;
      if (PANELS) { at = (row / 8 * args.dim + column) * 8 + row % 8; }
      var sum = dtable[at];
      for (var word = 0u; word < 32; word++) {
        var bits = atomicLoad(&alike[word]);
        while (bits != 0) {
          sum += g[(begin + word * 32 + firstTrailingBit(bits)) * args.dim + column];
          bits &= bits - 1;
        }
      }
      dtable[at] = sum;
    }
    workgroupBarrier();
  }
}`,
});
