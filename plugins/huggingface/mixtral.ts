import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { fusedExperts } from "./views.ts";

const parts = { w1: "gate", w2: "down", w3: "up" } as const;

/** Mixtral, whose feed-forwards are experts. https://arxiv.org/abs/2401.04088 */
export const mixtral: Family = llamaLike({
  architecture: "MixtralForCausalLM",
  type: "mixtral",
  defaults: {
    vocab: 32000,
    context: 131072,
    dim: 4096,
    depth: 32,
    heads: 32,
    kvHeads: 8,
    hidden: 14336,
    theta: 1e6,
  },
  eps: ["rms_norm_eps", 1e-5],
  bias: "none",
  mlpBias: false,
  config(fields, { config, attention, feedForward }) {
    const { type, hidden, ...more } = feedForward(false);
    const kinds = {
      swiglu: "swiglu",
      reglu: "reglu",
      geglu: "approximate" in more && more.approximate === "tanh" ? "gegluTanh" : "geglu",
    } as const;
    return {
      ...config,
      attention: attention({ window: fields.nullableCount("sliding_window", undefined) ?? null }),
      feedForward: {
        type: "experts",
        experts: fields.count("num_local_experts|num_experts", 8),
        active: fields.count("num_experts_per_tok", 2),
        hidden: hidden!,
        kind: kinds[type as keyof typeof kinds],
      },
    };
  },
  names: [
    ["model.layers.#.block_sparse_moe.gate", "blocks.#.feedForward.router"],
    ["model.layers.#.mlp.gate", "blocks.#.feedForward.router"],
  ],
  split(name, tensor, { feedForward }) {
    const [, layer, expert, w] =
      /^model\.layers\.(\d+)\.block_sparse_moe\.experts\.(\d+)\.(w[123])\.weight$/.exec(name) ??
        [];
    if (w) return [[`blocks.${layer}.feedForward.expert.${expert}.${parts[w as keyof typeof parts]}.weight`, tensor]];
    // As transformers 5 stores them: all experts in one.
    const [, block, which] = /^model\.layers\.(\d+)\.mlp\.experts\.(gate_up_proj|down_proj)$/.exec(name) ?? [];
    const sizes = feedForward as { experts: number; hidden: number };
    return which === undefined ? undefined : fusedExperts(`blocks.${block}.feedForward`, which, tensor, sizes);
  },
});
