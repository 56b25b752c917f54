import { reshape } from "../../runtime/tensor.ts";
import type { Component } from "../component.ts";
import { ones } from "../init.ts";
import { boolean, number } from "../options.ts";

/** Options of {@linkcode perHeadNorm}. */
export interface PerHeadNormConfig {
  /** Added to the variance or mean square before its root. */
  eps: number;
  /** The mean is taken off, as in a layer norm; otherwise it is a root mean square norm. */
  centered: boolean;
}

/**
 * Each head of the queries and keys is normalised over `headDim` with a weight of its own: `weight[h] · normalised(x[h])`,
 * `weight [heads · headDim]`. As in StableLM 2 and Command R+,
 * https://huggingface.co/docs/transformers/model_doc/cohere
 */
export const perHeadNorm: Component<"queryKey", "perHeadNorm", PerHeadNormConfig> = {
  slot: "queryKey",
  type: "perHeadNorm",
  options: { eps: number(1e-5, { min: 0 }), centered: boolean(true) },
  build({ eps, centered }, { dim, heads, ops, param }) {
    const weight = param("weight", [heads * dim], ones);
    return {
      forward(x) {
        const [batch, time] = x.shape;
        const rows = centered ? ops.layerNorm(x, undefined, undefined, eps) : ops.rmsNorm(x, undefined, eps);
        return reshape(ops.mul(reshape(rows, [batch, time, heads * dim]), weight), x.shape);
      },
    };
  },
};
