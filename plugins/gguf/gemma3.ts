import { type LayerKind, perKind } from "../huggingface/llama_like.ts";
import { real, whole, windowsOf } from "./entries.ts";
import type { Family } from "./family.ts";
import { gemmaTraits, scaled } from "./gemma.ts";
import { patternOf, sandwichNames, scaleOf } from "./gemma2.ts";
import { llamaLike, periodicKinds, windowOf } from "./llama_like.ts";

/** Layers of the one model, of 27 billion parameters, whose scores are scaled by `dim / heads`. */
const LARGEST = 62;

/** Gemma 3, text alone. https://arxiv.org/abs/2503.19786 */
export const gemma3: Family = llamaLike({
  ...gemmaTraits,
  config(fields, base) {
    const { sizes, attention, position } = base, window = windowOf(fields), scale = scaleOf(fields, base, LARGEST);
    const period = fields.count("attention.sliding_window_pattern", 6);
    const kinds = periodicKinds(sizes.depth, window === null ? 1 : period);
    const near = { ...position, base: fields.number("rope.freq_base_swa", 10000), scaling: null };
    const see = (kind: LayerKind) => ({ ...attention, scale, window: kind === "sliding_attention" ? window : null });
    return {
      ...scaled(base),
      position: perKind(kinds, (kind) => kind === "sliding_attention" ? near : position),
      attention: perKind(kinds, see),
      queryKey: "headNorm",
      block: "sandwich",
      head: { type: "linear", softcap: fields.number("final_logit_softcapping", 0) || null },
    };
  },
  names: sandwichNames(),
  metadata(config) {
    const windows = windowsOf(config), near = [config.position].flat()[0];
    return {
      "attention.sliding_window": whole(windows.find((window) => window !== null) ?? config.context),
      "attention.sliding_window_pattern": patternOf(windows, 6),
      "rope.freq_base_swa": real(near.base),
      final_logit_softcapping: real(config.head.softcap),
    };
  },
});
