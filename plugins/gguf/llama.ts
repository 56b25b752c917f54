import type { ModelConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { layerOf, whole, windowsOf } from "./entries.ts";
import { cut, type Family } from "./family.ts";
import { reshaped } from "./arrange.ts";
import { llamaLike, type LlamaTraits, windowOf } from "./llama_like.ts";
import type { Joined } from "./store.ts";

/** Most experts of a model. */
const MOST_EXPERTS = 1024;

/** Llama, Mistral and Mixtral, whose files say `llama`, too. https://arxiv.org/abs/2302.13971 */
export const llama: Family = llamaLike({
  biases: "any",
  neighbours: true,
  turns: ["llama3", "longrope"],
  experts: true,
  config(fields, { config, headDim, attention }) {
    fields.ignore("tensor_data_layout"); // says how rows are ordered, which they always are
    fields.only("rope.dimension_count", headDim);
    const experts = fields.number("expert_count", 0), active = fields.number("expert_used_count", 0);
    const model = { ...config, attention: { ...attention, window: windowOf(fields) } };
    if (!experts && !active) return model;
    const { hidden } = config.feedForward as { readonly hidden: number };
    return {
      ...model,
      feedForward: {
        type: "experts",
        experts: fields.count("expert_count", undefined, MOST_EXPERTS),
        active: fields.count("expert_used_count", undefined, MOST_EXPERTS),
        hidden,
        kind: "swiglu",
      },
    };
  },
  metadata(config) {
    const { experts, active } = layerOf(config).feedForward;
    return {
      "attention.sliding_window": whole(windowsOf(config)[0]),
      expert_count: whole(experts),
      expert_used_count: whole(active),
    };
  },
  names: [["blk.#.ffn_gate_inp", "blocks.#.feedForward.router"]],
  split: expertsOf,
  joined: joinedExperts,
  unwindowed: true,
});

/** The parameters in a tensor of all experts, `[experts, out, in]`. */
function expertsOf(name: string, tensor: StoredTensor, { feedForward }: ModelConfig): ReturnType<Split> {
  const [, layer, part] = /^blk\.(\d+)\.ffn_(gate|up|down)_exps\.weight$/.exec(name) ?? [];
  if (part === undefined) return undefined;
  const { experts = 0 } = feedForward as { readonly experts?: number }, [count, rows, columns] = tensor.shape;
  const flat = reshaped(tensor, [count * rows, columns]);
  return cut(flat, Array.from({ length: experts }, () => rows)).map((own, expert) => [
    `blocks.${layer}.feedForward.expert.${expert}.${part}.weight`,
    own,
  ]);
}

type Split = NonNullable<LlamaTraits["split"]>;

function joinedExperts({ feedForward }: ModelConfig): Joined {
  const { experts = 0 } = feedForward as { readonly experts?: number };
  const own = (part: string) =>
    Array.from({ length: experts }, (_, expert) => `blocks.#.feedForward.expert.${expert}.${part}`);
  return experts ? Object.fromEntries(["gate", "up", "down"].map((part) => [`blk.#.ffn_${part}_exps`, own(part)])) : {};
}
