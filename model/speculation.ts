import type { Sampler } from "../components/samplers/sampler.ts";
import type { ModelCache } from "./cache.ts";
import type { Model } from "./decoder.ts";
import { acceptOrDraw, draftModel, type DraftOptions, lookup, type Proposal, type Proposer } from "./proposals.ts";
import { chooseToken, type GeneratedToken } from "./sampling.ts";

/** Several tokens are proposed at once, and one pass of the model says how many of them it chooses. */
export interface Speculation {
  /**
   * Who proposes: a smaller model with the same vocabulary, or `"lookup"`, which goes on as the text did when its last
   * tokens occurred before. What is proposed decides how fast generation is, never what it gives.
   */
  readonly draft: "lookup" | Model;
  /** Most tokens to propose at once. Default: 3, for four rows cost little more than one. */
  readonly count?: number;
}

/** A pass of the model over proposed tokens. */
export interface SpeculationPass {
  /** Number of proposed tokens. */
  readonly proposed: number;
  /** How many of them, from the first, were chosen. */
  readonly accepted: number;
}

/** What {@linkcode speculated} goes on from. */
export interface SpeculationStart {
  /** Prompt and tokens so far: what is yielded must be at its end before the next token is asked for. */
  readonly tokens: readonly number[];
  /** Logits after the prompt. */
  readonly logits: Float32Array;
  /** What `run` fills: only what was chosen stays in it. */
  readonly cache: ModelCache;
  /** Runs tokens, the first of which is at `start`, and gives the logits after each: `[time · vocab]`. */
  readonly run: (tokens: readonly number[], start: number) => Promise<Float32Array>;
  /** Number of tokens to choose. */
  readonly limit: number;
  /** The chain of samplers. */
  readonly samplers: readonly Sampler[];
  /** A number in [0, 1). */
  readonly random: () => number;
  /** How many of the most likely tokens to return beside each. */
  readonly top: number;
  /** Who proposes. */
  readonly proposer: Proposer;
  /** Most tokens to propose at once. */
  readonly count: number | undefined;
  /** Is told of each pass over proposed tokens. */
  readonly onPass?: ((pass: SpeculationPass) => void) | undefined;
}

/** Tokens that are proposed at once, where nobody says how many: tiles of products are four rows high. */
const PROPOSED = 3;

/** Who proposes tokens for `model`. Throws where it cannot. */
export function openProposer(
  { config }: Model,
  { draft, count = PROPOSED }: Speculation,
  batch: number,
  options: DraftOptions,
): Proposer {
  if (batch !== 1) throw new RangeError(`Cannot speculate for ${batch} prompts at once, expected one`);
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new RangeError(`Cannot speculate: count is ${count}, expected a whole number from 1`);
  }
  if (draft === "lookup") return lookup();
  if (!(draft instanceof Object)) {
    throw new TypeError(`Cannot speculate with draft ${JSON.stringify(draft)}, expected "lookup" or a model`);
  }
  if (draft.config.vocab === config.vocab) return draftModel(draft, options);
  throw new TypeError(
    `Cannot speculate with a draft of ${draft.config.vocab} tokens: the model has ${config.vocab}, expected the same vocabulary`,
  );
}

/**
 * Chooses tokens as plain generation does, several after each pass where they were foreseen: after a pass over the
 * proposals `x₁ … xₖ`, tokens are chosen one after another by {@linkcode acceptOrDraw} until one is not its `xᵢ`. What
 * the cache holds of `xᵢ` and those behind it is forgotten. Samplers
 * and plugins see each token chosen once, with the tokens before it, as without speculation.
 */
export async function* speculated(
  { plugins, config: { vocab } }: Model,
  { tokens, logits, cache, run, limit, samplers, random, top, proposer, count = PROPOSED, onPass }: SpeculationStart,
): AsyncGenerator<GeneratedToken[], void> {
  const promptLength = tokens.length, end = promptLength + limit;
  let proposals: readonly Proposal[] = [];
  while (tokens.length < end) {
    let accepted = 0, foreseen = true;
    try {
      while (foreseen && tokens.length < end) {
        const proposal = proposals[accepted], own = logits.subarray(accepted * vocab, (accepted + 1) * vocab);
        const token = chooseToken(
          own,
          samplers,
          plugins,
          { tokens, promptLength },
          random,
          top,
          acceptOrDraw(proposal),
        );
        foreseen = token.id === proposal?.id;
        if (foreseen) accepted++;
        yield [token];
      }
    } finally {
      cache.trim(Math.min(cache.held, tokens.length - 1)); // the last one has not been run
      if (proposals.length) onPass?.({ proposed: proposals.length, accepted });
    }
    if (tokens.length === end) return;
    proposals = await proposer.propose(tokens, Math.min(count, end - tokens.length - 1));
    logits = await run([tokens.at(-1)!, ...proposals.map((p) => p.id)], tokens.length - 1);
  }
}
