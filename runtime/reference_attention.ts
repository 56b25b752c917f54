import type { AttentionOptions, Kernels, KeyValueCache } from "./kernels.ts";
import { keysOf, store, storedOf, valuesOf } from "./reference_cache.ts";
import { keeps } from "./reference_math.ts";
import { BLOCK, dimOf, PANEL, panelsOf, type Tensor, VALUE_BLOCK } from "./tensor.ts";

/** The kernels that know about positions. */
type AttentionKernels = Pick<Kernels, "sinusoid" | "rotate" | "append" | "attention" | "attentionWeights">;

/** Reference kernels of positions and attention, sums in f64. */
export function attentionReference(
  f32: (t: Tensor) => Float32Array,
  i32: (t: Tensor) => Int32Array,
): AttentionKernels {
  /** Calls `f` with the probabilities of every query row. */
  function eachRow(
    q: Tensor,
    cache: KeyValueCache,
    kvHeads: number,
    { start, scale, window, bias, sinks, softcap }: AttentionOptions,
    f: (batch: number, head: number, t: number, first: number, p: Float64Array) => void,
  ): void {
    const [batch, time, heads, headDim] = q.shape;
    const [a, k, b, sink] = [f32(q), keysOf(f32, cache), bias && f32(bias), sinks && f32(sinks)];
    for (let n = 0; n < batch; n++) {
      for (let h = 0; h < heads; h++) {
        const kvHead = n * kvHeads + Math.floor(h * kvHeads / heads);
        for (let t = 0; t < time; t++) {
          const position = start + t, first = window ? Math.max(0, position - window + 1) : 0;
          const p = new Float64Array(position - first + 1);
          for (let j = first; j <= position; j++) {
            let score = 0;
            for (let i = 0; i < headDim; i++) {
              score += a[((n * time + t) * heads + h) * headDim + i] * k[keyIndex(cache, kvHead, j, i, headDim)];
            }
            score *= scale;
            if (softcap) score = softcap * Math.tanh(score / softcap);
            p[j - first] = score + (b ? b[h * dimOf(bias!) + position - j] : 0);
          }
          softmaxInPlace(p, sink?.[h]);
          f(n, h, t, first, p);
        }
      }
    }
  }

  return {
    sinusoid(out, positions, frequencies, layout) {
      const [o, p] = [f32(out), i32(positions)], dim = dimOf(out), half = Math.ceil(dim / 2);
      for (let r = 0; r < p.length; r++) {
        for (let i = 0; i < half; i++) {
          const angle = p[r] * frequencies[i], sin = Math.sin(angle), cos = Math.cos(angle);
          const [sinAt, cosAt] = layout === "interleaved"
            ? [2 * i, 2 * i + 1]
            : layout === "sinCos"
            ? [i, half + i]
            : [half + i, i];
          o[r * dim + sinAt] = sin;
          if (cosAt < dim) o[r * dim + cosAt] = cos;
        }
      }
    },
    rotate(out, x, table, start, layout) {
      const [o, a, angles] = [f32(out), f32(x), f32(table)], [batch, time, heads, headDim] = x.shape;
      const half = dimOf(table) / 2;
      o.set(a);
      for (let r = 0; r < batch * time; r++) {
        for (let i = 0; i < half; i++) {
          const row = (start + r % time) * 2 * half, cos = angles[row + i], sin = angles[row + half + i];
          const [first, second] = layout === "half" ? [i, i + half] : [2 * i, 2 * i + 1];
          for (let h = 0; h < heads; h++) {
            const at = (r * heads + h) * headDim, u = a[at + first], v = a[at + second];
            o[at + first] = u * cos - v * sin;
            o[at + second] = u * sin + v * cos;
          }
        }
      }
    },
    append(cache, k, v, start) {
      const [keys, values] = [storedOf(f32, cache.keys), storedOf(f32, cache.values)], [a, b] = [f32(k), f32(v)];
      const keyScales = cache.keyScales && f32(cache.keyScales),
        valueScales = cache.valueScales && f32(cache.valueScales);
      const [batch, time, kvHeads, headDim] = k.shape, groups = Math.ceil(headDim / BLOCK);
      for (let n = 0; n < batch; n++) {
        for (let t = 0; t < time; t++) {
          for (let h = 0; h < kvHeads; h++) {
            const from = ((n * time + t) * kvHeads + h) * headDim, head = n * kvHeads + h, position = start + t;
            const keyAt = (i: number) => keyIndex(cache, head, position, i, headDim);
            const valueAt = (i: number) => valueIndex(cache, head, position, i, headDim);
            const keyScaleAt = (group: number) => keyIndex(cache, head, position, group, groups);
            const valueScaleAt = (group: number) => valueScaleIndex(cache, head, position, group, groups);
            store(keys, a.subarray(from, from + headDim), keyAt, keyScales, keyScaleAt);
            store(values, b.subarray(from, from + headDim), valueAt, valueScales, valueScaleAt);
            for (let i = headDim; i < panelsOf(headDim) * PANEL; i++) values[valueAt(i)] = 0;
          }
        }
      }
    },
    attention(out, q, cache, kvHeads, options) {
      const { dropout } = options;
      const [o, v] = [f32(out), valuesOf(f32, cache)], [, time, heads, headDim] = q.shape;
      eachRow(q, cache, kvHeads, options, (n, h, t, first, p) => {
        const kvHead = n * kvHeads + Math.floor(h * kvHeads / heads);
        if (dropout) {
          const word = ((n * heads + h) * time + t) * time + first;
          p.forEach((v, j) => p[j] = keeps(word + j, dropout.seed, dropout.rate) ? v / (1 - dropout.rate) : 0);
        }
        for (let i = 0; i < headDim; i++) {
          let sum = 0;
          for (let j = 0; j < p.length; j++) sum += p[j] * v[valueIndex(cache, kvHead, first + j, i, headDim)];
          o[((n * time + t) * heads + h) * headDim + i] = sum;
        }
      });
    },
    attentionWeights(out, q, cache, kvHeads, options) {
      const o = f32(out), [, time, heads] = q.shape, length = options.start + time;
      o.fill(0);
      eachRow(
        q,
        cache,
        kvHeads,
        options,
        (n, h, t, first, p) => o.set(p, ((n * heads + h) * time + t) * length + first),
      );
    },
  };
}

