// Types are tested by being checked: every `@ts-expect-error` must be one. Nothing here computes much.
import {
  type Builtin,
  type Component,
  createModel,
  createRuntime,
  describeModel,
  generate,
  type ModelConfig,
  number,
  type Plugin,
} from "../mod.ts";
import { assertEquals, assertThrows } from "./assert.ts";

const sizes = { vocab: 19, context: 24, dim: 16, depth: 1, heads: 4 } as const;

interface ScaleNormConfig {
  /** Length of every row. */
  length: number;
}
const scaleNorm: Component<"norm", "scaleNorm", ScaleNormConfig> = {
  slot: "norm",
  type: "scaleNorm",
  options: { length: number(1, { above: 0 }) },
  build: ({ length }, { dim, ops }) => ({
    forward: (x) => ops.scale(ops.rmsNorm(x, undefined, 1e-5), length / Math.sqrt(dim)),
  }),
};

Deno.test("config types follow the components in scope", () => {
  const right: ModelConfig[] = [
    sizes,
    { ...sizes, norm: "layerNorm" },
    { ...sizes, norm: { type: "layerNorm", eps: 1e-6 } },
    { ...sizes, norm: ["layerNorm", { type: "rmsNorm" }] },
    { ...sizes, attention: { type: "groupedQuery", kvHeads: null, bias: "qkv" } },
    { ...sizes, init: { type: "normal", residual: true } },
    { ...sizes, position: { type: "rope", scaling: { type: "linear", factor: 2 } } },
  ];
  assertEquals(right.map((c) => describeModel(c).config.depth), right.map(() => 1));
  // @ts-expect-error: no such component
  const unknown: ModelConfig = { ...sizes, norm: "batchNorm" };
  // @ts-expect-error: an option of another component
  const option: ModelConfig = { ...sizes, norm: { type: "rmsNorm", bias: true } };
  // @ts-expect-error: an option of the wrong type
  const type: ModelConfig = { ...sizes, norm: { type: "rmsNorm", eps: "1e-5" } };
  // @ts-expect-error: a component of another slot
  const slot: ModelConfig = { ...sizes, block: "swiglu" };
  // @ts-expect-error: an optimizer is no part of a model
  const optimizer: ModelConfig = { ...sizes, init: "adamW" };
  // @ts-expect-error: a component that is not registered
  const foreign: ModelConfig = { ...sizes, norm: "scaleNorm" };
  const joined: ModelConfig<Builtin | typeof scaleNorm> = { ...sizes, norm: { type: "scaleNorm", length: 2 } };
  // @ts-expect-error: the third-party option has a type too
  const wrong: ModelConfig<Builtin | typeof scaleNorm> = { ...sizes, norm: { type: "scaleNorm", length: "2" } };
  for (const config of [unknown, option, type, slot, optimizer, foreign]) {
    assertThrows(() => describeModel(config), TypeError);
  }
  for (const config of [joined, wrong] as never[]) assertThrows(() => describeModel(config), TypeError);
  assertEquals(
    describeModel(joined, { components: [scaleNorm] }).layers.filter((l) => l.type === "scaleNorm").length,
    3,
  );
});

Deno.test("createModel() infers third-party configs", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, { ...sizes, norm: { type: "scaleNorm", length: 3 } }, { components: [scaleNorm] });
  assertEquals(model.config.norm, { type: "scaleNorm", length: 3 });
  // @ts-expect-error: not registered
  assertThrows(() => createModel(runtime, { ...sizes, norm: { type: "scaleNorm", length: 3 } }), TypeError);
});

Deno.test("samplers and plugins are typed", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, sizes);
  generate(model, [1], { samplers: ["greedy", { type: "topK", k: 3 }] });
  // @ts-expect-error: a norm is no sampler
  generate(model, [1], { samplers: ["rmsNorm"] });
  // @ts-expect-error: hooks have names
  const plugin: Plugin = { name: "x", layers: () => {} };
  assertEquals(plugin.name, "x");
});
