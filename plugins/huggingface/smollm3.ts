import type { Family } from "./family.ts";
import { layerKinds, llamaLike, MOST_LAYERS, perKind } from "./llama_like.ts";
import { CheckpointError } from "../../model/source.ts";

/** SmolLM 3, in which every fourth layer knows no positions. https://huggingface.co/blog/smollm3 */
export const smollm3: Family = llamaLike({
  architecture: "SmolLM3ForCausalLM",
  type: "smollm3",
  defaults: {
    vocab: 128256,
    context: 32768,
    dim: 2048,
    depth: 36,
    heads: 16,
    kvHeads: 4,
    hidden: 11008,
    tied: true,
    theta: 2e6,
  },
  config(fields, { config, attention, depth, rope }) {
    const period = fields.count("no_rope_layer_interval", 4), position = rope();
    const given = fields.any("no_rope_layers") === undefined ? undefined : fields.numbers("no_rope_layers");
    const rotated = given ?? Array.from({ length: Math.min(depth, MOST_LAYERS) }, (_, i) => (i + 1) % period ? 1 : 0);
    if (given && given.length !== depth) {
      throw new CheckpointError(
        `Cannot read config.json: no_rope_layers has ${rotated.length} entries, expected ${depth}`,
      );
    }
    const used = fields.flag("use_sliding_window", false), window = fields.nullableCount("sliding_window", undefined);
    const kinds = layerKinds(
      fields,
      depth,
      (i) => used && window !== undefined && !rotated[i] ? "sliding_attention" : "full_attention",
    );
    fields.any("max_window_layers"); // transformers does not look at it
    return {
      ...config,
      position: rotated.every((on) => on) ? position : rotated.map((on) => on ? position : { type: "none" }),
      // Of layer_types transformers does not ask whether use_sliding_window is set.
      attention: perKind(
        kinds,
        (kind) => attention({ window: kind === "sliding_attention" ? fields.count("sliding_window") : null }),
      ),
    };
  },
});
