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
  /** Is shown the output of the embedding, of each block and of the head, by path. */
  readonly watch?: (path: string, x: Tensor) => void;
}

/** Runs the parts of a decoder in turn. */
export function forward(
  runtime: Runtime,
  { dim, context }: ResolvedConfig,
  { embedding, stem, position, blocks, norm, head }: Parts,
  tokens: ArrayLike<number> | Tensor,
  { batch = 1, start = 0, cache, last = false, recompute = false, watch }: ForwardOptions = {},
): Tensor {
  const { ops } = runtime, count = "ptr" in tokens ? size(tokens.shape) : tokens.length, time = count / batch;
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
  cache?.trim(start); // first: what fails halfway has overwritten some of the rest
  const logits = runtime.keep(() => {
    let x = stem.forward(ops.embed(embedding, tokens, [batch, time]));
    if (position.embed) x = position.embed(x, start);
    watch?.("embedding", x);
    for (const [i, block] of blocks.entries()) {
      if (recompute) x = runtime.recompute((y) => block.forward(y, start), x);
      else x = runtime.keep(() => block.forward(x, start, cache?.layers[i]));
      watch?.(`blocks.${i}`, x);
    }
    if (last && time > 1) x = lastRows(ops, x);
    if (norm) x = norm.forward(x);
    const logits = head.forward(x);
    watch?.("head", logits);
    return logits;
  });
  cache?.hold("ptr" in tokens ? new Int32Array(count).fill(UNKNOWN) : tokens, start);
  return logits;

  function lastRows(ops: Runtime["ops"], x: Tensor): Tensor {
    const rows = reshape(x, [batch * time, dim]);
    if (batch === 1) return reshape(sliceRows(rows, time - 1, 1), [1, 1, dim]);
    return ops.embed(rows, Array.from({ length: batch }, (_, b) => (b + 1) * time - 1), [batch, 1]);
  }
}
