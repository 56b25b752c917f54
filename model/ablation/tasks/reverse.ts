import { type SequenceOptions, sequenceTask } from "./sequences.ts";
import type { Task } from "./task.ts";

/**
 * Reversal: `s₁ … sₙ |` → `sₙ … s₁`. Sizes, options and errors as for `copy`. Each symbol of the answer stands two
 * positions farther from its source than the one before it, so no fixed distance helps.
 *
 * Grefenstette et al. 2015, https://arxiv.org/abs/1506.02516
 */
export function reverse(options: Partial<SequenceOptions> = {}): Task {
  return sequenceTask({
    name: "reverse",
    description: "Symbols and a separator are given: repeat the symbols, the last one first.",
    answer: (sequence) => sequence.reverse(),
  }, options);
}
