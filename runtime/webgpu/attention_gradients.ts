import { addBiasPartsShader, attentionGradBiasShader } from "../../kernels/wgsl/attention_bias_grad.ts";
import {
  attentionGradKeysShader,
  attentionGradQShader,
  attentionGradSinksShader,
  attentionStatsShader,
} from "../../kernels/wgsl/attention_grad.ts";
import { COLUMNS, OWN } from "../../kernels/wgsl/attention_tile.ts";
import type { AttentionRecord, Sum } from "../gradient_kernels.ts";
import type { AttentionOptions, Kernels, KeyValueCache } from "../kernels.ts";
import { newKeyValueCache } from "../key_value_cache.ts";
import { dimOf, panelsOf, type Tensor } from "../tensor.ts";
import { remembered, tileArguments } from "./attention_kernels.ts";
import type { Gpu } from "./gpu.ts";
import { appendRows } from "./position_kernels.ts";

/** Workgroups that the gradients of biases are divided among. */
const BIAS_GROUPS = 512;

/** What the steps of one gradient share. */
interface Step {
  /** The gradient of what attention gave. */
  readonly g: Tensor;
  /** What attention was given, and gave. */
  readonly record: AttentionRecord;
  /** Of each row of queries its `lse` and the sum of its probabilities' gradients: see kernels/wgsl/attention_grad.ts. */
  readonly stats: Tensor;
  /** How it attended. */
  readonly options: AttentionOptions;
}

/** The gradient of attention: probabilities are computed again, tile by tile. */
export function attentionGradients(gpu: Gpu): Pick<Kernels, "attentionGrad"> {
  const forQueries = remembered(attentionGradQShader), forKeys = remembered(attentionGradKeysShader);

  function statsOf(g: Tensor, { q, k, out, lse }: AttentionRecord): Tensor {
    const [batch, time, heads, headDim] = q.shape, kvHeads = k.shape[2], count = batch * heads * time;
    const stats = gpu.temp([count, 2]);
    gpu.run(
      attentionStatsShader,
      { stats, lse, g, result: out },
      { count, time, kvHeads, group: heads / kvHeads },
      Math.ceil(count / 8),
      headDim,
    );
    return stats;
  }

  /** Values as keys are, and keys as values are. */
  function swapped({ k, v }: AttentionRecord): KeyValueCache {
    const [batch, time, kvHeads, headDim] = k.shape;
    const cache = newKeyValueCache((s) => gpu.temp(s), batch, kvHeads, headDim, time);
    appendRows(gpu, cache, v, k, 0);
    return cache;
  }

  function toQueries(dq: Sum, other: KeyValueCache, { g, record, stats, options }: Step): void {
    const { q, k, cache } = record, [batch, time, heads, headDim] = q.shape, kvHeads = k.shape[2];
    const units = batch * kvHeads, tiles = Math.ceil(time * heads / kvHeads / OWN);
    const { bias, dropout, softcap } = options;
    gpu.run(
      forQueries(Math.ceil(headDim / COLUMNS)),
      { dq, q, g, keys: cache.keys, valueKeys: other.keys, keyValues: other.values, stats, bias },
      {
        ...tileArguments(time, heads, kvHeads, options),
        units,
        tiles,
        panels: panelsOf(time),
        blocks: other.values.shape[2],
      },
      units * tiles,
      headDim,
      !!dropout,
      !!softcap,
      !dq.empty,
    );
  }

  function toKeys(dk: Sum | undefined, dv: Sum | undefined, { g, record, stats, options }: Step): void {
    const { q, k, v } = record, [batch, time, heads, headDim] = q.shape, kvHeads = k.shape[2];
    const units = batch * kvHeads, group = heads / kvHeads, { bias, dropout, softcap } = options;
    // Queries beside gradients, in both layouts.
    const both = newKeyValueCache((s) => gpu.temp(s), 2 * batch, kvHeads, headDim, time * group);
    appendRows(gpu, both, q, g, 0, { group });
    appendRows(gpu, both, g, q, 0, { group, keyUnit: units, valueUnit: units });
    gpu.run(
      forKeys(Math.ceil(headDim / COLUMNS)),
      { k, v, dk, dv, keys: both.keys, values: both.values, stats, bias },
      {
        ...tileArguments(time, heads, kvHeads, options),
        units,
        panels: both.keys.shape[2],
        blocks: both.values.shape[2],
      },
      units * Math.ceil(time / OWN),
      headDim,
      !!dropout,
      !!softcap,
      !dk?.empty,
      !dv?.empty,
    );
  }

  function toBias(dbias: Tensor, other: KeyValueCache, { g, record, stats, options }: Step): void {
    const { q, k, cache } = record, [batch, time, heads, headDim] = q.shape, share = heads / k.shape[2];
    const tiles = Math.ceil(time / OWN), parts = Math.min(batch * tiles, Math.ceil(BIAS_GROUPS / heads));
    const partial = gpu.temp([parts, heads, time]), { bias, dropout, softcap } = options;
    gpu.run(
      attentionGradBiasShader,
      { partial, q, g, keys: cache.keys, valueKeys: other.keys, stats, bias },
      { ...tileArguments(time, heads, heads, options), share, batch, tiles, parts, panels: panelsOf(time) },
      heads * parts,
      headDim,
      !!dropout,
      !!softcap,
    );
    const groups = Math.ceil(heads * time / addBiasPartsShader.workgroup);
    gpu.run(addBiasPartsShader, { dbias, partial }, { heads, time, biasLength: dimOf(dbias), parts }, groups);
  }

  function toSinks(dsinks: Tensor, { record, stats, options: { sinks } }: Step): void {
    const [batch, time, heads] = record.q.shape, kvHeads = record.k.shape[2], group = heads / kvHeads;
    gpu.run(attentionGradSinksShader, { dsinks, sinks, stats }, { batch, time, kvHeads, group }, heads);
  }

  return {
    attentionGrad: (d, g, record, options) =>
      gpu.briefly(() => {
        const step: Step = { g, record, stats: statsOf(g, record), options };
        if (d.q || d.bias) {
          gpu.briefly(() => {
            const other = swapped(record);
            if (d.q) toQueries(d.q, other, step);
            if (d.bias) toBias(d.bias, other, step);
          });
        }
        if (d.sinks) toSinks(d.sinks, step);
        if (d.k || d.v) gpu.briefly(() => toKeys(d.k, d.v, step));
      }),
  };
}
