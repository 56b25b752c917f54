import type { ModelConfig } from "../model/config.ts";
import { checkLaws, eagerRuntime, tinyConfig } from "./kit.ts";

const norms = ["layerNorm", "rmsNorm", "none"] as const;
const positions = ["sinusoidal", "learned", "rope", "alibi", "none"] as const;
const attentions = ["multiHead", "multiQuery", "groupedQuery"] as const;
const feedForwards = ["relu", "reluSquared", "gelu", "silu", "reglu", "geglu", "swiglu"] as const;
const blocks = ["preNorm", "postNorm", "parallel"] as const;

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
  { dim: 12, heads: 3, vocab: 33 },
  { dim: 20, heads: 1, position: "none" },
];

for (const simd of ["baseline", "relaxed"] as const) {
  Deno.test(`the laws hold, bit for bit, for every combination of components, ${simd}`, async () => {
    using one = await eagerRuntime(simd, 1), two = await eagerRuntime(simd, 2);
    let count = 0;
    for (const config of combinations()) {
      await checkLaws([one, two], config);
      count++;
    }
    console.log(`${count} combinations`);
    for (const variation of variations) await checkLaws([one, two], { ...tinyConfig, ...variation });
    console.log(`${variations.length} variations of options`);
  });
}
