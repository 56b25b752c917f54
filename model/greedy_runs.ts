import type { Runtime } from "../runtime/runtime.ts";
import { reshape, sliceRows, type Tensor } from "../runtime/tensor.ts";
import type { Model } from "./decoder.ts";
import type { ModelCache } from "./cache.ts";
import type { GeneratedToken } from "./sampling.ts";

/** Where {@linkcode greedyRuns} begins and ends. */
export interface GreedyStart {
  /** What the cache knows of the positions before `start`. */
  readonly cache: ModelCache;
  /** The tokens that are not in the cache yet: `[batch · time]`. */
  readonly tokens: readonly number[];
  /** Position of the first of them. */
  readonly start: number;
  /** Number of tokens to choose. */
  readonly limit: number;
}

/** Milliseconds that a run should take: text that is read as it comes does not stutter. */
const PACE = 60;
/** Most steps of a run: as many again are computed in vain when a text ends. */
const LONGEST = 32;

/** Steps that have been asked for, and what they will give. */
interface Run {
  readonly count: number;
  /** Position of the first token that it chooses. */
  readonly first: number;
  /** The ids of the last step: the input of the next one. */
  readonly last: Tensor;
  readonly done: Promise<readonly [ids: Float32Array, logprobs: Float32Array]>;
}

/**
 * Greedy choices made where the model runs, for backends whose memory is far away: each token goes straight into the next
 * step, and the ids of several steps are read together while the following ones are computed. Yields what each row chose.
 */
export async function* greedyRuns(model: Model, from: GreedyStart): AsyncGenerator<GeneratedToken[], void> {
  const { runtime } = model, { cache, limit } = from, { batch } = cache, arena = runtime.arena();
  // Rows begin where tensors can.
  const least = (runtime.backend.memory.alignment ?? 4) / 4, width = Math.ceil(batch / least) * least;
  // Two homes: one run is read while the next is computed.
  const homes = [0, 1].map(() => ({
    ids: runtime.place(arena, [LONGEST, width], "rows", "i32"),
    logprobs: runtime.place(arena, [LONGEST, width]),
  }));
  let asked = 0, position = from.start, turn = 0, length = 1;
  const ask = (tokens: readonly number[] | Tensor): Run => {
    const home = homes[turn++ % 2], count = Math.min(length, limit - asked);
    let last: readonly number[] | Tensor = tokens;
    const first = position + (Array.isArray(tokens) ? tokens.length / batch : 1);
    for (let i = 0; i < count; i++) {
      const [ids, logprobs] = [home.ids, home.logprobs].map((t) => reshape(sliceRows(t, i, 1), [width]));
      const row = { ...ids, shape: [batch] }, input = last;
      choose(model, { ...from, start: position }, input, row, { ...logprobs, shape: [batch] });
      position += Array.isArray(input) ? input.length / batch : 1;
      last = row;
    }
    asked += count;
    return {
      count,
      first,
      last: last as Tensor,
      done: readBoth(runtime, sliceRows(home.ids, 0, count), sliceRows(home.logprobs, 0, count)),
    };
  };
  let run: Run | undefined;
  try {
    run = ask(from.tokens);
    while (run) {
      const began = performance.now();
      const next: Run | undefined = asked < limit ? ask(run.last) : undefined;
      next?.done.catch(() => {}); // whoever waits for it is told; nobody may
      const [ids, logprobs] = await run.done;
      for (let i = 0; i < run.count; i++) {
        cache.learn(Array.from(ids.subarray(i * width, i * width + batch)), run.first + i);
        yield Array.from({ length: batch }, (_, b) => token(ids[i * width + b], logprobs[i * width + b]));
      }
      const took = performance.now() - began;
      length = Math.max(1, Math.min(LONGEST, took < PACE ? 2 * length : took > 2 * PACE ? length / 2 : length));
      run = next;
    }
  } finally {
    arena.close();
  }
}

/** One step: the best token of each sequence and the logarithm of its probability. */
function choose(
  model: Model,
  { cache, start }: GreedyStart,
  tokens: readonly number[] | Tensor,
  ids: Tensor,
  logprobs: Tensor,
): void {
  const { runtime } = model;
  runtime.scope(() => {
    const logits = model.forward(tokens, { batch: cache.batch, start, cache, last: true });
    runtime.kernels.argmax(ids, logits);
    runtime.kernels.logSoftmaxAt(logprobs, logits, ids);
  });
}

async function readBoth(
  runtime: Runtime,
  ids: Tensor,
  logprobs: Tensor,
): Promise<readonly [Float32Array, Float32Array]> {
  return await Promise.all([runtime.read(ids), runtime.read(logprobs)]);
}

function token(id: number, logprob: number): GeneratedToken {
  if (!Number.isFinite(logprob)) {
    throw new RangeError(`Cannot choose a token: the logits are not finite (ln p of the best is ${logprob})`);
  }
  return { id, logprob, top: [] };
}
