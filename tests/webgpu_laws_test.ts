/**
 * The laws of a model on WebGPU: what tests/laws_test.ts checks bit for bit holds here within rounding, as a product of one
 * row and one of many add in different orders. All combinations would take minutes on a software adapter, so here every
 * pair of choices of two slots occurs at least once.
 */
import { checkLaws, tinyConfig } from "./kit.ts";
import { assert } from "./assert.ts";
import type { ModelConfig } from "../model/config.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

/** Choices for each slot, as in tests/laws_test.ts. */
const slots = {
  norm: ["layerNorm", "rmsNorm", "none"],
  position: ["sinusoidal", "learned", "rope", "alibi", "none"],
  attention: ["multiHead", "multiQuery", "groupedQuery"],
  feedForward: ["relu", "reluSquared", "gelu", "silu", "reglu", "geglu", "swiglu", "experts"],
  block: ["preNorm", "postNorm", "parallel", "sandwich", "afterNorm"],
  queryKey: ["plain", "headNorm", "fullNorm", "perHeadNorm", { type: "clip", limit: 0.1 }],
  scores: ["softmax", { type: "softcap", cap: 0.5 }, "sinks"],
  stem: ["plain", { type: "plain", scale: "sqrtDim", norm: true }, { type: "plain", width: 8 }],
  head: ["linear", { type: "linear", bias: true, scale: 0.3, softcap: 2 }],
  tied: [true, false],
} as const;
type Slot = keyof typeof slots;
/** Which choice each slot has. */
type Choice = Partial<Record<Slot, number>>;
const names = Object.keys(slots) as Slot[];

/**
 * Combinations in which every pair of choices of two slots occurs: each next one begins with the first pair that is missing,
 * and gives each other slot the choice that completes the most.
 */
function pairwise(): Choice[] {
  const pair = (a: Slot, i: number, b: Slot, j: number) =>
    names.indexOf(a) < names.indexOf(b) ? `${a} ${i}, ${b} ${j}` : `${b} ${j}, ${a} ${i}`;
  const missing = new Map<string, Choice>(), chosen: Choice[] = [];
  for (const [n, a] of names.entries()) {
    for (const b of names.slice(n + 1)) {
      slots[a].forEach((_, i) => slots[b].forEach((_, j) => missing.set(pair(a, i, b, j), { [a]: i, [b]: j })));
    }
  }
  while (missing.size) {
    const choice = { ...missing.values().next().value! };
    const completed = (a: Slot, i: number) =>
      names.filter((b) => choice[b] !== undefined && missing.has(pair(a, i, b, choice[b]))).length;
    for (const slot of names) {
      choice[slot] ??= slots[slot].reduce((best, _, i) => completed(slot, i) > completed(slot, best) ? i : best, 0);
    }
    chosen.push(choice);
    for (const [n, a] of names.entries()) {
      for (const b of names.slice(n + 1)) missing.delete(pair(a, choice[a]!, b, choice[b]!));
    }
  }
  return chosen;
}

/** The config of a combination. */
function configOf(choice: Choice): ModelConfig {
  return { ...tinyConfig, ...Object.fromEntries(names.map((slot) => [slot, slots[slot][choice[slot]!]])) };
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
  { block: { type: "parallel", sharedNorm: false, residual: 0.3 }, norm: { type: "layerNorm", bias: false, eps: 0.1 } },
  { position: { type: "rope", scaling: { type: "dynamic", factor: 3, originalContext: 6 } } },
  { norm: { type: "rmsNorm", offset: 1 }, queryKey: "headNorm", block: "sandwich" },
  { norm: { type: "layerNorm", weight: false, bias: false }, queryKey: ["fullNorm", "plain"] },
  { queryKey: { type: "perHeadNorm", centered: false }, scores: ["sinks", { type: "softcap", cap: 1 }] },
  { attention: { type: "multiHead", window: 3 }, scores: "sinks", position: "alibi" },
  { feedForward: { type: "experts", experts: 5, active: 1, hidden: 7, kind: "gegluTanh" } },
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
      await checkLaws([one, two], configOf(choice), [], TOLERANCE);
    }
    for (const variation of variations) await checkLaws([one, two], { ...tinyConfig, ...variation }, [], TOLERANCE);
  },
});
