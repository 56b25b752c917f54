import type { Runtime } from "../runtime/runtime.ts";
import { reshape, size, sliceRows, type Tensor } from "../runtime/tensor.ts";
import type { Parts } from "./assemble.ts";
import { type HeldPositions, UNKNOWN } from "./cache.ts";
import type { ResolvedConfig } from "./config.ts";

/** How {@linkcode Model.forward} runs. */
export interface ForwardOptions {
  /** Number of sequences of equal length that `tokens` holds, one after another. Default: 1. */
  readonly batch?: number;
  /** Position of the first token. Default: 0. */
  readonly start?: number;
  /** What is known of the positions before `start`; the new ones are added, in place of any that it held there. */
  readonly cache?: HeldPositions;
  /** Logits of the last position only: `[batch, 1, vocab]`. Default: of all. */
  readonly last?: boolean;
  /** While a tape is recorded: blocks are run again on the way back, instead of being kept. Default: `false`. */
  readonly recompute?: boolean;
  /** Is shown the output of the embedding, of each block and of the head, by path; of each piece, if it is run in pieces. */
  readonly watch?: (path: string, x: Tensor) => void;
}

/** Runs the parts of a decoder in turn; in pieces, where a cache has no room for more at once. */
export function forward(
  runtime: Runtime,
  config: ResolvedConfig,
  parts: Parts,
  tokens: ArrayLike<number> | Tensor,
  options: ForwardOptions = {},
): Tensor {
  const { batch = 1, start = 0, cache, last = false } = options, { spare = Infinity } = cache ?? {};
  const time = expectRun(config, tokens, options);
  const run = (tokens: ArrayLike<number> | Tensor, first: number) => {
    const count = Math.min(spare, time - first);
    cache?.trim(start + first, start + first + count); // first: what fails halfway has overwritten some of the rest
    const logits = runParts(runtime, config, parts, tokens, { ...options, start: start + first });
    cache?.hold("ptr" in tokens ? new Int32Array(size(tokens.shape)).fill(UNKNOWN) : tokens, start + first);
    return logits;
  };
  if (time <= spare) return run(tokens, 0);
  const logits = runtime.temp([batch, last ? 1 : time, config.vocab]);
  for (let first = 0; first < time; first += spare) {
    const count = Math.min(spare, time - first);
    runtime.scope(() => {
      const piece = run(pieceOf(runtime, tokens, batch, first, count), first);
      if (!last) copyRows(runtime, logits, piece, first);
      else if (first + count === time) runtime.backend.copy(logits, piece);
    });
  }
  return logits;
}

/** How many tokens each sequence gets. Throws a `RangeError` unless they can be run. */
function expectRun(
  { context }: ResolvedConfig,
  tokens: ArrayLike<number> | Tensor,
  { batch = 1, start = 0, cache, recompute }: ForwardOptions,
): number {
  const count = "ptr" in tokens ? size(tokens.shape) : tokens.length, time = count / batch;
  if (!Number.isInteger(time) || time < 1) {
    throw new RangeError(
      `Cannot run ${count} tokens as a batch of ${batch}, expected as many for each sequence`,
    );
  }
  const room = Math.min(context, cache?.length ?? context);
  if (!Number.isInteger(start) || start < 0 || start + time > room) {
    throw new RangeError(
      `Cannot run positions ${start} … ${start + time - 1}: ${
        room === context ? "the context" : "the cache"
      } ends at ${room}`,
    );
  }
  if (recompute && cache) throw new RangeError("Cannot recompute blocks with a cache, expected one or the other");
  if (start && !cache) throw new RangeError(`Cannot run from position ${start} without a cache`);
  if (cache && start > cache.held) {
    throw new RangeError(
      `Cannot run from position ${start}: the cache holds ${cache.held}, expected at least ${start}`,
    );
  }
  return time;
}

/** Tokens `first … first + count` of each sequence. */
function pieceOf(
  runtime: Runtime,
  tokens: ArrayLike<number> | Tensor,
  batch: number,
  first: number,
  count: number,
): ArrayLike<number> | Tensor {
  const time = ("ptr" in tokens ? size(tokens.shape) : tokens.length) / batch;
  if (!("ptr" in tokens)) {
    return Array.from({ length: batch * count }, (_, i) => tokens[Math.floor(i / count) * time + first + i % count]);
  }
  const piece = runtime.temp([batch * count], "i32"), all = reshape(tokens, [batch * time]);
  for (let b = 0; b < batch; b++) {
    runtime.backend.copy(sliceRows(piece, b * count, count), sliceRows(all, b * time + first, count));
  }
  return piece;
}

/** Copies `piece [batch, count, width]` to rows `first …` of each sequence of `all [batch, time, width]`. */
function copyRows({ backend }: Runtime, all: Tensor, piece: Tensor, first: number): void {
  const [batch, time, width] = all.shape, count = piece.shape[1];
  const [to, from] = [reshape(all, [batch * time, width]), reshape(piece, [batch * count, width])];
  for (let b = 0; b < batch; b++) {
    backend.copy(sliceRows(to, b * time + first, count), sliceRows(from, b * count, count));
  }
}

function runParts(
  runtime: Runtime,
  { dim }: ResolvedConfig,
  { embedding, stem, position, blocks, norm, head }: Parts,
  tokens: ArrayLike<number> | Tensor,
  { batch = 1, start = 0, cache, last = false, recompute = false, watch }: ForwardOptions,
): Tensor {
  const { ops } = runtime, time = ("ptr" in tokens ? size(tokens.shape) : tokens.length) / batch;
  return runtime.keep(() => {
    let x = stem.forward(ops.embed(embedding, tokens, [batch, time]));
    if (position.embed) x = position.embed(x, start);
    watch?.("embedding", x);
    for (const [i, block] of blocks.entries()) {
      if (recompute) x = runtime.recompute((y) => block.forward(y, start), x);
      else x = runtime.keep(() => block.forward(x, start, cache?.layers[i]));
      watch?.(`blocks.${i}`, x);
    }
    if (last && time > 1) x = lastRows(x);
    if (norm) x = norm.forward(x);
    const logits = head.forward(x);
    watch?.("head", logits);
    return logits;
  });

  function lastRows(x: Tensor): Tensor {
    const rows = reshape(x, [batch * time, dim]);
    if (batch === 1) return reshape(sliceRows(rows, time - 1, 1), [1, 1, dim]);
    return ops.embed(rows, Array.from({ length: batch }, (_, b) => (b + 1) * time - 1), [batch, 1]);
  }
}
