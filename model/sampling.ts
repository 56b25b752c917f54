import { type Builtin, builtins } from "../components/builtins.ts";
import type { Component, ConfigOf } from "../components/component.ts";
import { argmax, draw, logSumExp, type Sampler, type SamplerState } from "../components/samplers/sampler.ts";
import { resolveComponent } from "./config.ts";
import { type Plugin, pluginError } from "./plugin.ts";

/** A token and the natural logarithm of its probability. */
export interface TokenProbability {
  /** The token. */
  readonly id: number;
  /** `ln softmax(logits)[id]`, before samplers. */
  readonly logprob: number;
}

/** A generated token. */
export interface GeneratedToken extends TokenProbability {
  /** The most likely tokens in its place, best first; as many as were asked for. */
  readonly top: readonly TokenProbability[];
}

/** A choice of samplers, in the order in which they run. */
export type SamplerConfigs<C extends Component = Builtin> = readonly ConfigOf<C, "sampler">[];

/** Builds a chain of samplers. */
export function buildSamplers(
  configs: readonly unknown[],
  vocab: number,
  components: readonly Component[] = [],
): Sampler[] {
  const known: readonly Component[] = [...builtins, ...components];
  return configs.map((choice, i) => {
    const { component, config } = resolveComponent(known, "sampler", choice, `samplers[${i}]`);
    return (component as Component<"sampler">).build(config, { vocab }) as Sampler;
  });
}

/** Whether the samplers do nothing but keep the largest logit. */
export function isGreedy(samplers: readonly Sampler[]): boolean {
  return samplers.length === 1 && !!samplers[0].greedy;
}

/** Plugins, then samplers change `logits` in place. */
export function applyChain(
  logits: Float32Array,
  samplers: readonly Sampler[],
  plugins: readonly Plugin[],
  state: SamplerState,
): void {
  for (const plugin of plugins) {
    try {
      plugin.logits?.(logits, state);
    } catch (error) {
      throw pluginError(plugin, "logits", error);
    }
  }
  for (const sampler of samplers) sampler.apply(logits, state);
}

/**
 * Chooses the next token: plugins, then samplers change `logits` in place, then `pick` draws from what is left.
 * Log-probabilities are those of the model itself.
 */
export function chooseToken(
  logits: Float32Array,
  samplers: readonly Sampler[],
  plugins: readonly Plugin[],
  state: SamplerState,
  random: () => number,
  top: number,
  pick: (logits: Float32Array, random: () => number) => number = draw,
): GeneratedToken {
  const total = logSumExp(logits), original = logits.slice();
  if (!Number.isFinite(total)) {
    throw new RangeError(`Cannot choose a token: the logits are not finite (Σ eˣ is ${total})`);
  }
  applyChain(logits, samplers, plugins, state);
  const id = pick(logits, random);
  if (!(logits[id] > -Infinity)) throw new RangeError("Cannot choose a token: the samplers removed every one");
  const probability = (id: number) => ({ id, logprob: original[id] - total });
  return { ...probability(id), top: largest(original, top).map(probability) };
}

/** `softmax(logits)`; all zero where every token was removed. */
export function distribution(logits: Float32Array): Float64Array {
  const top = logits[argmax(logits)], shares = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i] > -Infinity) total += shares[i] = Math.exp(logits[i] - top);
  if (total > 0) { for (let i = 0; i < shares.length; i++) shares[i] /= total; }
  return shares;
}

/** Indices of the `count` largest values, largest first, the first of equals first. */
function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length && count > 0; i++) {
    if (best.length === count && values[i] <= values[best[count - 1]]) continue;
    let at = best.length;
    while (at > 0 && values[i] > values[best[at - 1]]) at--;
    best.splice(at, 0, i);
    best.length = Math.min(best.length, count);
  }
  return best;
}
