/**
 * The laws of a model on WebGPU: what tests/laws_test.ts checks bit for bit holds here within rounding, as a product of one
 * row and one of many add in different orders. All combinations would take minutes on a software adapter, so here every
 * pair of choices of two slots occurs at least once.
 */
import { checkLaws, tinyConfig } from "./kit.ts";
import { assert } from "./assert.ts";
import type { ModelConfig } from "../model/config.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const slots = {
  norm: ["layerNorm", "rmsNorm", "none"],
  position: ["sinusoidal", "learned", "rope", "alibi", "none"],
  attention: ["multiHead", "multiQuery", "groupedQuery"],
  feedForward: ["relu", "reluSquared", "gelu", "silu", "reglu", "geglu", "swiglu"],
  block: ["preNorm", "postNorm", "parallel"],
} as const;
type Slot = keyof typeof slots;
type Choice = Record<Slot, string>;
const names = Object.keys(slots) as Slot[];

/** Combinations in which every pair of choices of two slots occurs: each next one has the most pairs that are missing. */
function pairwise(): Choice[] {
  const all = names.reduce<Partial<Choice>[]>(
    (made, slot) => made.flatMap((c) => slots[slot].map((type) => ({ ...c, [slot]: type }))),
    [{}],
  ) as Choice[];
  const pairs = (c: Choice) => names.flatMap((a, i) => names.slice(i + 1).map((b) => `${a} ${c[a]}, ${b} ${c[b]}`));
  const missing = new Set(all.flatMap(pairs)), chosen: Choice[] = [];
  const gain = (c: Choice) => pairs(c).filter((p) => missing.has(p)).length;
  while (missing.size) {
    const best = all.reduce((top, c) => gain(c) > gain(top) ? c : top);
    chosen.push(best);
    for (const pair of pairs(best)) missing.delete(pair);
  }
  return chosen;
}

/** As in tests/laws_test.ts. */
const variations: Partial<ModelConfig>[] = [
  { tied: false },
  { attention: { type: "multiHead", window: 3 } },
  { attention: { type: "groupedQuery", kvHeads: 2, window: 1, bias: "all" } },
  { attention: { type: "multiHead", headDim: 6, bias: "qkv", scale: 0.7 } },
  { attention: [{ type: "multiHead", window: 4 }, "multiQuery"], norm: ["layerNorm", "rmsNorm"], depth: 3 },
  { position: { type: "rope", layout: "interleaved" } },
  { position: { type: "rope", dims: 2, base: 500 } },
  { position: "alibi", attention: { type: "groupedQuery", kvHeads: 2, window: 5 } },
  { feedForward: { type: "gelu", approximate: "tanh", hidden: 13, bias: true } },
  { dim: 12, heads: 3, vocab: 33 },
  { dim: 20, heads: 1, position: "none" },
];

/** Of the largest logit: without a norm they reach hundreds. */
const TOLERANCE = 1e-5;

Deno.test({
  name: `the laws hold on WebGPU within ${TOLERANCE} for every pair of components`,
  ignore: !hasWebgpu,
  async fn() {
    using one = await webgpuRuntime(), two = await webgpuRuntime();
    const combinations = pairwise();
    assert(combinations.length < 60);
    console.log(`${combinations.length} combinations hold every pair`);
    for (const choice of combinations) {
      await checkLaws([one, two], { ...tinyConfig, ...choice } as ModelConfig, [], TOLERANCE);
    }
    for (const variation of variations) await checkLaws([one, two], { ...tinyConfig, ...variation }, [], TOLERANCE);
  },
});
