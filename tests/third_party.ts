import {
  type Component,
  constant,
  groupedAttention,
  number,
  ones,
  type SoftmaxAttentionConfig,
  softmaxOptions,
  zeros,
} from "@tenon/tenon";

interface DynamicTanhConfig {
  /** Slope at initialisation. */
  alpha: number;
}

/** A norm without statistics: `y = weight · tanh(alpha · x) + bias`. Zhu et al. 2025, https://arxiv.org/abs/2503.10622 */
export const dynamicTanh: Component<"norm", "dynamicTanh", DynamicTanhConfig> = {
  slot: "norm",
  type: "dynamicTanh",
  options: { alpha: number(0.5, { above: 0 }) },
  build({ alpha }, { dim, ops, param }) {
    const slope = param("alpha", [1], constant(alpha));
    const weight = param("weight", [dim], ones), bias = param("bias", [dim], zeros);
    return { forward: (x) => ops.add(ops.mul(ops.tanh(ops.mul(x, slope)), weight), bias) };
  },
};

/** Attention behind a gate: `y = σ(W x) · attention(x)`. Qiu et al. 2025, https://arxiv.org/abs/2505.06708 */
export const gatedAttention: Component<"attention", "gatedAttention", SoftmaxAttentionConfig> = {
  slot: "attention",
  type: "gatedAttention",
  options: softmaxOptions,
  build(config, context) {
    const { dim, heads, linear, ops } = context;
    const attention = groupedAttention({ ...config, kvHeads: heads }, context), gate = linear("gate", dim, dim);
    return {
      ...attention,
      forward: (x, start, cache) => ops.mul(attention.forward(x, start, cache), ops.sigmoid(gate(x))),
    };
  },
};

interface TopNSigmaConfig {
  /** How many deviations below the likeliest token are kept. */
  n: number;
}

/** Keeps tokens whose logit is within `n` standard deviations of the largest. Tang et al. 2024, https://arxiv.org/abs/2411.07641 */
export const topNSigma: Component<"sampler", "topNSigma", TopNSigmaConfig> = {
  slot: "sampler",
  type: "topNSigma",
  options: { n: number(1, { min: 0 }) },
  build: ({ n }) => ({
    apply(logits) {
      const finite = logits.filter((v) => v > -Infinity), mean = finite.reduce((a, b) => a + b, 0) / finite.length;
      const sigma = Math.sqrt(finite.reduce((sum, v) => sum + (v - mean) ** 2, 0) / finite.length);
      const limit = finite.reduce((a, b) => Math.max(a, b)) - n * sigma;
      for (let i = 0; i < logits.length; i++) if (logits[i] < limit) logits[i] = -Infinity;
    },
  }),
};
