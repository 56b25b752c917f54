/** Measuring a model, the same for every implementation that leaves the loop over tokens to its caller. */
import { type ModelCase, promptTokens } from "./cases.ts";
import { argmax, collect, likeliest, median, secondsPerCall, WARM } from "./measure.ts";
import type { Prepared } from "./protocol.ts";

/** Tokens of the prompt before decoding: after them, both models have a clear favourite, so texts can be compared. */
export const SHORT = 16;

/** A model that reads tokens. */
export interface Model {
  /** Forgets everything, then reads `tokens` from position 0; returns the logits of the last. */
  read(tokens: readonly number[]): ArrayLike<number> | Promise<ArrayLike<number>>;
  /** Reads one token more, at `position`. */
  next(token: number, position: number): ArrayLike<number> | Promise<ArrayLike<number>>;
}

/** Prefill: the whole prompt at once, as often as there is time. */
async function preparePrefill(model: Model, tokens: readonly number[]): Promise<Prepared> {
  const { likely, logprob } = likeliest(await model.read(tokens));
  return {
    evidence: { tokens: likely.slice(0, 1), likely, logprob },
    async measure(seconds) {
      return { "tokens/s": tokens.length / await secondsPerCall(() => model.read(tokens), seconds) };
    },
    close() {},
  };
}

/** Decode: a short prompt, then token by token, each the likeliest after the one before. */
async function prepareDecode(model: Model, count: number): Promise<Prepared> {
  /** Seconds of each token, its choice included; none is begun after `most` seconds. */
  const write = async (most = Infinity, onToken?: (token: number) => void) => {
    let token = argmax(await model.read(promptTokens(SHORT)));
    const seconds: number[] = [], end = performance.now() + 1000 * most;
    for (let i = 0; i < count && performance.now() < end; i++) {
      onToken?.(token);
      const start = performance.now();
      token = argmax(await model.next(token, SHORT + i));
      seconds.push((performance.now() - start) / 1000);
    }
    return seconds;
  };
  const { likely, logprob } = likeliest(await model.read(promptTokens(SHORT))), tokens: number[] = [];
  await write(Infinity, (token) => tokens.push(token));
  return {
    evidence: { tokens, likely, logprob },
    async measure(seconds) {
      await write(WARM); // wakes threads
      return { "tokens/s": 1 / median((await collect(() => write(), seconds)).flat()) };
    },
    close() {},
  };
}

/** What a runner does with model cases: builds the model of the first, and keeps it: a child sees one size. */
export function modelRunner(build: (c: ModelCase) => Promise<Model>): (c: ModelCase) => Promise<Prepared> {
  let model: Promise<Model> | undefined;
  return async (c) => {
    const built = await (model ??= build(c));
    return await (c.kind === "prefill"
      ? preparePrefill(built, promptTokens(c.tokens))
      : prepareDecode(built, c.tokens));
  };
}
