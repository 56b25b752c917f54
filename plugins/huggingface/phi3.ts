import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";
import { rowsOf } from "./views.ts";

/** Phi 3, 3.5 and 4. https://arxiv.org/abs/2404.14219 */
export const phi3: Family = llamaLike({
  architecture: "Phi3ForCausalLM",
  type: "phi3",
  defaults: { vocab: 32064, context: 4096, dim: 3072, depth: 32, heads: 32, hidden: 8192, part: 1, original: 4096 },
  eps: ["rms_norm_eps", 1e-5],
  bias: "none",
  mlpBias: false,
  config(fields, { config, attention }) {
    fields.only("full_attn_mod", 1); // every layer sees all: in configs of Phi 4
    return { ...config, attention: attention({ window: fields.nullableCount("sliding_window", undefined) ?? null }) };
  },
  split(name, tensor, { dim, heads, attention, feedForward }) {
    const [, layer, part] = /^model\.layers\.(\d+)\.(self_attn\.qkv|mlp\.gate_up)_proj\.weight$/.exec(name) ?? [];
    if (part === undefined) return undefined;
    if (part === "mlp.gate_up") {
      const { hidden } = feedForward as { hidden: number }, path = `blocks.${layer}.feedForward`;
      return [
        [`${path}.gate.weight`, rowsOf(tensor, 2 * hidden, [[0, hidden]])],
        [`${path}.up.weight`, rowsOf(tensor, 2 * hidden, [[hidden, hidden]])],
      ];
    }
    const { kvHeads = heads, headDim = dim / heads } = attention as { kvHeads?: number; headDim?: number };
    const path = `blocks.${layer}.attention`, q = heads * headDim, k = kvHeads * headDim, all = q + 2 * k;
    return [
      [`${path}.q.weight`, rowsOf(tensor, all, [[0, q]])],
      [`${path}.k.weight`, rowsOf(tensor, all, [[q, k]])],
      [`${path}.v.weight`, rowsOf(tensor, all, [[q + k, k]])],
    ];
  },
});
