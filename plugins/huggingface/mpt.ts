import { type Family, renamed } from "./family.ts";
import { rowsOf } from "./views.ts";

/** MPT, as transformers has it: ALiBi always, of slopes to 2⁻⁸, four times `d_model` inside. https://www.databricks.com/blog/mpt-7b */
export const mpt: Family = {
  config(fields) {
    const dim = fields.count("d_model|hidden_size", 2048), attention = fields.object("attn_config");
    for (const [key, value] of Object.entries({ alibi: true, prefix_lm: false })) {
      attention?.only(key, value);
    }
    attention?.only("attn_uses_sequence_id", false);
    attention?.only("attn_type", "multihead_attention");
    // What transformers does not look at. Norms of queries and keys, and biases, would be tensors that have no place here.
    for (const key of ["attn_impl", "attn_pdrop", "alibi_bias_max", "qk_ln"]) attention?.any(key);
    const ignored = "learned_pos_emb expansion_ratio logit_scale init_device no_bias embedding_fraction";
    for (const key of ignored.split(" ")) fields.any(key);
    const norms = { layernorm: true, low_precision_layernorm: true };
    fields.choice("norm_type", norms, "low_precision_layernorm");
    const limit = attention?.nullableNumber("clip_qkv", undefined);
    const scale = attention?.nullableNumber("softmax_scale", undefined);
    attention?.expectUnderstood("mpt");
    return {
      vocab: fields.count("vocab_size", 50368),
      context: fields.count("max_seq_len", 2048),
      dim,
      depth: fields.count("n_layers|num_hidden_layers", 24),
      heads: fields.count("n_heads|num_attention_heads", 16),
      tied: fields.flag("tie_word_embeddings", true),
      position: "alibi",
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5), bias: false },
      attention: { type: "multiHead", scale: scale ?? null },
      queryKey: limit === undefined ? "plain" : { type: "clip", limit },
      feedForward: { type: "gelu", hidden: 4 * dim },
      block: "preNorm",
    };
  },
  weights: renamed({
    prefix: "transformer.",
    names: [
      ["wte", "embedding"],
      ["blocks.#.norm_1", "blocks.#.norm1"],
      ["blocks.#.attn.out_proj", "blocks.#.attention.out"],
      ["blocks.#.norm_2", "blocks.#.norm2"],
      ["blocks.#.ffn.up_proj", "blocks.#.feedForward.up"],
      ["blocks.#.ffn.down_proj", "blocks.#.feedForward.down"],
      ["norm_f", "norm"],
      ["lm_head", "head"],
    ],
    split(name, tensor, { dim }) {
      const [, layer] = /^blocks\.(\d+)\.attn\.Wqkv\.weight$/.exec(name) ?? [], path = `blocks.${layer}.attention`;
      return layer === undefined ? undefined : ["q", "k", "v"].map((part, i) => [
        `${path}.${part}.weight`,
        rowsOf(tensor, 3 * dim, [[i * dim, dim]]),
      ]);
    },
  }),
};
