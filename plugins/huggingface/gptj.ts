import { activations } from "./activations.ts";
import { type Family, renamed } from "./family.ts";

/** GPT-J. https://github.com/kingoflolz/mesh-transformer-jax */
export const gptj: Family = {
  config(fields) {
    const dim = fields.count("n_embd|hidden_size", 4096);
    for (const key of ["rotary", "scale_attn_weights"]) fields.only(key, true);
    const heads = fields.count("n_head|num_attention_heads", 16);
    // For null transformers has angles of the whole width, which fit one head only.
    const dims = fields.nullableCount("rotary_dim", 64) ?? (heads === 1 ? dim : fields.count("rotary_dim"));
    return {
      vocab: fields.count("vocab_size", 50400),
      context: fields.count("n_positions|max_position_embeddings|n_ctx", 2048),
      dim,
      depth: fields.count("n_layer|num_hidden_layers", 28),
      heads,
      tied: fields.flag("tie_word_embeddings", false),
      position: { type: "rope", layout: "interleaved", dims },
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: "multiHead",
      feedForward: {
        ...fields.choice("activation_function", activations, "gelu_new"),
        hidden: fields.maybeCount("n_inner") ?? 4 * dim,
        bias: true,
      },
      block: "parallel",
      head: { type: "linear", bias: true },
    };
  },
  weights: renamed({
    prefix: "transformer.",
    names: [
      ["wte", "embedding"],
      ["h.#.ln_1", "blocks.#.norm1"],
      ["h.#.attn.q_proj", "blocks.#.attention.q"],
      ["h.#.attn.k_proj", "blocks.#.attention.k"],
      ["h.#.attn.v_proj", "blocks.#.attention.v"],
      ["h.#.attn.out_proj", "blocks.#.attention.out"],
      ["h.#.mlp.fc_in", "blocks.#.feedForward.up"],
      ["h.#.mlp.fc_out", "blocks.#.feedForward.down"],
      ["ln_f", "norm"],
      ["lm_head", "head"],
    ],
    buffers: /\.attn\.(masked_)?bias$/,
  }),
};
