import { integer, number, type Options } from "../../../components/options.ts";
import { permutation } from "../../data/permutation.ts";
import { createRandom } from "../../random.ts";
import { choose, defineTask, type Task, taskOptions } from "./task.ts";

/** Options of {@linkcode modularAddition}. */
export interface ModularAdditionOptions {
  /** What is added modulo, from 3; it need not be a prime. Default: 23. */
  modulus: number;
  /** Share of all pairs that is for validation, from 0.05 to 0.95. Default: 0.2. */
  validation: number;
  /** Decides which pairs those are. Default: 0. */
  split: number;
}

const options: Options<ModularAdditionOptions> = {
  modulus: integer(23, { min: 3, max: 2 ** 12 }),
  validation: number(0.2, { min: 0.05, max: 0.95 }),
  split: integer(0, { min: 0, max: 2 ** 32 }),
};

/**
 * Modular addition: `a b =` → `(a + b) mod modulus`. Prompts of three tokens, answers of one; numbers are their own ids and
 * `=` is `modulus`, so `vocab` is `modulus + 1`. There are only `modulus²` pairs, each as likely as the others; `split`
 * decides on which side each lies, whatever the seed of a training is, and the share of validation is exact but for
 * rounding. `(a, b)` and `(b, a)` are different pairs and may lie on different sides: a model that knows the training
 * pairs by heart, and that their order does not matter, is right in about 1 − `validation`. Throws a `RangeError` for
 * options out of bounds.
 *
 * Power et al. 2022, https://arxiv.org/abs/2201.02177: with less of the pairs to train on, validation is learned long
 * after training, if at all.
 */
export function modularAddition(given: Partial<ModularAdditionOptions> = {}): Task {
  const name = "modular addition", resolved = taskOptions(name, options, given);
  const { modulus, validation, split } = resolved, pairs = modulus ** 2;
  const held = Math.min(Math.max(Math.round(validation * pairs), 1), pairs - 1);
  const place = permutation(pairs, createRandom(split, "modular addition split"));
  return defineTask({
    name,
    description: `Two numbers are given: name their sum modulo ${modulus}.`,
    vocab: modulus + 1,
    context: 3,
    options: { ...resolved },
    training: { steps: 600, batch: 256 },
    side: ([a, b]) => place(a * modulus + b) < held ? "validation" : "train",
    sample(random) {
      const a = choose(random, modulus), b = choose(random, modulus);
      return { prompt: [a, b, modulus], answer: [(a + b) % modulus] };
    },
  });
}
