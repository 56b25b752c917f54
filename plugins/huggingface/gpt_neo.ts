import { CheckpointError } from "../../model/source.ts";
import { MOST_LAYERS } from "./llama_like.ts";
import { activations } from "./activations.ts";
import { type Family, renamed } from "./family.ts";
import type { Fields } from "./fields.ts";

/** GPT-Neo, whose scores are not scaled. https://github.com/EleutherAI/gpt-neo */
export const gptNeo: Family = {
  config(fields) {
    const dim = fields.count("hidden_size", 2048), depth = fields.count("num_layers|num_hidden_layers", 24);
    const kinds = attentionKinds(fields, depth), window = fields.count("window_size", 256);
    return {
      vocab: fields.count("vocab_size", 50257),
      context: fields.count("max_position_embeddings", 2048),
      dim,
      depth,
      heads: fields.count("num_heads|num_attention_heads", 16),
      tied: fields.flag("tie_word_embeddings", true),
      position: "learned",
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: kinds.map((kind) => ({
        type: "multiHead",
        bias: "out",
        scale: 1,
        window: kind === "local" ? window : null,
      })),
      feedForward: {
        ...fields.choice("activation_function", activations, "gelu_new"),
        hidden: fields.maybeCount("intermediate_size") ?? 4 * dim,
        bias: true,
      },
      block: "preNorm",
    };
  },
  weights: renamed({
    prefix: "transformer.",
    names: [
      ["wte", "embedding"],
      ["wpe.weight", "position.table"],
      ["h.#.ln_1", "blocks.#.norm1"],
      ["h.#.attn.attention.q_proj", "blocks.#.attention.q"],
      ["h.#.attn.attention.k_proj", "blocks.#.attention.k"],
      ["h.#.attn.attention.v_proj", "blocks.#.attention.v"],
      ["h.#.attn.attention.out_proj", "blocks.#.attention.out"],
      ["h.#.ln_2", "blocks.#.norm2"],
      ["h.#.mlp.c_fc", "blocks.#.feedForward.up"],
      ["h.#.mlp.c_proj", "blocks.#.feedForward.down"],
      ["ln_f", "norm"],
      ["lm_head", "head"],
    ],
    buffers: /\.attn\.attention\.(masked_)?bias$/,
  }),
};

/** `attention_types`, `[[["global", "local"], 12]]`, written out; `attention_layers` holds the same. */
function attentionKinds(fields: Fields, depth: number): string[] {
  const given = fields.texts("attention_layers"), types = fields.any("attention_types") ?? [[["global", "local"], 12]];
  const runs = Array.isArray(types) && types.every((run) => Array.isArray(run) && Array.isArray(run[0])) ? types : [];
  const counted = runs.flatMap(([kinds, times]) =>
    Number.isInteger(times) && times > 0 && times <= Math.min(depth, MOST_LAYERS) ? Array(times).fill(kinds).flat() : []
  );
  const kinds = fields.any("attention_types") === undefined ? given ?? counted : counted;
  if (kinds.length !== depth || !kinds.every((kind) => kind === "global" || kind === "local")) {
    throw new CheckpointError(
      `Cannot read config.json: attention_types are ${JSON.stringify(types)}, expected ${depth} of "global" or "local"`,
    );
  }
  return kinds;
}
