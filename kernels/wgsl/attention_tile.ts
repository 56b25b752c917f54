import { random } from "./random.ts";

/**
 * Pieces of the shaders that compute a tile of 32 own rows × 64 others, as attention and its gradients do: 128 lanes,
 * `lane = 16 · rows + others`, of which each has the 4 own rows `4 · rows …`, and of them the products with the 4 others
 * `4 · others …`, then the channels `4 · others + 64 · m …`. So each number loaded meets 4, each result stays in registers.
 *
 * Own rows lie in rows and come by way of workgroup memory, 32 channels at a time; the others lie as in a cache, as keys
 * (`[unit, position/8, channel, 8]`) where products are over channels, as values (`[unit, position/64, channel/8, 64, 8]`)
 * where sums are over positions. 13 KiB of workgroup memory, 15 KiB with maxima.
 */

/** Rows that a workgroup owns. */
export const OWN = 32;
/** Channels of accumulators that fit into one vector of each lane. */
export const COLUMNS = 64;
/** Lanes of a workgroup. */
export const LANES = 128;

const FOUR = [0, 1, 2, 3] as const, LETTERS = "xyzw";

/** How the others are read that are not there as they are needed. */
export interface Reading {
  /** What it wants to know beforehand: of 32 channels from `c0` on, or of all columns of a block. */
  readonly before: string;
  /** WGSL: the four numbers of an element; of sums, of column `m` and position `j + step`. */
  four(element: string, m?: number, step?: number | string): string;
}

const asTheyAre: Reading = { before: "", four: (element) => element };

/** Arguments of attention that every tile needs. */
export const tileArgs = {
  time: "u32",
  kvHeads: "u32",
  group: "u32",
  window: "i32",
  biasLength: "u32",
  scale: "f32",
  softcap: "f32",
  threshold: "u32",
  keep: "f32",
  seed: "u32",
} as const;

/** Constants, workgroup memory and functions of every tile. */
export const tileStart = `${random}
const PANELS = (HEAD_DIM + 7u) / 8u;
// [channel][9 groups of 4 own rows], one of them unused: lanes that write neighbouring channels meet other banks.
var<workgroup> own: array<vec4f, 288>;
// [other][8 groups of 4 own rows], with one more after every 4 others for the same reason.
var<workgroup> tile: array<vec4f, 528>;

fn column_at(others: u32, m: u32) -> u32 {
  // Beyond the last panel a lane has nothing to do; it reads what its neighbour does.
  let c = min(4u * others + 64u * m, 8u * PANELS - 4u);
  return c / 8u * 128u + c / 4u % 2u;
}
`;

/**
 * Where row `t · group + g` of the queries of `unit`, a sequence's head of keys, begins in `[batch, time, heads, headDim]`:
 * position t, head g of those that share it. The last row stands in for those after it.
 */
export const queryAt = `
fn query_at(unit: u32, r: u32) -> u32 {
  let row = min(r, args.time * args.group - 1u);
  let t = unit / args.kvHeads * args.time + row / args.group;
  return ((t * args.kvHeads + unit % args.kvHeads) * args.group + row % args.group) * HEAD_DIM;
}
`;

/**
 * Whether queries see a key so far back, the bias for it, what dropout makes of a probability's factor, and hyperbolic
 * tangents, for which a shader uses `math`.
 */
export const masks = `
fn sees(distance: vec4i) -> vec4<bool> { return (distance >= vec4i(0)) & (distance < vec4i(args.window)); }

fn bias_at(head: u32, distance: i32) -> f32 {
  return bias[head % (args.kvHeads * args.group) * args.biasLength + u32(max(distance, 0))];
}

fn tanh4(x: vec4f) -> vec4f { return vec4f(tanh_of(x.x), tanh_of(x.y), tanh_of(x.z), tanh_of(x.w)); }

fn kept(word: u32) -> f32 { return select(0.0, args.keep, keeps(word, args.seed, args.threshold)); }
`;

/**
 * Products of own rows `first …` of `tensor`, which begin at `rowAt(unit, r)`, with 64 others from vector `at` of `others` on, to
 * the variables `${name}0 …`: one for each of 4 others, a vector over 4 own rows.
 */