/** With a `sink`, probabilities sum to what it leaves. */
function softmaxInPlace(p: Float64Array, sink = -Infinity): void {
  const top = p.reduce((m, v) => Math.max(m, v), sink);
  let sum = Math.exp(sink - top);
  for (let j = 0; j < p.length; j++) sum += p[j] = Math.exp(p[j] - top);
  for (let j = 0; j < p.length; j++) p[j] /= sum;
}

function keyIndex({ capacity }: KeyValueCache, head: number, position: number, i: number, headDim: number): number {
  const slot = position % capacity;
  return ((head * panelsOf(capacity) + Math.floor(slot / PANEL)) * headDim + i) * PANEL + slot % PANEL;
}

function valueIndex({ capacity }: KeyValueCache, head: number, position: number, i: number, headDim: number): number {
  const slot = position % capacity;
  const block = head * Math.ceil(capacity / VALUE_BLOCK) + Math.floor(slot / VALUE_BLOCK);
  const panel = block * panelsOf(headDim) + Math.floor(i / PANEL);
  return (panel * VALUE_BLOCK + slot % VALUE_BLOCK) * PANEL + i % PANEL;
}

function valueScaleIndex({ capacity }: KeyValueCache, head: number, position: number, group: number, groups: number) {
  const slot = position % capacity, block = head * Math.ceil(capacity / VALUE_BLOCK) + Math.floor(slot / VALUE_BLOCK);
  return (block * groups + group) * VALUE_BLOCK + slot % VALUE_BLOCK;
}
