import { reshape } from "../../runtime/tensor.ts";
import type { Component } from "../component.ts";

/**
 * All heads of the queries are normalised together, and all of the keys, by the model's `norm` over `heads · headDim`. As in
 * OLMo 2, https://arxiv.org/abs/2501.00656
 */
export const fullNorm: Component<"queryKey", "fullNorm", Record<never, never>> = {
  slot: "queryKey",
  type: "fullNorm",
  options: {},
  build(_, { dim, heads, make }) {
    const norm = make("norm", "norm", heads * dim);
    return {
      forward(x) {
        const [batch, time] = x.shape;
        return reshape(norm.forward(reshape(x, [batch, time, heads * dim])), x.shape);
      },
    };
  },
};
