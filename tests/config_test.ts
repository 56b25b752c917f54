import { builtins } from "../components/builtins.ts";
import type { Component, ModelSlots } from "../components/component.ts";
import type { Options } from "../components/options.ts";
import { resolveConfig, slotDefaults } from "../model/config.ts";
import { createModel, describeModel } from "../model/decoder.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

const sizes = { vocab: 19, context: 24, dim: 16, depth: 2, heads: 4 };

/** Whether a model's config has the slot. */
const isModelSlot = (slot: string): slot is keyof typeof slotDefaults => Object.hasOwn(slotDefaults, slot);

/** What describeModel() says of a config; a model is never built, so any size will do. */
function refused(config: unknown): TypeError {
  return assertThrows(() => describeModel(config as never), TypeError);
}

// Messages are part of the interface: they are compared whole.
const messages: [what: string, config: unknown, message: string][] = [
  ["not an object", 5, "Cannot build a model from 5, expected an object"],
  ["null", null, "Cannot build a model from null, expected an object"],
  [
    "an unknown key",
    { ...sizes, feedforward: "relu" },
    'Cannot build a model: it has no "feedforward", expected "vocab", "context", "dim", "depth", "heads", "tied", ' +
    '"stem", "position", "norm", "attention", "queryKey", "scores", "feedForward", "block", "head", "init"',
  ],
  [
    "a missing size",
    { ...sizes, dim: undefined },
    "Cannot build dim: current value is undefined, expected a whole number from 1 up to 1048576",
  ],
  [
    "a size of zero",
    { ...sizes, depth: 0 },
    "Cannot build depth: current value is 0, expected a whole number from 1 up to 4096",
  ],
  [
    "a size that is a text",
    { ...sizes, heads: "4" },
    'Cannot build heads: current value is "4", expected a whole number from 1 up to 65536',
  ],
  [
    "a fraction",
    { ...sizes, vocab: 1.5 },
    "Cannot build vocab: current value is 1.5, expected a whole number from 1 up to 2147483647",
  ],
  ["tied that is null", { ...sizes, tied: null }, "Cannot build tied: current value is null, expected true or false"],
  [
    "a component that does not exist",
    { ...sizes, norm: "rmsnorm" },
    'Cannot build norm: unknown type "rmsnorm", expected one of "layerNorm", "rmsNorm", "none"',
  ],
  [
    "a component of another slot",
    { ...sizes, block: "swiglu" },
    'Cannot build block: unknown type "swiglu", expected one of "preNorm", "postNorm", "parallel", "sandwich", "afterNorm"',
  ],
  [
    "an option that does not exist",
    { ...sizes, norm: { type: "rmsNorm", epsilon: 1e-5 } },
    'Cannot build norm: "rmsNorm" has no option "epsilon", expected "eps", "weight", "offset"',
  ],
  [
    "an option out of range",
    { ...sizes, norm: { type: "rmsNorm", eps: -1 } },
    "Cannot build norm.eps: current value is -1, expected a number from 0",
  ],
  [
    "an option that is null",
    { ...sizes, norm: { type: "layerNorm", bias: null } },
    "Cannot build norm.bias: current value is null, expected true or false",
  ],
  [
    "an option that is none of its choices",
    { ...sizes, position: { type: "rope", layout: "neox" } },
    'Cannot build position.layout: current value is "neox", expected "half" or "interleaved"',
  ],
  [
    "an object option with a field too many",
    { ...sizes, position: { type: "rope", scaling: { type: "linear", factor: 2, offset: 1 } } },
    'Cannot build position.scaling: current value is {"type":"linear","factor":2,"offset":1}, expected ' +
    '{ "type": "linear", "factor": a number above 0 } or { "type": "dynamic", "factor": a number above 0, ' +
    '"originalContext": a number above 0 } or { "type": "llama3", "factor": a number above 0, ' +
    '"lowFrequencyFactor": a number above 0, "highFrequencyFactor": a number above 0, ' +
    '"originalContext": a number above 0 } or { "type": "yarn", "factor": a number above 0, ' +
    '"originalContext": a number above 0, "betaFast": a number above 0, "betaSlow": a number above 0, ' +
    '"truncate": true or false, "attentionFactor": a number above 0 } or { "type": "longrope", ' +
    '"shortFactors": numbers above 0, "longFactors": numbers above 0, "originalContext": a number above 0, ' +
    '"attentionFactor": a number above 0 }, or null for none',
  ],
  [
    "an empty list",
    { ...sizes, norm: [] },
    "Cannot build norm: current value is [], expected a list that is not empty",
  ],
  [
    "a list of stems",
    { ...sizes, stem: ["plain"] },
    'Cannot build stem: current value is ["plain"], expected one stem for all layers',
  ],
  [
    "a list with a position that is added to embeddings",
    { ...sizes, position: ["rope", "learned"] },
    'Cannot build position: position[1] "learned" is added to embeddings, which all layers share, and position[0] is ' +
    '"rope", expected one position, or several that are not added',
  ],
  [
    "two positions that are added to embeddings",
    { ...sizes, position: ["sinusoidal", "learned"] },
    'Cannot build position: position[0] "sinusoidal" is added to embeddings, which all layers share, and position[1] is ' +
    '"learned", expected one position, or several that are not added',
  ],
  [
    "a wrong entry of a list",
    { ...sizes, norm: ["rmsNorm", { type: "layerNorm", eps: "small" }] },
    'Cannot build norm[1].eps: current value is "small", expected a number from 0',
  ],
  // Combinations that cannot be: both fields are named.
  [
    "heads that do not divide dim",
    { ...sizes, heads: 3 },
    "Cannot build blocks.0.attention: heads 3 does not divide dim 16: set attention.headDim",
  ],
  [
    "key heads that do not divide heads",
    { ...sizes, attention: { type: "groupedQuery", kvHeads: 3 } },
    "Cannot build blocks.0.attention: attention.kvHeads 3 does not divide heads 4",
  ],
  [
    "an offset of no weight",
    { ...sizes, norm: { type: "rmsNorm", weight: false, offset: 1 } },
    "Cannot build blocks.0.norm1: norm.offset 1 is added to a weight, but norm.weight is false",
  ],
  [
    "more active experts than there are",
    { ...sizes, feedForward: { type: "experts", experts: 2, active: 3 } },
    "Cannot build blocks.0.feedForward: feedForward.active 3 is more than feedForward.experts 2",
  ],
  [
    "factors of a longrope for other heads",
    {
      ...sizes,
      position: {
        type: "rope",
        scaling: { type: "longrope", shortFactors: [1, 2], longFactors: [1], originalContext: 8, attentionFactor: 1 },
      },
    },
    "Cannot build position: position.scaling.longFactors has 1 numbers, but attention.headDim is 4",
  ],
  [
    "rope on heads of odd width",
    { ...sizes, attention: { type: "multiHead", headDim: 5 } },
    'Cannot build position: "rope" turns pairs of channels, but attention.headDim is 5',
  ],
  [
    "an odd number of rotated channels",
    { ...sizes, position: { type: "rope", dims: 3 } },
    'Cannot build position: "rope" turns pairs of channels, but position.dims is 3',
  ],
  [
    "more rotated channels than a head has",
    { ...sizes, position: { type: "rope", dims: 6 } },
    "Cannot build position: position.dims 6 is more than attention.headDim 4",
  ],
];

