import type { Component } from "../component.ts";
import { boolean, integer, nullable, number, type Option } from "../options.ts";

/** Options of {@linkcode plainStem}. */
export interface PlainStemConfig {
  /** Factor of the embeddings; `sqrtDim` for `√dim`, as in Vaswani et al. 2017 and Gemma. */
  scale: number | "sqrtDim";
  /** Normalises the embeddings by the model's `norm`, as in BLOOM. */
  norm: boolean;
  /** Width of the embedding, from which a product leads to `dim`, as in ALBERT and OPT 350M; `null` for `dim`. */
  width: number | null;
}

const factor = number(1, { above: 0 });
const scaleOption: Option<number | "sqrtDim"> = {
  default: 1,
  expected: `${factor.expected}, or "sqrtDim"`,
  schema: { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { const: "sqrtDim" }], default: 1 },
  accepts: (v): v is number | "sqrtDim" => v === "sqrtDim" || factor.accepts(v),
};

/** `norm(scale · in · x)` of the embeddings `x`; by default `x`. In configs: `"plain"`. */
export const plainStem: Component<"stem", "plain", PlainStemConfig> = {
  slot: "stem",
  type: "plain",
  options: { scale: scaleOption, norm: boolean(false), width: nullable(integer(64, { min: 1 }), "dim") },
  build({ scale, norm: normalized, width }, { dim, linear, make, ops }) {
    const up = width === null ? undefined : linear("in", dim, width);
    const norm = normalized ? make("norm", "norm") : undefined, by = scale === "sqrtDim" ? Math.sqrt(dim) : scale;
    return {
      forward(x) {
        if (up) x = up(x);
        if (by !== 1) x = ops.scale(x, by);
        return norm ? norm.forward(x) : x;
      },
      ...(width !== null && { width }),
    };
  },
};
