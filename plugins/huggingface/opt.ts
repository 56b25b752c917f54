import { activations } from "./activations.ts";
import { type Family, renamed } from "./family.ts";
import { rowsOf } from "./views.ts";

/** Rows of the table of positions that stand for none. */
const OFFSET = 2;

/** OPT: norms before sublayers, or after them (350M), whose embedding is narrower, too. https://arxiv.org/abs/2205.01068 */
export const opt: Family = {
  config(fields) {
    const dim = fields.count("hidden_size", 768), bias = fields.flag("enable_bias", true);
    const width = fields.maybeCount("word_embed_proj_dim") ?? dim, first = fields.flag("do_layer_norm_before", true);
    const affine = fields.flag("layer_norm_elementwise_affine", true);
    if (first) fields.only("_remove_final_layer_norm", false);
    else fields.any("_remove_final_layer_norm");
    return {
      vocab: fields.count("vocab_size", 50272),
      context: fields.count("max_position_embeddings", 2048),
      dim,
      depth: fields.count("num_hidden_layers", 12),
      heads: fields.count("num_attention_heads", 12),
      tied: fields.flag("tie_word_embeddings", true),
      stem: { type: "plain", width: width === dim ? null : width },
      position: "learned",
      norm: { type: "layerNorm", weight: affine, bias: affine },
      attention: { type: "multiHead", bias: bias ? "all" : "none" },
      feedForward: {
        ...fields.choice("activation_function", activations, "relu"),
        hidden: fields.count("ffn_dim", 3072),
        bias,
      },
      block: first ? "preNorm" : "postNorm",
    };
  },
  weights: renamed({
    prefix: "model.",
    names: [
      ["decoder.embed_tokens", "embedding"],
      ["decoder.project_in", "stem.in"],
      ["decoder.project_out", "head.out"],
      ["decoder.final_layer_norm", "norm"],
      ["decoder.layers.#.self_attn.q_proj", "blocks.#.attention.q"],
      ["decoder.layers.#.self_attn.k_proj", "blocks.#.attention.k"],
      ["decoder.layers.#.self_attn.v_proj", "blocks.#.attention.v"],
      ["decoder.layers.#.self_attn.out_proj", "blocks.#.attention.out"],
      ["decoder.layers.#.self_attn_layer_norm", "blocks.#.norm1"],
      ["decoder.layers.#.fc1", "blocks.#.feedForward.up"],
      ["decoder.layers.#.fc2", "blocks.#.feedForward.down"],
      ["decoder.layers.#.final_layer_norm", "blocks.#.norm2"],
      ["lm_head", "head"],
    ],
    split: (name, tensor, { context }) =>
      name === "decoder.embed_positions.weight"
        ? [["position.table", rowsOf(tensor, context + OFFSET, [[OFFSET, context]])]]
        : undefined,
  }),
};
