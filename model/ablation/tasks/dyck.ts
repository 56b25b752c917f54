import { integer, type Options } from "../../../components/options.ts";
import { choose, defineTask, type Sample, type Task, taskOptions } from "./task.ts";

/** Options of {@linkcode dyck}. */
export interface DyckOptions {
  /** Kinds of brackets, from 2. Default: 4. */
  kinds: number;
  /** Most brackets in a prompt, from 3. Default: 20. */
  length: number;
  /** Most brackets that are open at once, from 2. Default: 4. */
  depth: number;
}

const options: Options<DyckOptions> = {
  kinds: integer(4, { min: 2, max: 2 ** 15 }),
  length: integer(20, { min: 3, max: 2 ** 12 }),
  depth: integer(4, { min: 2, max: 2 ** 12 }),
};

/**
 * Dyck-(k, m): the beginning of a balanced word of `kinds` brackets, at most `depth` of them open at once → the bracket that
 * closes the innermost open one. Opening brackets are `0 … kinds − 1`, the closing one of each is `kinds` higher, so `vocab`
 * is `2 kinds`. Prompts of 3 to `length` tokens, answers of one. Throws a `RangeError` for sizes out of bounds.
 *
 * The next token of a word has no unique right answer, as a new bracket may open; the next *closing* one has, and answers
 * are always closing. Whether a word is balanced has one too, but guessing finds half of them, and words that are not
 * have to be made up in a way that must not give them away. Prompts end with a closing bracket, so that the answer is
 * never the partner of the last token.
 *
 * Hewitt et al. 2020, https://arxiv.org/abs/2010.07515; Suzgun et al. 2019, https://arxiv.org/abs/1911.03329
 */
export function dyck(given: Partial<DyckOptions> = {}): Task {
  const resolved = taskOptions("dyck", options, given), { kinds, length } = resolved;
  return defineTask({
    name: "dyck",
    description: "The beginning of a balanced word of brackets is given: name what closes the innermost open one.",
    vocab: 2 * kinds,
    context: length,
    options: { ...resolved },
    sample(random) {
      let sample: Sample | undefined;
      // Of the walks at least one in four has a place to ask at: two brackets open and one closes.
      while (!sample) sample = walk(random, resolved);
      return sample;
    },
  });
}

/** `length` brackets, each opening or closing with equal chances, cut off at the last place that can be asked at. */
function walk(random: () => number, { kinds, length, depth }: DyckOptions): Sample | undefined {
  const word: number[] = [], open: number[] = [];
  let sample: Sample | undefined;
  while (word.length < length) {
    if (!open.length || (open.length < depth && random() < 0.5)) {
      const kind = choose(random, kinds);
      open.push(kind);
      word.push(kind);
    } else {
      word.push(kinds + open.pop()!);
      if (open.length) sample = { prompt: [...word], answer: [kinds + open.at(-1)!] };
    }
  }
  return sample;
}
