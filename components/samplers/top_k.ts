import type { Component } from "../component.ts";
import { integer } from "../options.ts";

/** Options of {@linkcode topK}. */
export interface TopKConfig {
  /** How many tokens stay; equals of the last one stay too. */
  k: number;
}

/** Keeps the `k` most likely tokens. Fan, Lewis & Dauphin 2018, https://arxiv.org/abs/1805.04833 */
export const topK: Component<"sampler", "topK", TopKConfig> = {
  slot: "sampler",
  type: "topK",
  options: { k: integer(40, { min: 1 }) },
  build: ({ k }) => ({
    apply(logits) {
      if (k >= logits.length) return;
      const limit = kthLargest(logits, k);
      for (let i = 0; i < logits.length; i++) if (logits[i] < limit) logits[i] = -Infinity;
    },
  }),
};

/** The k-th largest value, by a heap of the k largest seen: its root is the smallest of them. */
function kthLargest(values: Float32Array, k: number): number {
  const heap = values.slice(0, k).sort(); // a sorted array is a heap
  for (let i = k; i < values.length; i++) {
    const value = values[i];
    if (value <= heap[0]) continue;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= k) break;
      if (child + 1 < k && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= value) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = value;
  }
  return heap[0];
}
