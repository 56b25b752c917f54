import { createModel, describeModel } from "../model/decoder.ts";
import type { Plugin } from "../model/plugin.ts";
import { freeze } from "../plugins/freeze.ts";
import { matchesPath } from "../plugins/glob.ts";
import { probe } from "../plugins/probe.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { assertClose } from "./support.ts";

const sizes = { vocab: 19, context: 24, dim: 16, depth: 2, heads: 4 };
const runtime = await createRuntime({ threads: 1 });

Deno.test("hooks run in the order of the list, each on what the one before returned", () => {
  const seen: string[] = [];
  const plugin = (name: string): Plugin => ({
    name,
    config: (config) => (seen.push(`${name} config ${config.dim}`), { ...config, dim: Number(config.dim) * 2 }),
    param: (path, d) => (path === "norm.weight" && seen.push(`${name} param ${d.shape}`), d),
    layer: (slot, path, layer) => (path === "blocks.1" && seen.push(`${name} ${slot}`), layer),
  });
  const model = createModel(runtime, sizes, { plugins: [plugin("a"), plugin("b")] });
  assertEquals(model.config.dim, 64);
  assertEquals(
    new Set(seen),
    new Set(["a config 16", "b config 32", "a param 64", "b param 64", "a block", "b block"]),
  );
  assertEquals(seen.indexOf("a config 16"), 0);
  assertEquals(seen.filter((s) => s.endsWith("block")), ["a block", "b block"]);
});

Deno.test("an error in a hook carries the plugin's name, and keeps its kind", () => {
  const failing = (hook: "config" | "param" | "layer", error: Error): Plugin => ({
    name: "mine",
    [hook]() {
      throw error;
    },
  });
  const build = (plugin: Plugin) => () => createModel(runtime, sizes, { plugins: [plugin] });
  assertThrows(build(failing("config", new TypeError("no"))), TypeError, 'Plugin "mine" failed in config: no');
  assertThrows(build(failing("param", new RangeError("no"))), RangeError, 'Plugin "mine" failed in param: no');
  assertThrows(build(failing("layer", new Error("no"))), Error, 'Plugin "mine" failed in layer: no');
});

Deno.test("a plugin may replace a layer", async () => {
  const silent: Plugin = {
    name: "silent",
    layer: (slot, _path, layer, rt) =>
      slot === "attention"
        ? { ...layer, forward: (x: Parameters<typeof rt.ops.scale>[0]) => rt.ops.scale(x, 0) }
        : layer,
  };
  const run = async (plugins: Plugin[]) => {
    using model = createModel(runtime, sizes, { plugins });
    return await runtime.scope(() => runtime.read(model.forward([1, 2, 3])));
  };
  const [plain, changed] = [await run([]), await run([silent])];
  assert(plain.some((v, i) => v !== changed[i]));
});

Deno.test("a plugin may bring components", () => {
  const plugin: Plugin = {
    name: "norms",
    components: [{ slot: "norm", type: "same", options: {}, build: () => ({ forward: (x: never) => x }) }],
  };
  const { layers } = describeModel({ ...sizes, norm: "same" } as never, { plugins: [plugin] });
  assertEquals(layers.find((l) => l.path === "norm")?.type, "same");
});

Deno.test("probe captures outputs, inputs and attention weights by path, in every forward pass", async () => {
  const seen = probe("blocks.0", "blocks.1.in", "blocks.*.attention.weights");
  using model = createModel(runtime, { ...sizes, attention: { type: "groupedQuery", kvHeads: 2, window: 3 } }, {
    plugins: [seen],
  });
  runtime.scope(() => model.forward([1, 2, 3, 4, 5, 6], { batch: 1 }));
  assertEquals(seen.paths(), ["blocks.0.attention.weights", "blocks.0", "blocks.1.in", "blocks.1.attention.weights"]);
  assertEquals((await seen.get("blocks.0"))!.values, (await seen.get("blocks.1.in"))!.values);
  const { shape, values } = (await seen.get("blocks.1.attention.weights"))!;
  assertEquals(shape, [1, 4, 6, 6]);
  for (let row = 0; row < 24; row++) {
    const t = row % 6, probabilities = values.subarray(row * 6, row * 6 + 6);
    assertClose([probabilities.reduce((a, b) => a + b)], [1], 1e-6, "probabilities of a row");
    probabilities.forEach((p, j) => assert(p > 0 === (j <= t && t - j < 3), `row ${t} sees ${j}: ${p}`));
  }
  runtime.scope(() => model.forward([1, 2]));
  assertEquals((await seen.get("blocks.0"))!.shape, [1, 2, 16]);
  assertEquals(await seen.get("blocks.0.norm1"), undefined);
});

Deno.test("probe sees the same weights with a cache, and changes nothing", async () => {
  const seen = probe("blocks.1.attention.weights"), tokens = [4, 8, 15, 16, 2, 3];
  using model = createModel(runtime, { ...sizes, position: "alibi" }, { plugins: [seen] });
  using plain = createModel(runtime, { ...sizes, position: "alibi" });
  const logits = await runtime.scope(() => runtime.read(model.forward(tokens)));
  assertEquals(await runtime.scope(() => runtime.read(plain.forward(tokens))), logits);
  const { values: whole } = (await seen.get("blocks.1.attention.weights"))!;
  using cache = model.newCache();
  for (let t = 0; t < tokens.length; t++) {
    const last = await runtime.scope(() => runtime.read(model.forward([tokens[t]], { start: t, cache })));
    assertEquals(last, logits.slice(t * 19, (t + 1) * 19));
    const { shape, values } = (await seen.get("blocks.1.attention.weights"))!;
    assertEquals(shape, [1, 4, 1, t + 1]);
    for (let h = 0; h < 4; h++) {
      const row = whole.subarray((h * 6 + t) * 6, (h * 6 + t) * 6 + t + 1);
      assertEquals(values.slice(h * (t + 1), (h + 1) * (t + 1)), row.slice());
    }
  }
});

Deno.test("probe costs nothing where nothing matches: layers are left as they are", () => {
  const layers: unknown[] = [], again: unknown[] = [];
  const collect = (into: unknown[]): Plugin => ({
    name: "collect",
    layer: (_s, _p, layer) => (into.push(layer), layer),
  });
  createModel(runtime, sizes, { plugins: [collect(layers), probe("nothing.here"), collect(again)] });
  assert(layers.length > 10 && layers.every((layer, i) => layer === again[i]));
});

Deno.test("freeze marks what matches, in the model and in its description", () => {
  const model = createModel(runtime, sizes, { plugins: [freeze("blocks.*.norm1.weight", "embedding.**")] });
  const frozen = [...model.params].filter(([, p]) => !p.trainable).map(([path]) => path);
  assertEquals(frozen, ["embedding.weight", "blocks.0.norm1.weight", "blocks.1.norm1.weight"]);
  assertEquals(model.describe().parameters - model.describe().trainable, 19 * 16 + 2 * 16);
});

Deno.test("* stands for one name of a path, ** for any number", () => {
  const yes = [["blocks.*", "blocks.3"], ["**", "a.b.c"], ["blocks.**.weight", "blocks.0.attention.q.weight"], [
    "b*.1",
    "blocks.1",
  ]];
  const no = [["blocks.*", "blocks.3.norm1"], ["blocks", "blocks.1"], ["norm", "norm1"], ["a.b", "axb"]];
  for (const [pattern, path] of yes) assert(matchesPath(pattern, path), `${pattern} and ${path}`);
  for (const [pattern, path] of no) assert(!matchesPath(pattern, path), `${pattern} and ${path}`);
});
