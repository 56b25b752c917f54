import { integer, type Options } from "../../../components/options.ts";
import { choose, defineTask, type Task, taskOptions, wrongOption } from "./task.ts";

/** Options of {@linkcode associativeRecall}. */
export interface AssociativeRecallOptions {
  /** Number of different keys, from 2. Default: 8. */
  keys: number;
  /** Number of different values, from 2. Default: 8. */
  values: number;
  /** Pairs in a prompt, from 1 to `keys`. Default: 4. */
  pairs: number;
}

const options: Options<AssociativeRecallOptions> = {
  keys: integer(8, { min: 2, max: 2 ** 16 }),
  values: integer(8, { min: 2, max: 2 ** 16 }),
  pairs: integer(4, { min: 1, max: 2 ** 12 }),
};

/**
 * Associative recall: `k₁ v₁ … kₙ vₙ kᵢ` → `vᵢ`. Keys are `0 … keys − 1`, values `keys … keys + values − 1`. The keys of a
 * prompt differ, so that one value is right; values may be equal. Prompts of `2 pairs + 1` tokens, answers of one. Naming
 * any of the values shown is right in somewhat more than 1 / `pairs`. Throws a `RangeError` for sizes out of bounds.
 *
 * One query in a sequence as in Ba et al. 2016, https://arxiv.org/abs/1610.06258; why it tells architectures apart, with
 * many queries in a sequence: Arora et al. 2023, https://arxiv.org/abs/2312.04927
 */
export function associativeRecall(given: Partial<AssociativeRecallOptions> = {}): Task {
  const name = "associative recall", resolved = taskOptions(name, options, given), { keys, values, pairs } = resolved;
  if (pairs > keys) throw wrongOption(name, "pairs", pairs, `at most the number of keys, which is ${keys}`);
  return defineTask({
    name,
    description: "Pairs of a key and a value are given, then one of the keys: name its value.",
    vocab: keys + values,
    context: 2 * pairs + 1,
    options: { ...resolved },
    training: { batch: 128 },
    // From the usual deviation it was not found in 600 steps; copy, for one, is learned more slowly from this.
    init: "xavier",
    sample(random) {
      const left = Array.from({ length: keys }, (_, key) => key);
      const shown = Array.from({ length: pairs }, () => {
        // The last key takes the place of the one that is drawn: none is drawn twice.
        const at = choose(random, left.length), key = left[at], last = left.pop()!;
        if (at < left.length) left[at] = last;
        return [key, keys + choose(random, values)] as const;
      });
      const [key, value] = shown[choose(random, pairs)];
      return { prompt: [...shown.flat(), key], answer: [value] };
    },
  });
}
