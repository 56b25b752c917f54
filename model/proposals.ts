import { draw, type Sampler } from "../components/samplers/sampler.ts";
import type { Model } from "./decoder.ts";
import { applyChain, distribution } from "./sampling.ts";

/** A token that may come next. */
export interface Proposal {
  /** The token. */
  readonly id: number;
  /** The distribution that it was drawn from, `[vocab]`. Without one, it was certain to be proposed. */
  readonly odds?: Float64Array;
}

/** Has ideas of how a text goes on. */
export interface Proposer extends Disposable {
  /**
   * Up to `count` tokens after `tokens`, or none. From one call to the next, `tokens` grow by proposals that were
   * accepted and one more token.
   */
  propose(tokens: readonly number[], count: number): readonly Proposal[] | Promise<readonly Proposal[]>;
}

/**
 * A way to draw from `p = softmax(logits)` that gives the proposal as often as can be. The proposal, drawn from `q`, is
 * taken with probability `min(1, p / q)`; else a token is drawn from `max(0, p − q)`, rescaled. Both together are `p`.
 * Leviathan et al. 2023, https://arxiv.org/abs/2211.17192, Chen et al. 2023, https://arxiv.org/abs/2302.01318
 *
 * Where the proposal was certain, that is a draw from `p` and nothing else: it is the proposal with probability `p`, and
 * where it is another token, one that was drawn from the rest of `p`. So the same seed gives the tokens of plain draws.
 */
export function acceptOrDraw(proposal: Proposal | undefined): typeof draw {
  if (!proposal?.odds) return draw;
  const { id, odds: q } = proposal;
  return (logits, random) => {
    const p = distribution(logits);
    if (random() * q[id] < p[id]) return id;
    const rest = p.map((share, i) => Math.max(0, share - q[i]));
    return drawWeighted(rest, random) ?? draw(logits, random); // equal but for rounding
  };
}

/** Draws an index with a probability in proportion to its weight; `undefined` if all are zero. */
function drawWeighted(weights: Float64Array, random: () => number): number | undefined {
  let left = random() * weights.reduce((a, b) => a + b, 0), last: number | undefined;
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i] > 0)) continue;
    last = i;
    left -= weights[i];
    if (left < 0) return i;
  }
  return last;
}

/** Fewer tokens in common are no reason to expect the same again. */
const SHORTEST = 2;
/** More tokens in common say nothing more. */
const LONGEST = 8;

/**
 * Proposes what followed the last tokens where most of them, up to {@linkcode LONGEST}, occurred before, the latest such
 * place if there are several. What is proposed may be copied from what is proposed: a text that repeats a short
 * piece is expected to go on so. Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding
 */
export function lookup(): Proposer {
  return {
    propose(tokens, count) {
      const end = tokens.length;
      let from = 0, most = SHORTEST - 1;
      for (let at = end - 1; at > most && most < LONGEST; at--) {
        let common = 0;
        while (common < LONGEST && common < at && tokens[at - 1 - common] === tokens[end - 1 - common]) common++;
        if (common > most) [from, most] = [at, common];
      }
      const ids: number[] = [];
      for (let i = 0; from && i < count; i++) ids.push(from + i < end ? tokens[from + i] : ids[from + i - end]);
      return ids.map((id) => ({ id }));
    },
    [Symbol.dispose]() {},
  };
}

/** How a draft model is run. */
export interface DraftOptions {
  /** Positions that will be asked for. */
  readonly length: number;
  /** Length of the prompt, for samplers. */
  readonly promptLength: number;
  /** A chain of its own, the same as that of the model: the better the two agree. */
  readonly samplers: readonly Sampler[];
  /** Decides the proposals; it must be independent of what accepts them. */
  readonly random: () => number;
  /** Tokens that run at a time. */
  readonly prefill: number;
  /** Awaited after every run. */
  readonly rest: () => Promise<void>;
}

/** Proposes what a smaller model draws. Its context may be shorter: beyond it there are no proposals. */
export function draftModel(
  model: Model,
  { length, promptLength, samplers, random, prefill, rest }: DraftOptions,
): Proposer {
  const cache = model.newCache(1, Math.min(length, model.config.context));
  let known = 0; // positions that the cache holds
  const run = async (tokens: readonly number[]) => {
    let logits = new Float32Array();
    while (known < tokens.length) {
      const piece = tokens.slice(known, known + prefill), forward = { start: known, cache, last: true };
      logits = await model.runtime.scope(() => model.runtime.read(model.forward(piece, forward)));
      known += piece.length;
      await rest();
    }
    return logits;
  };
  return {
    async propose(before, count) {
      const tokens = [...before], proposals: Proposal[] = [];
      const most = Math.min(count, cache.length - before.length + 1); // the last one need not be run
      known = Math.min(known, before.length - 1); // what was proposed after those has been rejected
      while (proposals.length < most) {
        const logits = await run(tokens);
        applyChain(logits, samplers, model.plugins, { tokens, promptLength });
        const odds = distribution(logits), id = drawWeighted(odds, random);
        if (id === undefined) break; // its samplers removed every token
        proposals.push({ id, odds });
        tokens.push(id);
      }
      return proposals;
    },
    [Symbol.dispose]: () => cache.close(),
  };
}
