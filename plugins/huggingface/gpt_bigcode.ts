import { activations } from "./activations.ts";
import { type Family, renamed } from "./family.ts";
import { fusedHeads } from "./views.ts";

/** GPT BigCode: SantaCoder and StarCoder. https://arxiv.org/abs/2305.06161 */
export const gptBigcode: Family = {
  config(fields) {
    const dim = fields.count("n_embd|hidden_size", 768);
    fields.only("add_cross_attention", false);
    fields.any("num_key_value_heads"); // transformers 5 writes what multi_query says
    return {
      vocab: fields.count("vocab_size", 50257),
      context: fields.count("n_positions|max_position_embeddings|n_ctx", 1024),
      dim,
      depth: fields.count("n_layer|num_hidden_layers", 12),
      heads: fields.count("n_head|num_attention_heads", 12),
      tied: fields.flag("tie_word_embeddings", true),
      position: "learned",
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: {
        type: fields.flag("multi_query", true) ? "multiQuery" : "multiHead",
        bias: "all",
        ...(!fields.flag("scale_attn_weights", true) && { scale: 1 }),
      },
      feedForward: {
        ...fields.choice("activation_function", activations, "gelu_pytorch_tanh"),
        hidden: fields.maybeCount("n_inner") ?? 4 * dim,
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
      ["h.#.attn.c_proj", "blocks.#.attention.out"],
      ["h.#.ln_2", "blocks.#.norm2"],
      ["h.#.mlp.c_fc", "blocks.#.feedForward.up"],
      ["h.#.mlp.c_proj", "blocks.#.feedForward.down"],
      ["ln_f", "norm"],
      ["lm_head", "head"],
    ],
    buffers: /\.attn\.(masked_)?bias$/,
    split(name, tensor, { dim, heads, attention }) {
      const [, layer, kind] = /^h\.(\d+)\.attn\.c_attn\.(weight|bias)$/.exec(name) ?? [];
      const shared = (attention as { type: string }).type === "multiQuery", headDim = dim / heads;
      const layout = { groups: shared ? 1 : heads, queries: shared ? heads : 1, headDim };
      return kind === undefined ? undefined : fusedHeads(`blocks.${layer}.attention`, kind, tensor, layout);
    },
  }),
};
