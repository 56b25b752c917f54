import { type LayerKind, perKind } from "../huggingface/llama_like.ts";
import { layerOf, real, whole, windowsOf } from "./entries.ts";
import type { Family } from "./family.ts";
import type { MetadataFields } from "./fields.ts";
import { gemmaTraits, scaled } from "./gemma.ts";
import { type LlamaBase, llamaLike, type LlamaTraits, periodicKinds, windowOf } from "./llama_like.ts";
import type { MetaValue } from "./writer.ts";

/** Layers of the one model, of 27 billion parameters, whose scores are scaled by `dim / heads`. */
const LARGEST = 46;

/** Gemma 2. https://arxiv.org/abs/2408.00118 */
export const gemma2: Family = llamaLike({
  tied: true,
  ...gemmaTraits,
  config(fields, base) {
    const { sizes, attention } = base, window = windowOf(fields, 4096), scale = scaleOf(fields, base, LARGEST);
    const kinds = periodicKinds(sizes.depth, fields.count("attention.sliding_window_pattern", 2));
    const cap = fields.number("attn_logit_softcapping", 50), softcap = fields.number("final_logit_softcapping", 30);
    fields.only("rope.freq_base_swa", base.position.base);
    const see = (kind: LayerKind) => ({ ...attention, scale, window: kind === "sliding_attention" ? window : null });
    return {
      ...scaled(base),
      attention: perKind(kinds, see),
      ...(cap && { scores: { type: "softcap", cap } }),
      block: "sandwich",
      head: { type: "linear", softcap: softcap || null },
    };
  },
  names: sandwichNames(),
  // llama.cpp takes no attention.scale: another scale than the one that follows from the sizes is not written.
  metadata: (config) => {
    const { scores } = layerOf(config), windows = windowsOf(config);
    return {
      "attention.sliding_window": whole(windows.find((window) => window !== null) ?? config.context),
      "attention.sliding_window_pattern": patternOf(windows, 2),
      attn_logit_softcapping: real(scores.cap),
      final_logit_softcapping: real(config.head.softcap),
    };
  },
});

/** How many layers from one that sees all to the next, where it is not what readers take it for. */
export function patternOf(windows: readonly (number | null)[], expected: number): MetaValue | undefined {
  const period = windows.indexOf(null) + 1;
  return period === 0 || period === expected ? undefined : whole(period);
}

/** Names of the norms after sublayers. */
export function sandwichNames(): NonNullable<LlamaTraits["names"]> {
  return [["blk.#.post_attention_norm", "blocks.#.after1"], ["blk.#.post_ffw_norm", "blocks.#.after2"]];
}

/**
 * What scores are multiplied by. Files do not say it, but for `attention.scale` if they have that; llama.cpp knows the
 * model of `largest` layers. https://github.com/google/gemma_pytorch/blob/main/gemma/config.py
 */
export function scaleOf(fields: MetadataFields, { sizes, headDim }: LlamaBase, largest: number): number {
  const { dim, heads, depth } = sizes, given = fields.maybeNumber("attention.scale");
  if (given === undefined) return (depth === largest ? Math.floor(dim / heads) : headDim) ** -0.5;
  const exact = Math.round(given ** -2) ** -0.5; // stored as f32
  return Math.fround(exact) === Math.fround(given) ? exact : given;
}
