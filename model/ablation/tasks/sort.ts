import { type SequenceOptions, sequenceTask } from "./sequences.ts";
import type { Task } from "./task.ts";

/**
 * Sorting: `s₁ … sₙ |` → the same symbols with ascending ids, equal ones as often as they were given. Sizes, options and
 * errors as for `copy`.
 *
 * Vinyals et al. 2015, https://arxiv.org/abs/1511.06391
 */
export function sort(options: Partial<SequenceOptions> = {}): Task {
  return sequenceTask({
    name: "sort",
    description: "Symbols and a separator are given: repeat the symbols in ascending order.",
    answer: (sequence) => sequence.sort((a, b) => a - b),
  }, options);
}