export function products(
  name: string,
  tensor: string,
  rowAt: string,
  others: string,
  at: string,
  { before, four } = asTheyAre,
): string {
  const load = (i: number) => `${tensor}[${rowAt}(unit, first + 4 * (i / 32) + ${i}) + channel]`;
  const step = (channel: string) =>
    `{
      let a = own[(${channel}) * 9 + rows]; let b = ${four(`${others}[at + 2 * (${channel})]`)};
      ${FOUR.map((i) => `${name}${i} += b.${LETTERS[i]} * a;`).join(" ")}
    }`;
  return `
  ${FOUR.map((i) => `var ${name}${i} = vec4f();`).join(" ")}
  for (var c0 = 0u; c0 < HEAD_DIM; c0 += 32u) {
    workgroupBarrier();
    for (var i = lane; i < 256u; i += WORKGROUP) {
      let channel = c0 + i % 32u;
      var four = vec4f();
      if (channel < HEAD_DIM) { four = vec4f(${FOUR.map(load).join(", ")}); }
      own[(i % 32u) * 9u + i / 32u] = four;
    }
    workgroupBarrier();
    let width = min(32u, HEAD_DIM - c0); let at = (${at}) + 2 * c0;${before}
    var c = 0u;
    for (; c + 4u <= width; c += 4u) { ${FOUR.map((i) => step(`c + ${i}u`)).join(" ")} }
    for (; c < width; c++) ${step("c")}
  }`;
}

/** Puts `${name}0 …` into the tile. */
export function keep(name: string): string {
  return FOUR.map((i) => `tile[33u * others + ${8 * i}u + rows] = ${name}${i};`).join(" ");
}

/** Declares the accumulators `${name}m_r` of own row r and channels `4 · others + 64 m …`. */
export function accumulators(name: string, columns: number): string {
  return each(columns, (m) => FOUR.map((r) => `var ${name}${m}_${r} = vec4f();`).join(" "));
}

/** Adds the tile times values, `count` of them, the first block of which begins at vector `at` of `tensor`. */
export function accumulate(
  name: string,
  columns: number,
  tensor: string,
  at: string,
  count: string,
  { before, four } = asTheyAre,
): string {
  const step = (j: number | string, offset: string) =>
    `{
      let p = tile[33u * (j / 4u) + ${offset} + rows];
      ${
      each(columns, (m) =>
        `{ let b = ${four(`${tensor}[at${m} + 2 * (j + ${j})]`, m, j)}; ${
          FOUR.map((r) => `${name}${m}_${r} += p.${LETTERS[r]} * b;`).join(" ")
        } }`)
    }
    }`;
  return `
  {
    ${each(columns, (m) => `let at${m} = (${at}) + column_at(others, ${m}u);`)}${before}
    var j = 0u;
    for (; j + 4u <= ${count}; j += 4u) { ${FOUR.map((i) => step(`${i}u`, `${8 * i}u`)).join(" ")} }
    for (; j < ${count}; j++) ${step("0u", "8u * (j % 4u)")}
  }`;
}

/** Multiplies accumulators by the components of a vector over own rows. */
export function rescale(name: string, columns: number, factors: string): string {
  return each(columns, (m) => FOUR.map((r) => `${name}${m}_${r} *= ${factors}.${LETTERS[r]};`).join(" "));
}

/** Calls `put(unit, r, channel, four)` for every four channels of the accumulators, those beyond rows and channels, too. */
export function write(name: string, columns: number, put: string): string {
  return each(
    columns,
    (m) =>
      FOUR.map((r) => `${put}(unit, first + 4u * rows + ${r}u, 4u * others + ${64 * m}u, ${name}${m}_${r});`).join(
        "\n  ",
      ),
  );
}

/** `code(0) … code(count − 1)`, a line each. */
export function each(count: number, code: (i: number, letter: string) => string): string {
  return Array.from({ length: count }, (_, i) => code(i, LETTERS[i])).join("\n  ");
}
