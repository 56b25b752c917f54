import type { Component } from "../component.ts";
import { boolean, number } from "../options.ts";
import { type DecayConfig, decayOf } from "./optimizer.ts";

/** Options of {@linkcode sgd}. */
export interface SgdConfig extends DecayConfig {
  /** Share of the last step that is added to this one; 0 keeps no state. */
  momentum: number;
  /** Looks ahead along the momentum. */
  nesterov: boolean;
}

/**
 * Gradient descent with momentum: `d = g + decay · p`, `b = momentum · b + d`, `p −= lr · b`, or with `nesterov`
 * `p −= lr · (d + momentum · b)`. Decay is part of the gradient, and so of the momentum, as in `torch.optim.SGD` and unlike
 * the other optimizers; vectors do not decay. State: `<param>.b`. Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5;
 * Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html
 */
export const sgd: Component<"optimizer", "sgd", SgdConfig> = {
  slot: "optimizer",
  type: "sgd",
  options: {
    momentum: number(0.9, { min: 0, max: 0.999999 }),
    nesterov: boolean(false),
    decay: number(0, { min: 0 }),
    decayEmbeddings: boolean(true),
  },
  build(config, { kernels, params, state }) {
    const { momentum, nesterov } = config;
    const velocities = params.map(({ name, param }) => momentum ? state(`${name}.b`, param) : undefined);
    return {
      step(_step, rate) {
        params.forEach(({ param, gradient, kind }, i) =>
          kernels.sgd(param, velocities[i], gradient, { momentum, nesterov, decay: decayOf(kind, config), rate })
        );
      },
    };
  },
};
