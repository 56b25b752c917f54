import { type ArgType, type Element, type Shader, shader } from "./shader.ts";

/** Tiles of products, by what they are for. */
export type TileName = "large" | "medium" | "small";

/** A square of a product that a workgroup of 256 lanes computes. */
export interface Tile {
  /** Rows and columns of it. */
  readonly side: number;
  /** Terms of the sums that are in workgroup memory at a time; `side · depth` is 1024, four of either factor a lane. */
  readonly depth: number;
  /** A lane has `4 · quads` rows and as many columns. */
  readonly quads: number;
  /** Lanes that share an element: each adds its part of the terms, then one adds what they have. */
  readonly split: number;
}

/** The more numbers a lane has, the fewer it reads for each; the smaller the tile, the more workgroups there are. */
export const tiles: Readonly<Record<TileName, Tile>> = {
  large: { side: 128, depth: 8, quads: 2, split: 1 },
  medium: { side: 64, depth: 16, quads: 1, split: 1 },
  small: { side: 32, depth: 32, quads: 1, split: 4 },
};

/** Arguments of every product: tiles below and beside each other, terms of a sum, and how many of them a part has. */
export type TileArg = "down" | "across" | "depth" | "chunk";

/** What a product is made of. */
export interface Product<T extends string, A extends string, C extends string> {
  /** Of the shader. */
  readonly name: string;
  /** See {@linkcode Shader}. */
  readonly tensors: Readonly<Record<T, Element>>;
  /** See {@linkcode Shader}. */
  readonly optional?: readonly NoInfer<T>[];
  /** Beside those of every product. */
  readonly args: Readonly<Record<A, ArgType>>;
  /** See {@linkcode Shader}. */
  readonly constants?: readonly C[];
  /** WGSL: whether lanes that are neighbours bring neighbouring terms of the left factor; else neighbouring rows. */
  readonly leftAlong: string;
  /** The same for terms and columns of the right factor. */
  readonly rightAlong: string;
  /** The right factor comes in fours of neighbouring columns, two fours to a panel: `right_quad(quad, at)`. */
  readonly panels?: boolean;
  /**
   * WGSL: `fn left_at(row: u32, at: u32) -> f32`, term `at` of the left factor; `fn right_at(column: u32, at: u32) -> f32`,
   * or `fn right_quad(quad: u32, at: u32) -> vec4f`; both 0 past the last row or column, and only asked for terms that
   * there are; `fn put(row: u32, column: u32, value: f32, part: u32)`, which leaves out what is past the edges.
   */
  readonly code: string;
}

/** Rows of tiles whose workgroups run at about the same time, so that they find each other's factors in cache. */
const BAND = 16;

/**
 * `Σ_at left[row, at] · right[at, column]`, a workgroup for each tile and each part of the sum. Factors lie in workgroup
 * memory as `[depth][side / 4]` vectors: slot s of a factor holds rows (or columns) s, s + side/4, s + side/2 and
 * s + 3/4 side, so that neighbouring lanes read and write neighbouring numbers; of panels it holds columns 4s … 4s + 3.
 * Rows of that are padded, so that the lanes that write together use different banks. While a tile is multiplied, the next
 * numbers are on their way to registers. Loops are written out: what is indexed by a loop's variable is not sure to stay
 * in registers.
 */
