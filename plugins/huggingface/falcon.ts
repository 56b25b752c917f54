import { activations } from "./activations.ts";
import { type Family, renamed } from "./family.ts";
import { readRope } from "./rope.ts";
import { fusedHeads } from "./views.ts";

/**
 * Falcon: one key head (7B), groups with a norm for each branch (40B, 180B), or ALiBi (RW). https://arxiv.org/abs/2311.16867
 *
 * transformers rounds this ALiBi to bfloat16, by the position of the key: logits differ in the third digit for more than 8
 * heads, whose slopes are no powers of two, and beyond 256 positions.
 */
export const falcon: Family = {
  config(fields) {
    const dim = fields.count("hidden_size", 4544), heads = fields.count("num_attention_heads|n_head", 71);
    const grouped = fields.flag("new_decoder_architecture", false), one = fields.flag("multi_query", true) && !grouped;
    const kvHeads = fields.nullableCount("num_kv_heads|n_head_kv", undefined) ?? heads;
    const norms = fields.nullableCount("num_ln_in_parallel_attn", undefined) ?? 2;
    const bias = fields.flag("bias", false), headDim = dim / heads;
    const context = fields.count("max_position_embeddings", 2048);
    const rope = readRope(fields, { headDim, context });
    const parallel = fields.flag("parallel_attn", true) || grouped;
    return {
      vocab: fields.count("vocab_size", 65024),
      context,
      dim,
      depth: fields.count("num_hidden_layers|n_layer", 32),
      heads,
      tied: fields.flag("tie_word_embeddings", true),
      // Its ALiBi is added to scores before they are scaled.
      position: fields.flag("alibi", false) ? { type: "alibi", factor: headDim ** -0.5 } : rope,
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: { type: "groupedQuery", kvHeads: one ? 1 : grouped ? kvHeads : heads, bias: bias ? "all" : "none" },
      feedForward: {
        ...fields.choice("activation", activations, "gelu"),
        hidden: fields.nullableCount("ffn_hidden_size", undefined) ?? 4 * dim,
        bias,
      },
      block: parallel ? { type: "parallel", sharedNorm: !grouped || norms === 1 } : "preNorm",
    };
  },
  weights: renamed({
    prefix: "transformer.",
    names: [
      ["word_embeddings", "embedding"],
      ["h.#.input_layernorm", "blocks.#.norm1"],
      ["h.#.ln_attn", "blocks.#.norm1"],
      ["h.#.self_attention.dense", "blocks.#.attention.out"],
      ["h.#.post_attention_layernorm", "blocks.#.norm2"],
      ["h.#.ln_mlp", "blocks.#.norm2"],
      ["h.#.mlp.dense_h_to_4h", "blocks.#.feedForward.up"],
      ["h.#.mlp.dense_4h_to_h", "blocks.#.feedForward.down"],
      ["ln_f", "norm"],
      ["lm_head", "head"],
    ],
    split(name, tensor, { dim, heads, attention }) {
      const [, layer, kind] = /^h\.(\d+)\.self_attention\.query_key_value\.(weight|bias)$/.exec(name) ?? [];
      const { kvHeads } = attention as { kvHeads: number };
      const layout = { groups: kvHeads, queries: heads / kvHeads, headDim: dim / heads };
      return kind === undefined ? undefined : fusedHeads(`blocks.${layer}.attention`, kind, tensor, layout);
    },
  }),
};
