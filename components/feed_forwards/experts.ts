import { reshape, sliceRows } from "../../runtime/tensor.ts";
import type { Component } from "../component.ts";
import { choice, integer } from "../options.ts";
import { gatedHidden, hiddenOption } from "./hidden.ts";

/** Options of {@linkcode experts}. */
export interface ExpertsConfig {
  /** How many feed-forwards there are. */
  experts: number;
  /** How many of them each token gets; at most `experts`. */
  active: number;
  /** Width of each expert's hidden layer; `null` for 8/3 of `dim`, up to a multiple of 8. */
  hidden: number | null;
  /** What kind of gated feed-forward an expert is. */
  kind: "swiglu" | "geglu" | "gegluTanh" | "reglu";
}

/**
 * A router gives each token the `active` experts that score highest: `y = Σ_e p_e · expert_e(x)`, `p` the softmax over
 * their scores, 0 for the others. Experts have no biases. As in Mixtral, https://arxiv.org/abs/2401.04088; Shazeer et al.
 * 2017, https://arxiv.org/abs/1701.06538
 *
 * Every expert is computed for every token, and those that were not chosen count 0: exact, and trained as it should be,
 * but it costs what all of them cost. Nothing keeps the router from preferring a few: there is no loss for balance.
 */
export const experts: Component<"feedForward", "experts", ExpertsConfig> = {
  slot: "feedForward",
  type: "experts",
  options: {
    experts: integer(4, { min: 1, max: 1024 }),
    active: integer(2, { min: 1 }),
    hidden: hiddenOption("8/3 of dim, up to a multiple of 8"),
    kind: choice("swiglu", "geglu", "gegluTanh", "reglu"),
  },
  build({ experts: count, active, hidden, kind }, { buffer, dim, error, linear, ops }) {
    if (active > count) throw error(`feedForward.active ${active} is more than feedForward.experts ${count}`);
    const width = hidden ?? gatedHidden(dim), router = linear("router", count, dim);
    const all = Array.from({ length: count }, (_, e) => ({
      gate: linear(`expert.${e}.gate`, width, dim),
      up: linear(`expert.${e}.up`, width, dim),
      down: linear(`expert.${e}.down`, dim, width, { residual: true }),
    }));
    // Row `e · width + i` picks expert e: a product with `width` rows repeats its share for each hidden channel.
    const picks = buffer([count, width, count], (values) => {
      for (let i = 0; i < values.length; i++) values[i] = Math.floor(i / (width * count)) === i % count ? 1 : 0;
    });
    return {
      forward(x) {
        const shares = ops.topSoftmax(router(x), active);
        return all.map(({ gate, up, down }, e) => {
          const share = ops.matmul(shares, reshape(sliceRows(picks, e, 1), [width, count]));
          return down(ops.mul(ops[kind](gate(x), up(x)), share));
        }).reduce((sum, y) => ops.add(sum, y));
      },
    };
  },
};
