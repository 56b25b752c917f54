import { type SequenceOptions, sequenceTask } from "./sequences.ts";
import type { Task } from "./task.ts";

/**
 * Copy: `s₁ … sₙ |` → `s₁ … sₙ`. Prompts of `shortest + 1` to `longest + 1` tokens, answers of one less, `vocab` is
 * `symbols + 1`. Lengths vary, so that what is to be copied does not stand at one fixed distance. Throws a `RangeError`
 * for sizes out of bounds.
 *
 * Graves et al. 2014, https://arxiv.org/abs/1410.5401; of transformers: Jelassi et al. 2024,
 * https://arxiv.org/abs/2402.01032
 */
export function copy(options: Partial<SequenceOptions> = {}): Task {
  return sequenceTask({
    name: "copy",
    description: "Symbols and a separator are given: repeat the symbols.",
    answer: (sequence) => sequence,
  }, options);
}
