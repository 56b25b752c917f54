import { Heap } from "./heap.ts";

/** Two tokens that become one. */
export interface Merge {
  /** Id of the first. */
  readonly left: number;
  /** Id of the second. */
  readonly right: number;
}

/** A word as ids, which shrink as pairs merge, and how often it occurs. */
export interface CountedWord {
  /** Changed in place. */
  ids: number[];
  /** Occurrences. */
  readonly count: number;
}

/** Fewest occurrences of a pair that is merged. */
const LEAST = 2;
/** Ids are below this, so a pair is one exact number, and pairs are in the order of their ids. */
const WIDE = 2 ** 26;

/** A pair and how often it occurred when it was put in the queue. */
interface Candidate {
  readonly pair: number;
  readonly count: number;
}

/**
 * Merges the most frequent pair of neighbours in `words`, the smallest ids first among equals, until there are `vocab`
 * tokens or no pair occurs twice. New tokens are added to `tokens`. A pair whose text is a token already becomes that
 * one.
 *
 * Counts are kept up to date: a merge costs what it changes. Only merges add pairs, and all that one adds are queued
 * again; a candidate whose count has fallen since is put back when it comes up.
 */
export function mergePairs(
  words: readonly CountedWord[],
  tokens: string[],
  vocab: number,
  progress?: (tokens: number, wanted: number) => void,
): Merge[] {
  const counts = new Map<number, number>(), places = new Map<number, number[]>(), merges: Merge[] = [];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const add = (pair: number, count: number, word: number) => {
    counts.set(pair, (counts.get(pair) ?? 0) + count);
    const list = places.get(pair);
    if (!list) places.set(pair, [word]);
    else if (list[list.length - 1] !== word) list.push(word);
  };
  words.forEach(({ ids, count }, word) => {
    for (let i = 1; i < ids.length; i++) add(ids[i - 1] * WIDE + ids[i], count, word);
  });
  const queue = new Heap<Candidate>((a, b) => a.count !== b.count ? a.count > b.count : a.pair < b.pair);
  for (const [pair, count] of counts) if (count >= LEAST) queue.push({ pair, count });

  while (tokens.length < vocab) {
    const best = queue.pop();
    if (!best) break;
    const { pair } = best, count = counts.get(pair) ?? 0;
    if (count !== best.count) {
      if (count >= LEAST) queue.push({ pair, count });
      continue;
    }
    const right = pair % WIDE, left = (pair - right) / WIDE, text = tokens[left] + tokens[right];
    const known = ids.get(text), id = known ?? tokens.push(text) - 1, grown = new Set<number>();
    ids.set(text, id);
    if (known === undefined || !merges.some((m) => m.left === left && m.right === right)) merges.push({ left, right });
    // A word may be listed twice; the second time it no longer holds the pair.
    for (const word of places.get(pair)!) {
      mergeIn(words[word], left, right, id, (pair, change) => {
        if (change < 0) counts.set(pair, counts.get(pair)! + change);
        else {
          add(pair, change, word);
          grown.add(pair);
        }
      });
    }
    counts.delete(pair);
    places.delete(pair);
    for (const pair of grown) {
      const count = counts.get(pair)!;
      if (count >= LEAST) queue.push({ pair, count });
    }
    if (progress && tokens.length % 64 === 0) progress(tokens.length, vocab);
  }
  progress?.(tokens.length, vocab);
  return merges;
}

/** Replaces `left right` by `id` from left to right, and reports the pairs that go and come. */
function mergeIn(
  word: CountedWord,
  left: number,
  right: number,
  id: number,
  changed: (pair: number, change: number) => void,
): void {
  const { ids, count } = word;
  let end = 0;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] !== left || ids[i + 1] !== right) {
      ids[end++] = ids[i];
      continue;
    }
    changed(left * WIDE + right, -count);
    if (end > 0) {
      // What stands before may have been merged just now: its pair with `left` was counted then.
      changed(ids[end - 1] * WIDE + left, -count);
      changed(ids[end - 1] * WIDE + id, count);
    }
    if (i + 2 < ids.length) {
      changed(right * WIDE + ids[i + 2], -count);
      changed(id * WIDE + ids[i + 2], count);
    }
    ids[end++] = id;
    i++;
  }
  ids.length = end;
}
