import { attentionShader } from "../../kernels/wgsl/attention.ts";
import {
  attentionRowsShader,
  BLOCK,
  combineShader,
  MOST_CHANNELS,
  rowsAtATime,
} from "../../kernels/wgsl/attention_rows.ts";
import { COLUMNS, OWN } from "../../kernels/wgsl/attention_tile.ts";
import { attentionWeightsShader } from "../../kernels/wgsl/attention_weights.ts";
import type { Kept } from "../../kernels/wgsl/kept.ts";
import { dropoutArguments } from "../dispatch.ts";
import type { AttentionOptions, Kernels, KeyValueCache } from "../kernels.ts";
import { dimOf, panelsOf, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";

/** Rows of queries for a head of keys up to which attention is bound by reading keys and values. */
const FEW = 16;
/** Workgroups that fill a large GPU. */
const FULL = 512;
/** A window that nothing is outside of. */
const ENDLESS = 2 ** 31 - 1;

/** Attention and its probabilities. */
export function attentionKernels(gpu: Gpu): Pick<Kernels, "attention" | "attentionWeights"> {
  const tiles = remembered(attentionShader), few = remembered(attentionRowsShader);
  const probabilities = remembered(attentionWeightsShader);

  /** Tiles of many rows: all that training needs, and prompts. */
  function byTiles(out: Tensor, q: Tensor, cache: KeyValueCache, kvHeads: number, options: AttentionOptions): void {
    const { start, bias, sinks, softcap, lse, dropout } = options, [batch, time, heads, headDim] = q.shape;
    const units = batch * kvHeads, count = Math.ceil(time * heads / kvHeads / OWN);
    gpu.run(
      tiles(Math.ceil(headDim / COLUMNS), keptAs(cache)),
      { out, lse, q, ...tensorsOf(cache), bias, sinks },
      {
        ...tileArguments(time, heads, kvHeads, options),
        start,
        units,
        tiles: count,
        keyPanels: panelsOf(cache.capacity),
        valueBlocks: cache.values.shape[2],
      },
      units * count,
      headDim,
      !!dropout,
      !!softcap,
    );
  }

  /** Few rows, the keys of which are shared among workgroups where there are many. */
  function byRows(out: Tensor, q: Tensor, cache: KeyValueCache, kvHeads: number, options: AttentionOptions): void {
    const { start, scale, bias, sinks, softcap } = options, window = options.window || ENDLESS;
    const [batch, time, heads, headDim] = q.shape;
    const group = heads / kvHeads, total = time * group, rows = rowsAtATime(total, headDim);
    const units = batch * kvHeads, count = Math.ceil(total / rows);
    const { parts, span } = keyParts(Math.min(start + time, window + Math.ceil(rows / group) + 64), units * count);
    gpu.briefly(() => {
      const partial = parts > 1 ? gpu.temp([units * total * parts, 8 * panelsOf(headDim) + 2]) : undefined;
      gpu.run(
        few(rows, keptAs(cache)),
        { out: partial ?? out, q, ...tensorsOf(cache), bias, sinks },
        {
          time,
          kvHeads,
          group,
          window,
          biasLength: bias ? dimOf(bias) : 0,
          scale,
          softcap: softcap ?? 0,
          start,
          tiles: count,
          parts,
          span,
          keyPanels: panelsOf(cache.capacity),
          valueBlocks: cache.values.shape[2],
        },
        units * count * parts,
        headDim,
        !!softcap,
        !!partial,
      );
      if (partial) gpu.run(combineShader, { out, partial }, { time, kvHeads, group, parts }, units * total, headDim);
    });
  }

  return {
    attention(out, q, cache, kvHeads, options) {
      const [, time, heads, headDim] = q.shape, { lse, dropout } = options;
      const decoding = time * heads / kvHeads <= FEW && headDim <= MOST_CHANNELS && !lse && !dropout;
      (decoding ? byRows : byTiles)(out, q, cache, kvHeads, options);
    },
    attentionWeights(out, q, cache, kvHeads, { start, scale, window, bias, sinks, softcap }) {
      const [batch, time, heads, headDim] = q.shape;
      gpu.run(
        probabilities(keptAs(cache)),
        { out, q, keys: cache.keys, keyScales: cache.keyScales, bias, sinks },
        {
          time,
          heads,
          group: heads / kvHeads,
          headDim,
          start,
          window: window || ENDLESS,
          biasLength: bias ? dimOf(bias) : 0,
          keyPanels: panelsOf(cache.capacity),
          scale,
          softcap: softcap ?? 0,
        },
        batch * heads * time,
        !!softcap,
      );
    },
  };
}

/** How a cache keeps keys and values. */
export function keptAs({ keys }: KeyValueCache): Kept {
  return keys.dtype === "f16" ? "f16" : keys.dtype === "i8" ? "q8_0" : "f32";
}

/**
 * How `keys` keys are shared among workgroups, of which there are `groups` otherwise: enough to fill a GPU, but blocks of
 * keys are whole, and two of them are done sooner than parts are joined.
 */
export function keyParts(keys: number, groups: number): { parts: number; span: number } {
  const blocks = Math.ceil(keys / BLOCK), wanted = blocks <= 2 ? 1 : Math.min(blocks, Math.ceil(FULL / groups));
  const span = Math.ceil(blocks / wanted) * BLOCK;
  return { parts: Math.ceil(keys / span), span };
}

/** What every shader of tiles is told: see kernels/wgsl/attention_tile.ts. */
export function tileArguments(
  time: number,
  heads: number,
  kvHeads: number,
  { scale, window, bias, softcap, dropout }: Omit<AttentionOptions, "start">,
): Record<
  "time" | "kvHeads" | "group" | "window" | "biasLength" | "scale" | "softcap" | "threshold" | "keep" | "seed",
  number
> {
  const [threshold, keep, seed] = dropoutArguments(dropout?.rate ?? 0, dropout?.seed ?? 0);
  return {
    time,
    kvHeads,
    group: heads / kvHeads,
    window: window || ENDLESS,
    biasLength: bias ? dimOf(bias) : 0,
    scale,
    softcap: softcap ?? 0,
    threshold,
    keep,
    seed,
  };
}

/** What a cache consists of. */
function tensorsOf({ keys, values, keyScales, valueScales }: KeyValueCache) {
  return { keys, values, keyScales, valueScales };
}

/** `make`, once for the same arguments: pipelines are known by their shader. */
export function remembered<A extends readonly (number | string)[], T>(make: (...args: A) => T): (...args: A) => T {
  const made = new Map<string, T>();
  return (...args) => {
    const key = args.join();
    if (!made.has(key)) made.set(key, make(...args));
    return made.get(key)!;
  };
}
