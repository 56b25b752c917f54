import { Heap } from "./heap.ts";

/** What two neighbours become, and how good that is. */
export interface Joint<T> {
  /** The piece that both are together. */
  readonly symbol: T;
  /** Of the pieces that neighbours could become, the one with the best score comes first. */
  readonly score: number;
}

/**
 * Merges the neighbours whose joint piece has the best score, the leftmost of equals, until none has a piece: BPE as
 * SentencePiece has it. Changes `symbols`. A heap of candidates over a linked list: `n log n` for a text of any length.
 * https://github.com/google/sentencepiece/blob/master/src/bpe_model.cc
 */
export function mergeByScore<T>(symbols: T[], join: (left: T, right: T) => Joint<T> | undefined): T[] {
  const next = symbols.map((_, i) => i + 1), previous = symbols.map((_, i) => i - 1), version = symbols.map(() => 0);
  const heap = new Heap<{ score: number; at: number; symbol: T; left: number; right: number }>(
    (a, b) => a.score !== b.score ? a.score > b.score : a.at < b.at,
  );
  const offer = (at: number) => {
    const right = next[at];
    if (at < 0 || right >= symbols.length) return;
    const joint = join(symbols[at], symbols[right]);
    if (joint) heap.push({ ...joint, at, left: version[at], right: version[right] });
  };
  symbols.forEach((_, at) => offer(at));
  for (let best = heap.pop(); best; best = heap.pop()) {
    const { at, symbol } = best, right = next[at];
    if (version[at] !== best.left || right >= symbols.length || version[right] !== best.right) continue;
    symbols[at] = symbol;
    version[at]++;
    version[right] = -1;
    next[at] = next[right];
    if (next[at] < symbols.length) previous[next[at]] = at;
    if (previous[at] >= 0) offer(previous[at]);
    offer(at);
  }
  return symbols.filter((_, i) => version[i] >= 0);
}
