import type { StoredTensor } from "../../model/format.ts";
import { rowsOfStored } from "../../model/quantized/stored.ts";
import { naming } from "../huggingface/family.ts";
import { attentionOf, commonNames, type Family, headDimOf, ROPE_FACTORS, ropeOf, sizesOf } from "./family.ts";

const names = naming(commonNames);

/** Llama and Mistral, whose files say `llama`, too. https://arxiv.org/abs/2302.13971 */
export const llama: Family = {
  config(fields, facts) {
    const sizes = sizesOf(fields, facts);
    fields.ignore("tensor_data_layout"); // says how rows are ordered, which they always are
    return {
      ...sizes,
      position: ropeOf(fields, facts, headDimOf(fields, sizes)),
      norm: { type: "rmsNorm", eps: fields.number("attention.layer_norm_rms_epsilon") },
      attention: attentionOf(fields, facts, sizes),
      feedForward: {
        type: "swiglu",
        hidden: fields.count("feed_forward_length"),
        bias: facts.names.has("blk.0.ffn_up.bias"),
      },
      block: "preNorm",
    };
  },
  weights(name, tensor, { dim, heads, attention }) {
    if (name === ROPE_FACTORS) return []; // read with the config
    const path = names.path(name);
    if (path === undefined) return undefined;
    const { headDim = dim / heads } = attention as { readonly headDim?: number };
    return [[path, /\.attn_[qk]\./.test(name) ? halves(tensor, headDim) : tensor]];
  },
};

/**
 * Rows of queries and keys in the order of checkpoints elsewhere. In GGUF channels `2i` and `2i + 1` of a head turn
 * together, elsewhere `i` and `i + half`: the numbers are the same, and a model that is saved is a Llama to all.
 */
function halves(tensor: StoredTensor, headDim: number): StoredTensor {
  return rowsOfStored(tensor, tensor.shape[0], (row) => {
    const channel = row % headDim, half = headDim / 2;
    return row - channel + (channel < half ? 2 * channel : 2 * (channel - half) + 1);
  });
}
