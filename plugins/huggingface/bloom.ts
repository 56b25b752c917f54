import { type Family, renamed } from "./family.ts";
import { fusedHeads } from "./views.ts";

/** BLOOM. https://arxiv.org/abs/2211.05100 */
export const bloom: Family = {
  config(fields) {
    const dim = fields.count("n_embed|hidden_size", 64);
    return {
      vocab: fields.count("vocab_size", 250880),
      context: fields.count("seq_length", 2048), // nothing is as long as the context: any will do
      dim,
      depth: fields.count("n_layer|num_hidden_layers", 2),
      heads: fields.count("n_head|num_attention_heads", 8),
      tied: fields.flag("tie_word_embeddings", true),
      stem: { type: "plain", norm: true },
      position: "alibi",
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: { type: "multiHead", bias: "all" },
      feedForward: { type: "gelu", approximate: "tanh", hidden: 4 * dim, bias: true },
      block: { type: "preNorm", fromNorm: fields.flag("apply_residual_connection_post_layernorm", false) },
    };
  },
  weights: renamed({
    prefix: "transformer.",
    names: [
      ["word_embeddings", "embedding"],
      ["word_embeddings_layernorm", "stem.norm"],
      ["h.#.input_layernorm", "blocks.#.norm1"],
      ["h.#.self_attention.dense", "blocks.#.attention.out"],
      ["h.#.post_attention_layernorm", "blocks.#.norm2"],
      ["h.#.mlp.dense_h_to_4h", "blocks.#.feedForward.up"],
      ["h.#.mlp.dense_4h_to_h", "blocks.#.feedForward.down"],
      ["ln_f", "norm"],
      ["lm_head", "head"],
    ],
    split(name, tensor, { dim, heads }) {
      const [, layer, kind] = /^h\.(\d+)\.self_attention\.query_key_value\.(weight|bias)$/.exec(name) ?? [];
      const layout = { groups: heads, queries: 1, headDim: dim / heads };
      return kind === undefined ? undefined : fusedHeads(`blocks.${layer}.attention`, kind, tensor, layout);
    },
  }),
};
