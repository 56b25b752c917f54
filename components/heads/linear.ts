import type { Component } from "../component.ts";
import { zeros } from "../init.ts";
import { boolean, nullable, number } from "../options.ts";

/** Options of {@linkcode linearHead}. */
export interface LinearHeadConfig {
  /** Adds a trained `bias [vocab]`, as in GPT-J. */
  bias: boolean;
  /** Factor of the logits, as in Command R and Granite. */
  scale: number;
  /** Bounds the logits: `softcap · tanh(logit / softcap)`, as in Gemma 2; `null` for no bound. */
  softcap: number | null;
}

/**
 * `scale · (x · weightᵀ + bias)`, bounded. Where the stem is narrower than `dim`, so is the matrix: a product `out` leads
 * there first. In configs: `"linear"`.
 */
export const linearHead: Component<"head", "linear", LinearHeadConfig> = {
  slot: "head",
  type: "linear",
  options: {
    bias: boolean(false),
    scale: number(1, { above: 0 }),
    softcap: nullable(number(30, { above: 0 }), "no bound"),
  },
  build({ bias, scale, softcap }, { dim, linear, ops, param, project, vocab, width }) {
    const down = width === dim ? undefined : linear("out", width, dim);
    const shift = bias ? param("bias", [vocab], zeros) : undefined;
    return {
      forward(x) {
        let logits = project(down ? down(x) : x, shift);
        if (scale !== 1) logits = ops.scale(logits, scale);
        return softcap === null ? logits : ops.scale(ops.tanh(ops.scale(logits, 1 / softcap)), softcap);
      },
    };
  },
};
