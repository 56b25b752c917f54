import type { Component } from "../components/component.ts";
import type { Sampler } from "../components/samplers/sampler.ts";
import { resolveComponent } from "../model/config.ts";
import { createRandom } from "../model/random.ts";

/** The checks of a sampler: it leaves a token, makes no NaN, leaves its state alone and is deterministic. */
export function testSampler(
  component: Component<"sampler">,
  config: Readonly<Record<string, unknown>>,
  name: string,
): void {
  const vocab = 50, choice = { type: component.type, ...config };
  const { config: { type: _, ...options } } = resolveComponent([component], "sampler", choice, "sampler");
  const build = () => component.build(options, { vocab }) as Sampler,
    sampler = build(),
    random = createRandom(1, "logits");
  for (let round = 0; round < 100; round++) {
    const logits = Float32Array.from(
      { length: vocab },
      (_, i) => round % 3 && i % 3 === 0 ? -Infinity : 8 * random() - 4,
    );
    const tokens = Object.freeze(Array.from({ length: round % 20 }, () => Math.floor(random() * vocab)));
    const state = Object.freeze({ tokens, promptLength: Math.min(5, tokens.length) });
    const [once, again] = [logits.slice(), logits.slice()];
    sampler.apply(once, state);
    build().apply(again, state);
    if (once.some(Number.isNaN)) throw new Error(`${name} must not make NaN`);
    if (!once.some((v) => v > -Infinity)) throw new Error(`${name} must leave a token`);
    if (once.some((v, i) => v > -Infinity && logits[i] === -Infinity)) {
      throw new Error(`${name} must not bring a token back`);
    }
    if (once.some((v, i) => v !== again[i])) throw new Error(`${name} must depend on nothing but logits and state`);
  }
}
