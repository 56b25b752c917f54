import type { Allocate } from "../components/component.ts";
import type { Arena } from "../runtime/arena.ts";
import type { KeyValueCache } from "../runtime/kernels.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { size, type Tensor } from "../runtime/tensor.ts";
import type { Parts } from "./assemble.ts";
import type { ResolvedConfig } from "./config.ts";

/** A token that only the backend knows: it was chosen there, and has not been read. */
export const UNKNOWN = -1;

/** What {@linkcode Model.forward} needs of a cache. */
export interface HeldPositions {
  /** One entry for each block, made by its attention. */
  readonly layers: readonly unknown[];
  /** Positions that fit. */
  readonly length: number;
  /** Positions that it holds, from the first. */
  readonly held: number;
  /** How many positions can be run at once, where layers keep a window and little else. Default: all. */
  readonly spare?: number;
  /**
   * Forgets the positions from `length` on; those up to `until` will be written then. Their memory stays reserved. Throws a
   * `RangeError` where a layer has forgotten what comes before `length`; 0 is always possible.
   */
  trim(length: number, until?: number): void;
  /** Takes note that the positions from `start` on are those of `tokens` now, one sequence after another. */
  hold(tokens: ArrayLike<number>, start: number): void;
}

/** What a model remembers of the tokens that it has seen, and which they were. */
export interface ModelCache extends HeldPositions, Disposable {
  /** Number of sequences. */
  readonly batch: number;
  /** Memory taken. */
  readonly bytes: number;
  /** The tokens of each sequence that it holds. They are valid as long as the weights of the model do not change. */
  readonly ids: readonly (readonly number[])[];
  /** Takes note that what it holds at `position` is `tokens`, one for each sequence, which was {@linkcode UNKNOWN} before. */
  learn(tokens: readonly number[], position: number): void;
  /** All that its layers remember, in the order in which they asked for memory. */
  readonly tensors: readonly Tensor[];
  /** The highest number of positions that it has held since it was empty: what windows forget goes by that. */
  readonly reach: number;
  /**
   * Keeps what `prompts` (one for each sequence, of equal length) begin with, forgets the rest, and says how many
   * positions that are: {@linkcode Model.forward} goes on from there. 0 where a window has forgotten what is needed.
   */
  keep(prompts: readonly ArrayLike<number>[]): number;
  /** A cache of its own with the same content: both can go on from here. */
  fork(): ModelCache;
  /** Gives the memory back. */
  close(): void;
}

/** An empty cache. Throws a `RangeError` for sizes that are beyond the context, or that memory has no room for. */
export function openCache(
  runtime: Runtime,
  config: ResolvedConfig,
  blocks: Parts["blocks"],
  batch: number,
  length: number,
): ModelCache {
  const { context } = config;
  if (!(Number.isInteger(length) && length > 0 && length <= context && Number.isInteger(batch) && batch > 0)) {
    throw new RangeError(`Cannot make a cache for ${batch} × ${length} positions, expected up to ${context} positions`);
  }
  const arena = runtime.arena(), allocate = bufferIn(runtime, arena), tensors: Tensor[] = [];
  const buffer: Allocate = (shape, fill, dtype) => {
    const tensor = allocate(shape, fill, dtype);
    tensors.push(tensor);
    return tensor;
  };
  try {
    const layers = blocks.map((b) => b.newCache?.(batch, length, buffer)), rings = layers.filter(isRing);
    const held = heldTokens(batch, rings);
    return {
      layers,
      ...(rings.length && { spare: Math.min(...rings.map(({ spare }) => spare)) }),
      length,
      batch,
      bytes: arena.bytes,
      tensors,
      ids: held.ids,
      get held() {
        return held.ids[0].length;
      },
      get reach() {
        return held.reach();
      },
      trim: held.trim,
      hold: held.hold,
      learn: held.learn,
      keep: held.keep,
      fork() {
        const other = openCache(runtime, config, blocks, batch, length);
        for (const [i, tensor] of tensors.entries()) runtime.backend.copy(other.tensors[i], tensor);
        other.hold(held.ids.flat(), 0);
        other.trim(held.ids[0].length, held.reach());
        return other;
      },
      close: () => arena.close(),
      [Symbol.dispose]: () => arena.close(),
    };
  } catch (error) {
    arena.close();
    throw error;
  }
}

/** What a layer remembers that keeps a window. */
type Ring = Pick<KeyValueCache, "capacity"> & { readonly spare: number };

function isRing(layer: unknown): layer is Ring {
  return typeof layer === "object" && layer !== null && "spare" in layer && "capacity" in layer;
}

/** Which tokens a cache holds. */
function heldTokens(
  batch: number,
  rings: readonly Ring[],
): Pick<ModelCache, "ids" | "trim" | "hold" | "learn" | "keep"> & { reach(): number } {
  const rows: number[][] = Array.from({ length: batch }, () => []), held = () => rows[0].length;
  let reach = 0;
  /** How short it can be made, but for 0: until there, the windows see what is still there. */
  const least = () => Math.max(0, ...rings.map(({ capacity, spare }) => reach > capacity ? reach - spare : 0));
  const trim = (length: number, until = length) => {
    if (!(Number.isInteger(length) && length >= 0 && length <= held())) {
      throw new RangeError(`Cannot trim a cache to ${length} positions: it holds ${held()}, expected at most those`);
    }
    if (length && length < least()) {
      throw new RangeError(
        `Cannot trim a cache to ${length} positions: it has held ${reach}, and windows have forgotten what comes before, ` +
          `expected 0, or ${least()} at least`,
      );
    }
    for (const row of rows) row.length = length;
    reach = Math.max(length ? reach : 0, until);
  };
  return {
    ids: rows,
    reach: () => reach,
    trim,
    hold(tokens, start) {
      const time = tokens.length / batch;
      trim(start, start + time);
      for (const [i, row] of rows.entries()) for (let t = 0; t < time; t++) row.push(tokens[i * time + t]);
    },
    learn(tokens, position) {
      if (position < held()) rows.forEach((row, i) => row[position] = tokens[i]);
    },
    keep(prompts) {
      if (prompts.length !== batch) {
        throw new RangeError(`Cannot keep ${prompts.length} prompts in a cache of ${batch}, expected one for each`);
      }
      let kept = 0;
      while (kept < held() && rows.every((row, i) => row[kept] === prompts[i][kept])) kept++;
      if (kept < least()) kept = 0;
      trim(kept);
      return kept;
    },
  };
}

/** Memory in `arena`, set to what is asked for. */
export function bufferIn(runtime: Runtime, arena: Arena): Allocate {
  return (shape, fill, dtype) => {
    const tensor = runtime.place(arena, shape, "rows", dtype);
    if (fill) {
      const values = new Float32Array(size(shape));
      fill(values);
      runtime.write(tensor, values);
    }
    return tensor;
  };
}
