import { eachInPanels, type InPanels, panelElement, panelQuad } from "./blocks.ts";
import { quadElement, type Stored, storedQuad } from "./half.ts";
import { type Shader, shader } from "./shader.ts";

/** A shader for weights of 32 bits and one for weights of 16. */
type Both<T extends string, A extends string, C extends string = never> = Readonly<Record<Stored, Shader<T, A, C>>>;

/**
 * Panels from rows: `out[p][i][4h + c] = x[8p + 4h + c, i]`, a lane for each four; rows past `rows` are zeros. The first
 * panel is number `skip` of `out`.
 */
export const packShaders: Both<"out" | "x", "count" | "k" | "rows" | "skip"> = both((stored) =>
  shader({
    name: `pack_${stored}`,
    tensors: { out: quadElement[stored], x: "f32" },
    args: { count: "u32", k: "u32", rows: "u32", skip: "u32" },
    workgroup: 256,
    code: `${storedQuad(stored)}
fn element(row: u32, column: u32) -> f32 {
  if (row < args.rows) { return x[row * args.k + column]; }
  return 0.0;
}

fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  let column = i / 2 % args.k;
  let row = i / (2 * args.k) * 8 + i % 2 * 4;
  let v = vec4f(element(row, column), element(row + 1, column), element(row + 2, column), element(row + 3, column));
  out[args.skip * 2 * args.k + i] = stored_quad(v);
}`,
  })
);

/**
 * Panels from columns: `out[p][first + i][4h + c] = x[i, 8p + 4h + c]`, a lane for each four. `x` is `[columns, n]`; the
 * panels begin at column `column` of it and are `k` deep.
 */
export const packTransposedShaders: Both<"out" | "x", "count" | "columns" | "n" | "k" | "first" | "column"> = both((
  stored,
) =>
  shader({
    name: `pack_transposed_${stored}`,
    tensors: { out: quadElement[stored], x: "f32" },
    args: { count: "u32", columns: "u32", n: "u32", k: "u32", first: "u32", column: "u32" },
    workgroup: 256,
    code: `${storedQuad(stored)}
fn element(row: u32, column: u32) -> f32 {
  if (column < args.n) { return x[row * args.n + column]; }
  return 0.0;
}

fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  let row = i / 2 % args.columns;
  let panel = i / (2 * args.columns);
  let column = args.column + panel * 8 + i % 2 * 4;
  let v = vec4f(element(row, column), element(row, column + 1), element(row, column + 2), element(row, column + 3));
  out[(panel * args.k + args.first + row) * 2 + i % 2] = stored_quad(v);
}`,
  })
);

/** Rows from panels: `out[8p + 4h + c, i] = w[p][i][4h + c]`, a lane for each four. */
export const unpackShaders: Readonly<Record<InPanels, Shader<"out" | "w", "count" | "k" | "rows">>> = eachInPanels((
  stored,
) =>
  shader({
    name: `unpack_${stored}`,
    tensors: { out: "f32", w: panelElement[stored] },
    args: { count: "u32", k: "u32", rows: "u32" },
    workgroup: 256,
    code: `${panelQuad(stored)}
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  let column = i / 2 % args.k;
  let row = i / (2 * args.k) * 8 + i % 2 * 4;
  let v = panel_quad(i / (2 * args.k), column, i % 2, args.k);
  if (row < args.rows) { out[row * args.k + column] = v.x; }
  if (row + 1 < args.rows) { out[(row + 1) * args.k + column] = v.y; }
  if (row + 2 < args.rows) { out[(row + 2) * args.k + column] = v.z; }
  if (row + 3 < args.rows) { out[(row + 3) * args.k + column] = v.w; }
}`,
  })
);

/** `out = x` in f32, a lane for each word of two: f16, or bf16, which is the upper half of an f32. */
export const widenShader = shader({
  name: "widen",
  tensors: { out: "f32", x: "u32" },
  args: { count: "u32" },
  constants: ["BFLOAT"],
  workgroup: 256,
  code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (2 * i >= args.count) { return; }
  let word = x[i];
  var pair = unpack2x16float(word);
  if (BFLOAT) { pair = bitcast<vec2f>(vec2u(word << 16u, word & 0xffff0000u)); }
  out[2 * i] = pair.x;
  if (2 * i + 1 < args.count) { out[2 * i + 1] = pair.y; }
}`,
});

function both<S>(make: (stored: Stored) => S): Readonly<Record<Stored, S>> {
  return { f32: make("f32"), f16: make("f16") };
}
