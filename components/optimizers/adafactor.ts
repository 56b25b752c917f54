import { squareBlocks } from "../../runtime/optimizer_kernels.ts";
import type { Component } from "../component.ts";
import { boolean, number } from "../options.ts";
import { type DecayConfig, decayOf, type OptimizedParam } from "./optimizer.ts";

/** Options of {@linkcode adafactor}. */
export interface AdafactorConfig extends DecayConfig {
  /** The second moment's decay at step t is `1 − t^−power`. */
  power: number;
  /** Least size of a parameter that the learning rate is relative to. */
  scale: number;
  /** Root mean square that updates are shortened to. */
  clip: number;
}

/** PyTorch's `eps1` for f64: its f32 one, 1.2e-7, is more than the squares of many a gradient. */
const EPS = 2 ** -52;

/**
 * Adam without a first moment, and of the second, for a matrix `[n, k]`, only the means of rows and columns: `n + k`
 * numbers. `R += t^−power (mean_rows(g²) − R)`, `C` likewise, `u = g / √(R C / mean(R))`,
 * `p = (1 − lr · decay) p − min(lr, 1/√t) · max(scale, rms(p)) · u / max(1, rms(u) / clip)`. Vectors keep the whole second
 * moment and do not decay. As `torch.optim.Adafactor`. State: `<param>.rows`, `<param>.columns`, or `<param>.v`.
 * Shazeer & Stern 2018, https://arxiv.org/abs/1804.04235
 */
export const adafactor: Component<"optimizer", "adafactor", AdafactorConfig> = {
  slot: "optimizer",
  type: "adafactor",
  options: {
    power: number(0.8, { above: 0 }),
    scale: number(1e-3, { min: 0 }),
    clip: number(1, { above: 0 }),
    decay: number(0, { min: 0 }),
    decayEmbeddings: boolean(true),
  },
  build(config, { kernels, params, scope, state, temp }) {
    const { power, scale, clip } = config;
    const moments = params.map(({ name, param: { shape } }) =>
      shape.length === 2
        ? [state(`${name}.rows`, [shape[0]]), state(`${name}.columns`, [shape[1]])]
        : [state(`${name}.v`, shape)]
    );
    function update({ param, gradient, kind }: OptimizedParam, i: number, step: number, learningRate: number): void {
      const u = temp(param.shape, "f32", param.layout), [first, columns] = moments[i], rate = step ** -power;
      if (columns) {
        kernels.rowMeanSquares(first, gradient, rate);
        kernels.columnMeanSquares(columns, gradient, rate);
        kernels.adafactorMatrix(u, gradient, first, columns, EPS);
      } else kernels.adafactorVector(u, first, gradient, rate, EPS);
      const [pSums, uSums] = [param, u].map((t) => {
        const sums = temp([squareBlocks(t)]);
        kernels.squareSums(sums, t);
        return sums;
      });
      const keep = 1 - learningRate * decayOf(kind, config);
      kernels.adafactorStep(param, u, pSums, uSums, { rate: Math.min(learningRate, step ** -0.5), scale, clip, keep });
    }
    return { step: (step, rate) => params.forEach((p, i) => scope(() => update(p, i, step, rate))) };
  },
};
