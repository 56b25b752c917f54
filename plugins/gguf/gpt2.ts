import { naming } from "../huggingface/family.ts";
import { commonNames, type Family, fusedHeads, sizesOf } from "./family.ts";

const names = naming([...commonNames, ["position_embd.weight", "position.table"]]);

/** GPT-2. https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf */
export const gpt2: Family = {
  config(fields, facts) {
    const sizes = sizesOf(fields, facts);
    fields.only("attention.head_count_kv", sizes.heads);
    return {
      ...sizes,
      position: "learned",
      norm: { type: "layerNorm", eps: fields.number("attention.layer_norm_epsilon") },
      attention: { type: "multiHead", bias: "all" },
      feedForward: { type: "gelu", approximate: "tanh", hidden: fields.count("feed_forward_length"), bias: true },
      block: "preNorm",
    };
  },
  weights(name, tensor, config) {
    const path = names.path(name);
    return fusedHeads(name, tensor, config) ?? (path === undefined ? undefined : [[path, tensor]]);
  },
};