for (const [what, config, message] of messages) {
  Deno.test(`a config with ${what} is refused`, () => assertEquals(refused(config).message, message));
}

Deno.test("every option of every component is honoured or refused: changing it changes the resolved config", () => {
  for (const { slot, type, options } of builtins as readonly Component[]) {
    if (!isModelSlot(slot)) continue;
    for (const [key, option] of Object.entries(options as Options<Record<string, unknown>>)) {
      const config = { ...sizes, [slot]: { type, [key]: option.default } };
      assertEquals(
        (resolveConfig(builtins, config)[slot as keyof ModelSlots] as Record<string, unknown>)[key],
        option.default,
        `${type}.${key}`,
      );
      const wrong = { ...sizes, [slot]: { type, [key]: { not: "this" } } };
      assertThrows(() => resolveConfig(builtins, wrong), TypeError, `${slot}.${key}`);
    }
  }
});

Deno.test("changing any option of a component changes what the model computes, or what it is made of", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const logits = async (config: unknown) => {
    using model = createModel(runtime, { ...sizes, ...config as object }, { seed: 1 });
    const values = [...await runtime.scope(() => runtime.read(model.forward([1, 2, 3, 4, 5, 6, 7, 8])))];
    // What weights start as is what some options are about.
    const starts = await Promise.all([...model.params.values()].map((p) => runtime.read(p.tensor)));
    return JSON.stringify([values, [...model.params.keys()], starts.map((v) => [...v])]);
  };
  const others: Record<string, unknown> = {
    "layerNorm.eps": 0.5,
    "layerNorm.bias": false,
    weight: false,
    offset: 1,
    "rmsNorm.eps": 0.5,
    "sinusoidal.base": 50,
    "sinusoidal.layout": "half",
    "learned.std": 0.5,
    "rope.base": 50,
    "rope.layout": "interleaved",
    "rope.dims": 2,
    "rope.scaling": { type: "linear", factor: 4 },
    headDim: 6,
    bias: "all",
    window: 2,
    scale: 3,
    kvHeads: 2,
    hidden: 24,
    approximate: "tanh",
    sharedNorm: false,
    "alibi.max": 4,
    "clip.limit": 0.01,
    "perHeadNorm.eps": 0.5,
    centered: false,
    "softcap.cap": 0.01,
    "experts.experts": 3,
    active: 1,
    kind: "reglu",
    "plain.scale": 2,
    "plain.norm": true,
    "plain.width": 8,
    "linear.bias": true,
    "linear.softcap": 0.1,
    "preNorm.residual": 0.5,
    fromNorm: true,
    "parallel.residual": 0.5,
    "normal.std": 0.5,
    residual: true,
    distribution: "normal",
    gain: 3,
    factor: 3,
  };
  for (const { slot, type, options } of builtins as readonly Component[]) {
    if (!isModelSlot(slot)) continue;
    for (const key of Object.keys(options as object)) {
      const value = others[`${type}.${key}`] ?? (slot === "feedForward" && key === "bias" ? true : others[key]);
      assert(value !== undefined, `${type}.${key} has no other value here`);
      assert(
        await logits({ [slot]: type }) !== await logits({ [slot]: { type, [key]: value } }),
        `${type}.${key} does nothing`,
      );
    }
  }
});