export function tiledProduct<T extends string, A extends string, const C extends string = never>(
  size: TileName,
  product: Product<T, A, C>,
): Shader<T, A | TileArg, C> {
  const { side, depth, quads, split } = tiles[size], slots = side / 4, lanes = slots / quads;
  const { panels = false, constants = [], optional = [] } = product;
  const leftRow = slots + 1, rightRow = slots + (panels ? 2 : 1), each = [0, 1, 2, 3];
  const rows = range(quads).flatMap((quad) => "xyzw".split("").map((c, i) => ({ quad, c, name: `${quad}${i}`, i })));
  const step = (k: number) => [
    ...range(quads).map((q) => `let a${k}_${q} = lefts[left_from + ${k * leftRow + q * lanes}];`),
    ...range(quads).map((q) => `let b${k}_${q} = rights[right_from + ${k * rightRow + q * lanes}];`),
    ...rows.flatMap(({ quad, c, name }) =>
      range(quads).map((q) => `sum${name}_${q} = fma(vec4f(a${k}_${quad}.${c}), b${k}_${q}, sum${name}_${q});`)
    ),
  ];
  const column = (q: number, i: number) =>
    `column0 + ${panels ? `4 * (tx + ${q * lanes}) + ${i}` : `tx + ${q * lanes + i * slots}`}`;
  const put = ({ quad, i }: { quad: number; i: number }, q: number, value: string) =>
    each.map((e) => `put(row0 + ty + ${quad * lanes + i * slots}, ${column(q, e)}, ${value}.${"xyzw"[e]}, part);`).join(
      "\n",
    );
  const stored = split === 1
    ? rows.flatMap((row) => range(quads).map((q) => put(row, q, `sum${row.name}_${q}`)))
    : rows.map((row) =>
      `workgroupBarrier();
  lefts[lane] = sum${row.name}_0;
  workgroupBarrier();
  if (share == ${row.i}) {
    let total = ${range(split).map((s) => `lefts[lane % ${lanes * lanes} + ${s * lanes * lanes}]`).join(" + ")};
    ${put(row, 0, "total")}
  }`
    );
  return shader({
    name: `${product.name}_${size}`,
    tensors: product.tensors,
    optional,
    args: { down: "u32", across: "u32", depth: "u32", chunk: "u32", ...product.args },
    constants,
    workgroup: 256,
    code: `${product.code}
var<workgroup> lefts: array<vec4f, ${depth * leftRow}>;
var<workgroup> rights: array<vec4f, ${depth * rightRow}>;

fn left_four(row: u32, at: u32, end: u32) -> vec4f {
  if (at >= end) { return vec4f(); }
  return vec4f(${each.map((i) => `left_at(row + ${i * slots}, at)`).join(", ")});
}

fn right_four(column0: u32, slot: u32, at: u32, end: u32) -> vec4f {
  if (at >= end) { return vec4f(); }
  return ${
      panels
        ? "right_quad(column0 / 4 + slot, at)"
        : `vec4f(${each.map((i) => `right_at(column0 + slot + ${i * slots}, at)`).join(", ")})`
    };
}

fn main(group: u32, lane: u32) {
  let part = group / (args.down * args.across);
  let place = group % (args.down * args.across);
  let band = place / (${BAND} * args.across);
  let height = min(${BAND}u, args.down - band * ${BAND});
  let within = place - band * ${BAND} * args.across;
  let row0 = (band * ${BAND} + within % height) * ${side};
  let column0 = within / height * ${side};
  let begin = part * args.chunk;
  let end = min(begin + args.chunk, args.depth);

  let left_slot = select(lane % ${slots}, lane / ${depth}, ${product.leftAlong});
  let left_k = select(lane / ${slots}, lane % ${depth}, ${product.leftAlong});
  ${
      panels
        ? `let right_slot = lane / ${2 * depth} * 2 + lane % 2;
  let right_k = lane / 2 % ${depth};`
        : `let right_slot = select(lane % ${slots}, lane / ${depth}, ${product.rightAlong});
  let right_k = select(lane / ${slots}, lane % ${depth}, ${product.rightAlong});`
    }
  let tx = lane % ${lanes};
  let ty = lane / ${lanes} % ${lanes};
  let share = lane / ${lanes * lanes};
  let left_from = share * ${depth / split * leftRow} + ty;
  let right_from = share * ${depth / split * rightRow} + tx;
  ${rows.flatMap(({ name }) => range(quads).map((q) => `var sum${name}_${q} = vec4f();`)).join(" ")}

  var left = left_four(row0 + left_slot, begin + left_k, end);
  var right = right_four(column0, right_slot, begin + right_k, end);
  for (var at = begin; at < end; at += ${depth}) {
    workgroupBarrier();
    lefts[left_k * ${leftRow} + left_slot] = left;
    rights[right_k * ${rightRow} + right_slot] = right;
    workgroupBarrier();
    left = left_four(row0 + left_slot, at + ${depth} + left_k, end);
    right = right_four(column0, right_slot, at + ${depth} + right_k, end);
    ${range(depth / split).flatMap(step).join("\n    ")}
  }
  ${stored.join("\n  ")}
}`,
  }) as unknown as Shader<T, A | TileArg, C>;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
