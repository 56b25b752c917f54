import type { StoredTensor } from "../../model/format.ts";
import { rowsOfStored } from "../../model/quantized/stored.ts";
import type { Family } from "./family.ts";
import { llamaLike, windowOf } from "./llama_like.ts";

/** Llama and Mistral, whose files say `llama`, too. https://arxiv.org/abs/2302.13971 */
export const llama: Family = llamaLike({
  config(fields, { config, headDim, attention }) {
    fields.ignore("tensor_data_layout"); // says how rows are ordered, which they always are
    fields.only("rope.dimension_count", headDim);
    return { ...config, attention: { ...attention, window: windowOf(fields) } };
  },
  arrange(path, tensor, { dim, heads, attention }) {
    const { headDim = dim / heads } = attention as { readonly headDim?: number };
    return /\.attention\.[qk]\.(weight|bias)$/.test(path) ? halves(tensor, headDim) : tensor;
  },
});

/**
 * Rows of queries and keys in the order of checkpoints elsewhere. In GGUF channels `2i` and `2i + 1` of a head turn
 * together, elsewhere `i` and `i + half`: the numbers are the same, and a model that is saved is a Llama to all. Other
 * architectures are stored as they are elsewhere.
 */
function halves(tensor: StoredTensor, headDim: number): StoredTensor {
  return rowsOfStored(tensor, tensor.shape[0], (row) => {
    const channel = row % headDim, half = headDim / 2;
    return row - channel + (channel < half ? 2 * channel : 2 * (channel - half) + 1);
  });
}