Deno.test("a name alone and an object with it as type are the same choice", () => {
  assertEquals(
    resolveConfig(builtins, { ...sizes, norm: "layerNorm" }),
    resolveConfig(builtins, { ...sizes, norm: { type: "layerNorm" } }),
  );
});

Deno.test("a resolved config is plain JSON and resolves to itself", () => {
  const resolved = resolveConfig(builtins, { ...sizes, norm: ["rmsNorm", "layerNorm"], attention: "groupedQuery" });
  assertEquals(resolveConfig(builtins, JSON.parse(JSON.stringify(resolved))), resolved);
  assertEquals(resolved.norm, [
    { type: "rmsNorm", eps: 1e-5, weight: true, offset: 0 },
    { type: "layerNorm", eps: 1e-5, bias: true, weight: true, offset: 0 },
  ]);
});

Deno.test("lists are repeated over depth", () => {
  const config = { ...sizes, depth: 5, norm: ["rmsNorm", "layerNorm"], feedForward: ["relu", "swiglu", "gelu"] };
  const { layers } = describeModel(config as never);
  const types = (slot: string) =>
    layers.filter((l) => l.slot === slot && l.path.startsWith("blocks.")).map((l) => l.type);
  assertEquals(types("feedForward"), ["relu", "swiglu", "gelu", "relu", "swiglu"]);
  assertEquals(types("norm"), ["rmsNorm", "layerNorm", "rmsNorm", "layerNorm", "rmsNorm"].flatMap((t) => [t, t]));
});

Deno.test("two components of one name are refused", () => {
  assertThrows(
    () => resolveConfig([...builtins, { ...builtins[0] }], sizes),
    TypeError,
    'Cannot use two components for norm "layerNorm"',
  );
});

Deno.test("options describe themselves as JSON Schema", () => {
  const rope = builtins.find((c) => c.type === "rope")!.options as Options<Record<string, unknown>>;
  assertEquals(rope.base.schema, { type: "number", default: 10000, exclusiveMinimum: 1 });
  assertEquals(rope.layout.schema, { enum: ["half", "interleaved"], default: "half" });
  assertEquals(rope.dims.schema, {
    anyOf: [{ type: "integer", minimum: 2, maximum: 1048576 }, { type: "null" }],
    default: null,
  });
});

Deno.test("describe() counts what a person counts by hand", () => {
  // Llama shape, untied: per block 4 d² + 3 d h + 2 d; embedding and head v d each; one more norm.
  const [v, d, h, depth, context] = [100, 32, 48, 3, 64];
  const description = describeModel({
    vocab: v,
    context,
    dim: d,
    depth,
    heads: 4,
    tied: false,
    feedForward: { type: "swiglu", hidden: h },
  });
  const perBlock = 4 * d * d + 3 * d * h + 2 * d;
  assertEquals(description.parameters, depth * perBlock + 2 * v * d + d);
  assertEquals(description.trainable, description.parameters);
  const products = depth * (4 * d * d + 3 * d * h) + v * d;
  assertEquals(description.flopsPerToken, 2 * products + depth * 4 * d * 1);
  assertEquals(description.flopsPerTokenFull, 2 * products + depth * 4 * d * context);
  assertEquals(description.cacheBytesPerToken, depth * 2 * d * 4);
  assertEquals(
    String(description),
    `embedding                                     3,200
position              position     rope           0
blocks.0              block        preNorm    8,768
blocks.0.norm1        norm         rmsNorm       32
blocks.0.attention    attention    multiHead  4,096
blocks.0.norm2        norm         rmsNorm       32
blocks.0.feedForward  feedForward  swiglu     4,608
norm                  norm         rmsNorm       32
head                                          3,200
… and so on, 3 blocks in all

parameters      32,736 (32,736 trainable)
memory          130 KiB
FLOPs per token 59.0 k at the start, 83.2 k at 64
cache per token 768 bytes`,
  );
});
