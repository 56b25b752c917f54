import { createRandom } from "../random.ts";
import { hash, permutation } from "./permutation.ts";
import type { TokenFile } from "./token_file.ts";

/** What one step of training sees. */
export interface Batch {
  /** Tokens, `[batch, context]`. */
  readonly inputs: Int32Array;
  /** The token after each of them, `[batch, context]`; −1 where none is to be predicted. */
  readonly targets: Int32Array;
}

/** Sizes and order of {@linkcode batches}. */
export interface BatchOptions {
  /** Windows in a batch. */
  readonly batch: number;
  /** Tokens in a window. */
  readonly context: number;
  /** Decides which windows. Default: 0. */
  readonly seed?: number;
  /**
   * `"random"` (default): windows that begin anywhere, drawn anew each time, as nanoGPT draws them. `"epoch"`: windows
   * side by side, each once, in another order in each epoch.
   */
  readonly order?: "random" | "epoch";
}

/** Batches by step. */
export interface Batches {
  /** Steps in which as many windows are seen as lie side by side in the tokens, rounded up. */
  readonly stepsPerEpoch: number;
  /** The batch of a step, from 0: the same whenever, wherever and in whatever order it is asked for. */
  at(step: number): Batch;
}

/**
 * The batches of a training run, as a function of the step alone: to go on with a run, ask for the next step. Targets
 * are the inputs moved by one. Throws a `RangeError` for wrong sizes, or where there are not `context + 1` tokens.
 *
 * In the order `"epoch"`, what is left over after the last whole window lies before the first or after the last one,
 * differently in each epoch; every other token is an input once.
 *
 * @example
 * ```ts
 * import { batches, memoryTokens } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const tokens = memoryTokens([0, 1, 2, 3, 4, 5, 6, 7, 8]);
 * const { inputs, targets } = batches(tokens, { batch: 2, context: 4, order: "epoch", seed: 1 }).at(0);
 * assertEquals([...inputs].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
 * assertEquals(targets, inputs.map((id) => id + 1));
 * ```
 */
export function batches(tokens: TokenFile, { batch, context, seed = 0, order = "random" }: BatchOptions): Batches {
  expectSizes(tokens, batch, context);
  if (tokens.length <= context) throw tooShort(tokens, context + 1);
  if (order !== "random" && order !== "epoch") {
    throw new RangeError(`Cannot make batches in the order ${JSON.stringify(order)}, expected "random" or "epoch"`);
  }
  const start = order === "epoch"
    ? epochOrder(tokens.length, context, seed)
    : randomOrder(tokens.length, context, seed);
  return {
    stepsPerEpoch: Math.ceil(Math.floor((tokens.length - 1) / context) / batch),
    at(step) {
      if (!(Number.isSafeInteger(step * batch) && step >= 0)) {
        throw new RangeError(`Cannot make the batch of step ${step}, expected a whole number from 0`);
      }
      const inputs = new Int32Array(batch * context), targets = new Int32Array(batch * context);
      const window = new Int32Array(context + 1);
      for (let row = 0; row < batch; row++) {
        tokens.read(start(step * batch + row), window);
        inputs.set(window.subarray(0, context), row * context);
        targets.set(window.subarray(1), row * context);
      }
      return { inputs, targets };
    },
  };
}

/** Beginnings of windows, drawn by number: 53 bits each, so that every place is as likely as the others. */
function randomOrder(length: number, context: number, seed: number): (index: number) => number {
  const random = createRandom(seed, "random windows"), [high, low] = [random() * 2 ** 32, random() * 2 ** 32];
  return (index) => {
    const bits = (hash(high, index) >>> 11) * 2 ** 32 + hash(low, index);
    return Math.floor(bits / 2 ** 53 * (length - context));
  };
}

/** Beginnings of windows side by side, in another order in each epoch. */
function epochOrder(length: number, context: number, seed: number): (index: number) => number {
  const windows = Math.floor((length - 1) / context), rest = length - 1 - windows * context;
  let epoch = -1, first = 0, order = (index: number) => index;
  return (index) => {
    const now = Math.floor(index / windows);
    if (now !== epoch) {
      const random = createRandom(seed, `epoch ${now}`);
      first = Math.floor(random() * (rest + 1));
      order = permutation(windows, random);
      epoch = now;
    }
    return first + order(index - now * windows) * context;
  };
}

function expectSizes(tokens: TokenFile, batch: number, context: number): void {
  for (const [name, value] of [["batch", batch], ["context", context]] as const) {
    if (!(Number.isSafeInteger(value) && value > 0)) {
      throw new RangeError(`Cannot make batches with ${name} ${value}, expected a whole number from 1`);
    }
  }
  if (tokens.length < 2) throw tooShort(tokens, 2);
}

function tooShort({ path, length }: TokenFile, expected: number): RangeError {
  return new RangeError(`Cannot make batches of ${path}: it has ${length} tokens, expected at least ${expected}`);
}

/**
 * All of a row of tokens for evaluation: windows side by side, always the same, so that every token but the first is a
 * target exactly once. Batches are `[rows, context]` with up to `batch` rows; what the last row lacks is 0 with target
 * −1.
 */
export function* evaluationWindows(tokens: TokenFile, context: number, batch: number): Generator<Batch> {
  expectSizes(tokens, batch, context);
  const last = tokens.length - 1;
  for (let start = 0; start < last; start += batch * context) {
    const rows = Math.min(batch, Math.ceil((last - start) / context)), count = Math.min(rows * context, last - start);
    const window = new Int32Array(count + 1);
    tokens.read(start, window);
    const inputs = new Int32Array(rows * context), targets = new Int32Array(rows * context).fill(-1);
    inputs.set(window.subarray(0, count));
    targets.set(window.subarray(1));
    yield { inputs, targets };
  }
}
