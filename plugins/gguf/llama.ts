import { whole, windowsOf } from "./entries.ts";
import type { Family } from "./family.ts";
import { llamaLike, windowOf } from "./llama_like.ts";

/** Llama and Mistral, whose files say `llama`, too. https://arxiv.org/abs/2302.13971 */
export const llama: Family = llamaLike({
  neighbours: true,
  turns: ["llama3", "longrope"],
  config(fields, { config, headDim, attention }) {
    fields.ignore("tensor_data_layout"); // says how rows are ordered, which they always are
    fields.only("rope.dimension_count", headDim);
    return { ...config, attention: { ...attention, window: windowOf(fields) } };
  },
  metadata: (config) => ({ "attention.sliding_window": whole(windowsOf(config)[0]) }),
  unwindowed: true,
});
