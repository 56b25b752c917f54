/** What a sampler may use while it is built. */
export interface SamplerContext {
  /** Number of tokens. */
  readonly vocab: number;
}

/** The tokens so far. */
export interface SamplerState {
  /** Prompt and generated tokens, oldest first. */
  readonly tokens: readonly number[];
  /** How many of them are the prompt. */
  readonly promptLength: number;
}

/**
 * One step of choosing the next token: changes logits in place; −∞ removes a token. A chain of samplers runs in the
 * order of its config, then a token is drawn from the softmax of what is left.
 */
export interface Sampler {
  /** Changes `logits`. At least one token must be left. */
  apply(logits: Float32Array, state: SamplerState): void;
  /** It keeps the largest logit, the first of equals, whatever came before: a backend may choose it without being read. */
  readonly greedy?: boolean;
}

/** `ln Σ eˣ` of the logits. */
export function logSumExp(logits: Float32Array): number {
  let top = -Infinity, sum = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i] > top) top = logits[i];
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - top);
  return top + Math.log(sum);
}

/** The first of the largest logits. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

/** Draws a token with probability `softmax(logits)`; `random` gives a number in [0, 1). */
export function draw(logits: Float32Array, random: () => number): number {
  const top = logits[argmax(logits)];
  let total = 0, last = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i] > -Infinity) total += Math.exp(logits[i] - top);
  let left = random() * total;
  for (let i = 0; i < logits.length; i++) {
    if (!(logits[i] > -Infinity)) continue;
    last = i;
    left -= Math.exp(logits[i] - top);
    if (left < 0) return i;
  }
  return last; // rounding left a hair above zero
}
