import { eachInPanels, type InPanels, panelElement, panelQuad } from "./blocks.ts";
import { numberAt, type Stored, wordElement } from "./half.ts";
import { type Shader, shader } from "./shader.ts";
import { type TileArg, tiledProduct, type TileName } from "./tile.ts";

/** A shader for each tile. */
type Tiled<T extends string, A extends string, C extends string = never> = Readonly<
  Record<TileName, Shader<T, A | TileArg, C>>
>;

/**
 * `out[r, first + j] = Σ_i x[r, i] · w[j, i] + bias[first + j]` for the `n` columns of the panels `w`; rows of `out` are
 * `stride` long.
 */
export const matmulShaders: Readonly<
  Record<InPanels, Tiled<"out" | "x" | "w" | "bias", "m" | "n" | "stride" | "first">>
> = eachInPanels((stored) =>
  everyTile((size) =>
    tiledProduct(size, {
      name: `matmul_${stored}`,
      tensors: { out: "f32", x: "f32", w: panelElement[stored], bias: "f32" },
      optional: ["bias"],
      args: { m: "u32", n: "u32", stride: "u32", first: "u32" },
      leftAlong: "true",
      rightAlong: "true",
      panels: true,
      code: `${panelQuad(stored)}
fn left_at(row: u32, at: u32) -> f32 {
  if (row < args.m) { return x[row * args.depth + at]; }
  return 0.0;
}

fn right_quad(quad: u32, at: u32) -> vec4f {
  if (quad * 4 < args.n) { return panel_quad(quad / 2, at, quad % 2, args.depth); }
  return vec4f();
}

fn put(row: u32, column: u32, value: f32, part: u32) {
  if (row >= args.m || column >= args.n) { return; }
  var y = value;
  if (HAS_BIAS) { y += bias[args.first + column]; }
  out[row * args.stride + args.first + column] = y;
}`,
    })
  )
);

/**
 * `dx[r, i] += Σ_j g[r, first + j] · w[j, i]` over the rows j that `w` has; rows of `g` are `stride` long, those of `dx`
 * and `w` `k`. Without `ADD` the sum is written.
 */
export const gradXShaders: Readonly<
  Record<Stored, Tiled<"dx" | "g" | "w", "m" | "k" | "stride" | "first", "PANELS" | "ADD">>
> = bothStored((stored) =>
  everyTile((size) =>
    tiledProduct(size, {
      name: `matmul_dx_${stored}`,
      tensors: { dx: "f32", g: "f32", w: wordElement[stored] },
      args: { m: "u32", k: "u32", stride: "u32", first: "u32" },
      constants: ["PANELS", "ADD"],
      leftAlong: "true",
      // Of panels, neighbouring lanes read the eight rows that lie next to each other.
      rightAlong: "PANELS",
      code: `${numberAt(stored)}
fn left_at(row: u32, at: u32) -> f32 {
  if (row < args.m) { return g[row * args.stride + args.first + at]; }
  return 0.0;
}

fn right_at(column: u32, at: u32) -> f32 {
  if (column >= args.k) { return 0.0; }
  if (PANELS) { return number_at((at / 8 * args.k + column) * 8 + at % 8); }
  return number_at(at * args.k + column);
}

fn put(row: u32, column: u32, value: f32, part: u32) {
  if (row >= args.m || column >= args.k) { return; }
  let at = row * args.k + column;
  if (ADD) { dx[at] += value; } else { dx[at] = value; }
}`,
    })
  )
);

/**
 * `dw[j, i] += Σ_r g[r, first + j] · x[r, i]`: rows of `g` are `stride` long, `dw` has `n` rows of `k`, and each part of
 * the sum is written `size` numbers after the one before. Tiles have rows of `dw` for rows, or, of panels, for columns:
 * so that neighbouring lanes write what lies next to each other. Without `ADD` the sum is written.
 */
export const gradWShaders: Tiled<"dw" | "g" | "x", "n" | "k" | "stride" | "first" | "size", "PANELS" | "ADD"> =
  everyTile((size) =>
    tiledProduct(size, {
      name: "matmul_dw",
      tensors: { dw: "f32", g: "f32", x: "f32" },
      args: { n: "u32", k: "u32", stride: "u32", first: "u32", size: "u32" },
      constants: ["PANELS", "ADD"],
      leftAlong: "false",
      rightAlong: "false",
      code: `
fn g_at(row: u32, at: u32) -> f32 {
  if (row < args.n) { return g[at * args.stride + args.first + row]; }
  return 0.0;
}

fn x_at(column: u32, at: u32) -> f32 {
  if (column < args.k) { return x[at * args.k + column]; }
  return 0.0;
}

fn left_at(row: u32, at: u32) -> f32 {
  if (PANELS) { return x_at(row, at); }
  return g_at(row, at);
}

fn right_at(column: u32, at: u32) -> f32 {
  if (PANELS) { return g_at(column, at); }
  return x_at(column, at);
}

fn put(row: u32, column: u32, value: f32, part: u32) {
  var j = row; var i = column; var end = args.n;
  // The filling of the last panel is written, too: it is zero here, and may be anything in scratch memory.
  if (PANELS) { j = column; i = row; end = (args.n + 7) / 8 * 8; }
  if (j >= end || i >= args.k) { return; }
  var at = part * args.size + j * args.k + i;
  if (PANELS) { at = part * args.size + (j / 8 * args.k + i) * 8 + j % 8; }
  if (ADD) { dw[at] += value; } else { dw[at] = value; }
}`,
    })
  );

/** `out += Σ_p parts[p]`, in order; without `ADD` the sum is written. Parts are `size` numbers long. */
export const addPartsShader = shader({
  name: "add_parts",
  tensors: { out: "f32", parts: "f32" },
  args: { count: "u32", first: "u32", size: "u32", number: "u32" },
  constants: ["ADD"],
  workgroup: 256,
  code: `
fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  var sum = 0.0;
  for (var p = 0u; p < args.number; p++) { sum += parts[p * args.size + args.first + i]; }
  if (ADD) { out[i] += sum; } else { out[i] = sum; }
}`,
});

function everyTile<S>(make: (size: TileName) => S): Readonly<Record<TileName, S>> {
  return { large: make("large"), medium: make("medium"), small: make("small") };
}

function bothStored<S>(make: (stored: Stored) => S): Readonly<Record<Stored, S>> {
  return { f32: make("f32"), f16: make("f16") };
}
