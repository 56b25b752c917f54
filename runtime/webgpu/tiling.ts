import { type TileName, tiles } from "../../kernels/wgsl/tile.ts";

/** How a product is shared by workgroups. */
export interface Tiling {
  /** The tile. */
  readonly name: TileName;
  /** Tiles below each other. */
  readonly down: number;
  /** Tiles beside each other. */
  readonly across: number;
  /** Terms of each sum. */
  readonly depth: number;
  /** Terms that a part has, the last one perhaps fewer. */
  readonly chunk: number;
  /** Parts of the sums, each computed by workgroups of its own. */
  readonly parts: number;
  /** Workgroups. */
  readonly groups: number;
}

/** Workgroups below which a large GPU has too little to do. */
const ENOUGH = 100;
/** Workgroups that parts aim at: two for each multiprocessor of a large GPU. */
const WANTED = 256;
/** Fewest terms of a part: below, adding the parts costs as much as they save. */
const PART = 256;

/**
 * The largest tile that computes little beyond the edges of a product of `rows · columns` sums of `depth` terms and leaves
 * enough workgroups; few tiles are computed in up to `most` parts.
 */
export function chooseTile(rows: number, columns: number, depth: number, most = 1): Tiling {
  const limit = Math.max(1, Math.min(most, Math.floor(depth / PART)));
  const grid = (side: number) => ({ down: Math.ceil(rows / side), across: Math.ceil(columns / side) });
  const area = (side: number) => grid(side).down * grid(side).across * side ** 2;
  const fits = (name: TileName) => {
    const { side } = tiles[name], { down, across } = grid(side);
    return down * across * limit >= ENOUGH && area(side) <= 1.2 * area(tiles.small.side);
  };
  const name = fits("large") ? "large" : fits("medium") ? "medium" : "small", tile = tiles[name];
  const { down, across } = grid(tile.side), wanted = Math.min(limit, Math.ceil(WANTED / (down * across)));
  const chunk = Math.ceil(depth / wanted / tile.depth) * tile.depth, parts = Math.ceil(depth / chunk);
  return { name, down, across, depth, chunk, parts, groups: parts * down * across };
}
