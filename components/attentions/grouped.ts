import type { KeyValueCache } from "../../runtime/kernels.ts";
import { newKeyValueCache } from "../../runtime/key_value_cache.ts";
import { reshape, type Tensor } from "../../runtime/tensor.ts";
import type { Attention, BuildContext } from "../component.ts";
import { choice, integer, nullable, number, type Options } from "../options.ts";

/** Options that every softmax attention has. */
export interface SoftmaxAttentionConfig {
  /** Channels of each head; `null` for `dim / heads`. */
  headDim: number | null;
  /** Which products have a trained bias: none, those of queries, keys and values, the output's, or all. */
  bias: "none" | "qkv" | "out" | "all";
  /** How many positions a token sees, its own included; `null` for all before it. */
  window: number | null;
  /** Factor of the scores; `null` for `1 / √headDim`. */
  scale: number | null;
}

/** The options of every softmax attention. */
export const softmaxOptions: Options<SoftmaxAttentionConfig> = {
  headDim: nullable(integer(64, { min: 1, max: 2 ** 20 }), "dim / heads"),
  bias: choice("none", "qkv", "out", "all"),
  window: nullable(integer(4096, { min: 1 }), "all positions"),
  scale: nullable(number(1, { above: 0 }), "1 / √headDim"),
};

/** A quarter of `heads`, or the next divisor below: how many key heads grouped-query attention has by default. */
export function quarterHeads(heads: number): number {
  let quarter = Math.max(1, Math.floor(heads / 4));
  while (heads % quarter) quarter--;
  return quarter;
}

/**
 * Causal softmax attention in which `heads / kvHeads` query heads share each key and value head:
 * `softmax(scale · q kᵀ + bias) v`, with what the slots `queryKey` and `scores` make of it. What multi-head, multi-query and grouped-query attention have in common.
 */
export function groupedAttention(
  { headDim: width, bias, window, scale, kvHeads }: SoftmaxAttentionConfig & { kvHeads: number },
  { cacheType, dim, error, heads, linear, make, ops, position }: BuildContext,
): Attention {
  if (width === null && dim % heads) throw error(`heads ${heads} does not divide dim ${dim}: set attention.headDim`);
  if (heads % kvHeads) throw error(`attention.kvHeads ${kvHeads} does not divide heads ${heads}`);
  const headDim = width ?? dim / heads;
  const inside = { bias: bias === "qkv" || bias === "all" };
  const q = linear("q", heads * headDim, dim, inside);
  const k = linear("k", kvHeads * headDim, dim, inside);
  const v = linear("v", kvHeads * headDim, dim, inside);
  const out = linear("out", dim, heads * headDim, { bias: bias === "out" || bias === "all", residual: true });
  const query = make("queryKey", "query", headDim), key = make("queryKey", "key", headDim, kvHeads);
  const { softcap, sinks } = make("scores", "scores");
  const { bias: relative, rotate = (x: Tensor) => x } = position;

  function project(x: Tensor, start: number, cache?: KeyValueCache): [q: Tensor, k: Tensor, v: Tensor] {
    const [batch, time] = x.shape, length = cache?.length ?? start + time;
    const values = reshape(v(x), [batch, time, kvHeads, headDim]);
    return [
      rotate(query.forward(reshape(q(x), [batch, time, heads, headDim])), start, length),
      rotate(key.forward(reshape(k(x), [batch, time, kvHeads, headDim])), start, length),
      key.values ? key.forward(values) : values,
    ];
  }
  const options = (start: number) => ({
    start,
    scale: scale ?? headDim ** -0.5,
    window: window ?? 0,
    ...(relative && { bias: relative() }),
    ...(softcap !== undefined && { softcap }),
    ...(sinks && { sinks }),
  });
  const layer: Attention<KeyValueCache> = {
    forward(x, start, cache) {
      const [batch, time] = x.shape, mixed = ops.attention(...project(x, start, cache), options(start), cache);
      return out(reshape(mixed, [batch, time, heads * headDim]));
    },
    weights: (x, start, cache) => ops.attentionWeights(...project(x, start, cache), options(start), cache),
    newCache: (batch, length, buffer) =>
      newKeyValueCache(buffer, batch, kvHeads, headDim, length, {
        type: cacheType,
        ...(window !== null && { window }),
      }),
  };
  return layer;
}
