import type { ModelConfig } from "../model/config.ts";
import { checkLaws, eagerRuntime, tinyConfig } from "./kit.ts";

const norms = ["layerNorm", "rmsNorm", "none"] as const;
const positions = ["sinusoidal", "learned", "rope", "alibi", "none"] as const;
const attentions = ["multiHead", "multiQuery", "groupedQuery"] as const;
const feedForwards = ["relu", "reluSquared", "gelu", "silu", "reglu", "geglu", "swiglu", "experts"] as const;
const blocks = ["preNorm", "postNorm", "parallel", "sandwich", "afterNorm"] as const;
const queryKeys = ["plain", "headNorm", "fullNorm", "perHeadNorm", { type: "clip", limit: 0.1 }] as const;
const scores = ["softmax", { type: "softcap", cap: 0.5 }, "sinks"] as const;

function* combinations(): Generator<ModelConfig> {
  for (const norm of norms) {
    for (const position of positions) {
      for (const attention of attentions) {
        for (const feedForward of feedForwards) {
          for (const block of blocks) yield { ...tinyConfig, norm, position, attention, feedForward, block };
        }
      }
    }
  }
}

/** What is inside attentions, with what can make a difference to it. */
function* insides(): Generator<ModelConfig> {
  for (const queryKey of queryKeys) {
    for (const score of scores) {
      for (const position of positions) {
        for (const attention of attentions) {
          for (const norm of norms) yield { ...tinyConfig, norm, position, attention, queryKey, scores: score };
        }
      }
    }
  }
}

/** Stems and heads, with what can make a difference to them. */
function* ends(): Generator<ModelConfig> {
  for (const tied of [true, false]) {
    for (const position of positions) {
      for (const norm of norms) {
        for (const block of ["preNorm", "postNorm"] as const) {
          for (const width of [null, 8]) {
            const stem = { type: "plain", scale: "sqrtDim", norm: true, width } as const;
            const head = { type: "linear", bias: true, scale: 0.3, softcap: 2 } as const;
            yield { ...tinyConfig, tied, position, norm, block, stem, head };
          }
        }
      }
    }
  }
}

const longRope = {
  type: "longrope",
  shortFactors: [1, 1.5],
  longFactors: [2, 7],
  attentionFactor: 1.3,
} as const;
const yarn = {
  type: "yarn",
  factor: 4,
  originalContext: 6,
  betaFast: 32,
  betaSlow: 1,
  truncate: false,
  attentionFactor: 1.2,
} as const;

/** What the combinations of defaults leave out: options, lists over depth, sizes that fill no panel. */
const variations: Partial<ModelConfig>[] = [
  { tied: false },
  { attention: { type: "multiHead", window: 3 } },
  { attention: { type: "groupedQuery", kvHeads: 2, window: 1, bias: "all" } },
  { attention: { type: "multiHead", headDim: 6, bias: "qkv", scale: 0.7 } },
  { attention: [{ type: "multiHead", window: 4 }, "multiQuery"], norm: ["layerNorm", "rmsNorm"], depth: 3 },
  { position: { type: "rope", layout: "interleaved" } },
  { position: { type: "rope", dims: 2, base: 500 } },
  { position: { type: "sinusoidal", layout: "half" } },
  { position: "alibi", attention: { type: "groupedQuery", kvHeads: 2, window: 5 } },
  { feedForward: { type: "gelu", approximate: "tanh", hidden: 13, bias: true } },
  { feedForward: ["geglu", "relu"], block: ["preNorm", "parallel"] },
  { block: { type: "parallel", sharedNorm: false }, norm: { type: "layerNorm", bias: false, eps: 0.1 } },
  { position: { type: "rope", scaling: { type: "dynamic", factor: 3, originalContext: 6 } } },
  { position: { type: "rope", scaling: { ...longRope, originalContext: 6 } } },
  { position: { type: "rope", scaling: { ...longRope, originalContext: 16 } } },
  { position: { type: "rope", scaling: yarn, dims: 2, layout: "interleaved" } },
  { position: ["rope", "rope", "none"], depth: 3 },
  { position: [{ type: "rope", base: 50 }, { type: "alibi", max: 4, factor: 0.5 }], depth: 4 },
  { norm: { type: "rmsNorm", offset: 1 }, queryKey: "headNorm", block: "sandwich" },
  { norm: { type: "layerNorm", weight: false, bias: false }, queryKey: ["fullNorm", "plain"] },
  { norm: { type: "layerNorm", offset: 1 }, attention: { type: "groupedQuery", kvHeads: 2, bias: "out" } },
  { queryKey: { type: "perHeadNorm", centered: false }, scores: ["sinks", { type: "softcap", cap: 1 }] },
  { attention: { type: "multiHead", window: 3 }, scores: "sinks", position: "alibi" },
  { block: { type: "preNorm", residual: 0.3 } },
  { block: { type: "preNorm", fromNorm: true } },
  { block: { type: "parallel", residual: 0.3, sharedNorm: false } },
  { feedForward: { type: "experts", experts: 5, active: 1, hidden: 7, kind: "gegluTanh" } },
  { dim: 12, heads: 3, vocab: 33 },
  { dim: 20, heads: 1, position: "none" },
];

for (const simd of ["baseline", "relaxed"] as const) {
  Deno.test(`the laws hold, bit for bit, for every combination of components, ${simd}`, async () => {
    using one = await eagerRuntime(simd, 1), two = await eagerRuntime(simd, 2);
    let count = 0;
    for (const configs of [combinations(), insides(), ends()]) {
      for (const config of configs) {
        await checkLaws([one, two], config);
        count++;
      }
    }
    console.log(`${count} combinations`);
    for (const variation of variations) await checkLaws([one, two], { ...tinyConfig, ...variation });
    console.log(`${variations.length} variations of options`);
  });
}
