import type { Component } from "../../components/component.ts";
import { evaluationWindows } from "../data/batches.ts";
import { memoryTokens, type TokenFile } from "../data/token_file.ts";
import { createModel, type Model } from "../decoder.ts";
import type { Plugin } from "../plugin.ts";
import { describeTensor, type Tensor } from "../../runtime/tensor.ts";
import { breathe } from "./breathe.ts";
import type { LengthScore } from "./outcome.ts";

/** Most tokens that are evaluated, where the longest window has no more. */
const MOST = 32768;

/** Options of {@linkcode evaluateLengths}. */
export interface LengthOptions {
  /** Components beside those built in that the model was built with. Default: none. */
  readonly components?: readonly Component[];
  /** What the longer models are built with. Default: what the model was built with. */
  readonly plugins?: readonly Plugin[];
  /** What the model's weights started from. Default: 0. */
  readonly seed?: number;
  /** Tokens that run at a time, at least one window. Results do not depend on it. Default: 4096. */
  readonly atATime?: number;
  /** Is told which share is done, up to 1. */
  readonly progress?: (share: number) => void;
  /** Asked between pieces of the work; `true` ends it. */
  readonly stop?: () => boolean;
}

/**
 * The loss of a trained model on windows of `multiples` of its context, in the order given: how it does on longer texts
 * than it has seen. Press, Smith & Lewis 2022, https://arxiv.org/abs/2108.12409
 *
 * Every length is evaluated on the same tokens, the first N + 1, where N is the largest multiple of the longest window
 * up to 32,768 and the end of `tokens`, at least one window. Windows lie side by side, so that every token but the first
 * is a target once. Losses are added up in double precision, in order.
 *
 * The model is built anew for each length, on the same runtime, and gets the trained parameters. One with a row for each
 * position has more rows then (the table of `learned`): those beyond the trained context stay as they start for `seed`,
 * for nothing has trained them. Positions that are computed need no more than that.
 *
 * Returns `undefined` once `stop` says so. Throws a `RangeError` for multiples that are no whole numbers from 1 and for
 * too few tokens, and a `TypeError` that names a parameter whose shape depends on the context in another way.
 */
export async function evaluateLengths(
  model: Model,
  tokens: TokenFile,
  multiples: readonly number[],
  { components = [], plugins = model.plugins, seed = 0, atATime = 4096, progress = () => {}, stop = () => false }:
    LengthOptions = {},
): Promise<LengthScore[] | undefined> {
  if (!multiples.length) return [];
  const lengths = lengthsOf(model.config.context, multiples), part = commonTokens(tokens, Math.max(...lengths));
  const count = part.length - 1, scores: LengthScore[] = [];
  for (const [i, length] of lengths.entries()) {
    const longer = createModel(model.runtime, { ...model.config, context: length } as never, {
      components: components as readonly never[],
      plugins,
      seed,
    });
    try {
      await copyParams(model, longer);
      const rows = Math.max(1, Math.floor(atATime / length));
      const total = await totalLoss(longer, part, rows, (done) => progress((i + done / count) / lengths.length), stop);
      if (total === undefined) return undefined;
      const loss = total / count;
      scores.push({ length, loss: Number.isFinite(loss) ? loss : null });
    } finally {
      longer.close();
    }
  }
  return scores;
}

function lengthsOf(context: number, multiples: readonly number[]): number[] {
  const wrong = multiples.find((k) => !(Number.isSafeInteger(k * context) && Number.isInteger(k) && k > 0));
  if (wrong === undefined) return multiples.map((k) => k * context);
  throw new RangeError(`Cannot evaluate on ${wrong} times the context ${context}, expected a whole number from 1`);
}

/** What every length is evaluated on. */
function commonTokens(tokens: TokenFile, longest: number): TokenFile {
  if (tokens.length <= longest) {
    const found = `${tokens.path} has ${tokens.length} tokens`;
    throw new RangeError(`Cannot evaluate on windows of ${longest}: ${found}, expected at least ${longest + 1}`);
  }
  const windows = Math.max(1, Math.floor(Math.min(tokens.length - 1, MOST) / longest));
  const ids = new Int32Array(windows * longest + 1);
  tokens.read(0, ids);
  return memoryTokens(ids, tokens.path);
}

/** The sum over all targets; `undefined` once `stop` says so. */
async function totalLoss(
  model: Model,
  tokens: TokenFile,
  rows: number,
  progress: (done: number) => void,
  stop: () => boolean,
): Promise<number | undefined> {
  const { runtime, config: { context } } = model;
  let total = 0, done = 0;
  for (const { inputs, targets } of evaluationWindows(tokens, context, rows)) {
    await breathe();
    if (stop()) return undefined;
    const losses = await runtime.scope(() => {
      const logits = model.forward(inputs, { batch: inputs.length / context });
      return runtime.read(runtime.ops.crossEntropy(logits, targets));
    });
    for (const loss of losses) total += loss;
    // The last window may end after the tokens.
    done = Math.min(done + inputs.length, tokens.length - 1);
    progress(done);
  }
  return total;
}

/** Gives `longer` the parameters of `trained`; what it has more rows of keeps the others. */
async function copyParams(trained: Model, longer: Model): Promise<void> {
  const { runtime, config: { context } } = longer, all = new Set([...trained.params.keys(), ...longer.params.keys()]);
  for (const name of all) {
    const from = trained.params.get(name)?.tensor, to = longer.params.get(name)?.tensor;
    if (!from || !to || !hasRowsOf(to, from)) {
      const [found, expected] = [to, from].map((t) => t ? describeTensor(t) : "missing");
      throw new TypeError(
        `Cannot evaluate on windows of ${context}: ${name} is ${found} there, expected ${expected} or more rows of it`,
      );
    }
    const values = await runtime.read(from), rest = to.shape[0] === from.shape[0] ? undefined : await runtime.read(to);
    rest?.set(values);
    runtime.write(to, rest ?? values);
  }
}

/** Whether `to` has the shape of `from`, or more rows of the same shape. */
function hasRowsOf(to: Tensor, from: Tensor): boolean {
  const [rows, ...row] = from.shape, [most, ...wide] = to.shape;
  return to.shape.length === from.shape.length && String(row) === String(wide) && !(most < rows);
}
