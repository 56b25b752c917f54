import { whole, windowsOf } from "./entries.ts";
import { cut, type Family } from "./family.ts";
import { llamaLike, QKV, windowOf } from "./llama_like.ts";

/**
 * Phi 3, 3.5 and 4. https://arxiv.org/abs/2404.14219
 *
 * Windows are those of the metadata, as in transformers; llama.cpp has them switched off.
 */
export const phi3: Family = llamaLike({
  config: (fields, { config, attention }) => ({ ...config, attention: { ...attention, window: windowOf(fields) } }),
  split(name, tensor, { feedForward }) {
    const [, layer] = /^blk\.(\d+)\.ffn_up\.weight$/.exec(name) ?? [];
    if (layer === undefined) return undefined;
    const { hidden } = feedForward as { readonly hidden: number }, [gate, up] = cut(tensor, [hidden, hidden]);
    return [[`blocks.${layer}.feedForward.gate.weight`, gate], [`blocks.${layer}.feedForward.up.weight`, up]];
  },
  metadata: (config) => ({ "attention.sliding_window": whole(windowsOf(config)[0]) }),
  joined: () => ({ ...QKV, "blk.#.ffn_up": ["blocks.#.feedForward.gate", "blocks.#.feedForward.up"] }),
  unwindowed: true,
  turns: ["partial", "longrope"],
});
