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
 * A token costs what `active` experts cost, forward and back; its result has the bits that it would have of all of them.
 * On a GPU all of them are, and those that were not chosen count 0: to know the choice it would have to be read back,
 * 11 ms for each layer in Deno. Nothing keeps the router from preferring a few: there is no loss for balance.
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
  build({ experts: count, active, hidden, kind }, { dim, error, linear, ops }) {
    if (active > count) throw error(`feedForward.active ${active} is more than feedForward.experts ${count}`);
    const width = hidden ?? gatedHidden(dim), router = linear("router", count, dim);
    const all = Array.from({ length: count }, (_, e) => ({
      gate: linear(`expert.${e}.gate`, width, dim),
      up: linear(`expert.${e}.up`, width, dim),
      down: linear(`expert.${e}.down`, dim, width, { residual: true }),
    }));
    return {
      forward: (x) =>
        ops.route(x, ops.topSoftmax(router(x), active), (rows, e) => {
          const { gate, up, down } = all[e];
          return down(ops[kind](gate(rows), up(rows)));
        }),
    };
  },
};
