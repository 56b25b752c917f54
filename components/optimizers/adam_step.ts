import { type DecayConfig, decayOf, type OptimizedParam, type Optimizer, type OptimizerContext } from "./optimizer.ts";

/** Options of AdamW. */
export interface AdamWConfig extends DecayConfig {
  /** Decay of the average of gradients. */
  beta1: number;
  /** Decay of the average of their squares. */
  beta2: number;
  /** Added to the root of that average. */
  eps: number;
}

/** AdamW on some of the parameters: {@linkcode adamW} on all, Muon on those that are not its own. */
export function adamWOn(
  params: readonly OptimizedParam[],
  config: AdamWConfig,
  { kernels, state }: OptimizerContext,
): Optimizer {
  const { beta1, beta2, eps } = config;
  const moments = params.map(({ name, param }) => [state(`${name}.m`, param), state(`${name}.v`, param)]);
  return {
    step(step, learningRate) {
      const size = learningRate / (1 - beta1 ** step), root = Math.sqrt(1 - beta2 ** step);
      params.forEach(({ param, gradient, kind }, i) => {
        const [m, v] = moments[i], keep = 1 - learningRate * decayOf(kind, config);
        kernels.adamW(param, m, v, gradient, { beta1, beta2, eps, size, root, keep });
      });
    },
  };
}
