/**
 * Families of checkpoints for which there is no folder under golden/: their tensors are made here, from names and shapes that
 * transformers gave its own models, and so were those that PyTorch computed with, in f64.
 */
import { builtins } from "../components/builtins.ts";
import type { RopeConfig } from "../components/mod.ts";
import { loadModel } from "../model/checkpoint.ts";
import { resolveConfig, type ResolvedConfig } from "../model/config.ts";
import type { Model } from "../model/decoder.ts";
import { createGradients } from "../model/gradients.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { canonical, differences } from "../plugins/huggingface/canonical.ts";
import { families } from "../plugins/huggingface/families.ts";
import { readFields } from "../plugins/huggingface/fields.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { assertClose, assertSameBits, golden, goldenModels, readJson, uniform, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

type Config = Readonly<Record<string, unknown>>;
interface Case {
  readonly name: string;
  /** As transformers 5 wrote it. */
  readonly config: Config;
  /** Shapes by name. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly ids: readonly number[];
  /** `[time, vocab]`. */
  readonly logits: readonly number[];
  /** Mean cross entropy of each next token. */
  readonly loss: number;
  /** The slope of the loss along the direction that `direction` gives. */
  readonly slope: number;
}
const { cases, defaults } = readJson<{ cases: Case[]; defaults: Readonly<Record<string, Config>> }>(
  new URL("families.json", golden),
);

type Values = (name: string, shape: readonly number[], index: number) => Float32Array;

/** Weights: gains around 1, biases around 0, rows of length about 1. */
const weights: Values = (name, shape, index) => {
  const u = uniform(size(shape), index);
  if (name.endsWith("bias")) return u.map((v) => 0.2 * v);
  return shape.length === 1 ? u.map((v) => 1 + 0.2 * v) : u.map((v) => v * shape.at(-1)! ** -0.5);
};
const direction: Values = (_, shape, index) => uniform(size(shape), 1000 + index);

/** A safetensors file; as `BF16` it holds the upper halves of the values. */
function fileOf(tensors: Case["tensors"], values: Values, dtype: "F32" | "BF16" = "F32"): Uint8Array<ArrayBuffer> {
  const names = Object.keys(tensors).sort(), header: Record<string, unknown> = {}, parts: Float32Array[] = [];
  let at = 0;
  for (const [i, name] of names.entries()) {
    const bytes = (dtype === "F32" ? 4 : 2) * size(tensors[name]);
    header[name] = { dtype, shape: tensors[name], data_offsets: [at, at += bytes] };
    parts.push(values(name, tensors[name], i));
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), file = new Uint8Array(8 + text.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  const all = Float32Array.from(parts.flatMap((p) => [...p]));
  const stored = dtype === "F32" ? all : Uint16Array.from(new Uint32Array(all.buffer), (bits) => bits >>> 16);
  file.set(new Uint8Array(stored.buffer), 8 + text.length);
  return file;
}

async function load(
  runtime: Runtime,
  config: Config,
  tensors: Case["tensors"],
  values = weights,
  dtype: "F32" | "BF16" = "F32",
): Promise<Model> {
  const source = memorySource({
    "config.json": new TextEncoder().encode(JSON.stringify(config)),
    "model.safetensors": fileOf(tensors, values, dtype),
  });
  return (await loadModel(runtime, source, { plugins: [huggingface] })).model;
}

/** Logits, loss and its slope are PyTorch's; one token at a time, with a cache, gives the same logits: `same` compares. */
async function check(
  runtime: Runtime,
  { config, tensors, ids, logits, loss, slope }: Case,
  same: typeof assertSameBits,
) {
  using model = await load(runtime, config, tensors), along = await load(runtime, config, tensors, direction);
  const actual = await runtime.scope(() => runtime.read(model.forward(ids)));
  assertClose(actual, logits, 1e-5, "logits");
  using gradients = createGradients(model);
  const measured = await gradients.add({ inputs: ids, targets: [...ids.slice(1), -1] });
  assert(Math.abs(measured - loss) < 1e-5, `loss ${measured}, expected ${loss}`);
  let sum = 0, length = 0;
  for (const { name, gradient } of gradients.params) {
    const [g, r] = await Promise.all([gradient, along.params.get(name)!.tensor].map((t) => runtime.read(t)));
    sum += g.reduce((total, v, i) => total + v * r[i], 0);
    length += g.reduce((total, v) => total + v * v, 0);
  }
  assert(Math.abs(sum - slope) < 2e-4 * Math.sqrt(length), `slope ${sum}, expected ${slope}`);
  using cache = model.newCache(1, ids.length);
  for (let t = 0; t < ids.length; t++) {
    const row = await runtime.scope(() => runtime.read(model.forward([ids[t]], { start: t, cache })));
    same(row, actual.slice(t * row.length, (t + 1) * row.length), `position ${t}`);
  }
}

for (const variant of [variants[0], variants[3]]) {
  for (const family of cases) {
    Deno.test(`${family.name}: logits, loss and its slope are PyTorch's on ${variant.name}`, async () => {
      using runtime = await variant.open();
      await check(runtime, family, assertSameBits);
    });
  }
}

Deno.test({
  name: "every family's logits, loss and slope are PyTorch's on WebGPU",
  ignore: !hasWebgpu,
  async fn(t) {
    // Shaders that are compiled once.
    using runtime = await webgpuRuntime();
    for (const family of cases) {
      await t.step(family.name, () => check(runtime, family, (a, b, what) => assertClose(a, b, 1e-5, what)));
    }
  },
});

/** What a config.json means, in the one form that all configs of that meaning have. */
function meaning(json: Config): ResolvedConfig {
  const family = families[json.model_type as string], fields = readFields(json, "config.json");
  const config = family.config(fields);
  fields.expectUnderstood(json.model_type as string);
  return canonical(resolveConfig(builtins, config));
}

Deno.test("what a config.json leaves out is what the family's own library takes for it", () => {
  assertEquals(Object.keys(defaults).sort(), Object.keys(families).sort());
  const other = Object.entries(defaults).flatMap(([type, config]) => {
    const found = differences(meaning({ model_type: type }), meaning(config));
    return found.map(({ path, values }) => `${type}: ${path} ${JSON.stringify(values)}`);
  });
  assertEquals(other, []);
});

/** The same config in the terms of older hub files. */
function older(config: Config): Config {
  const { rope_parameters, layer_types, num_hidden_layers, _sliding_window_pattern, ...rest } = config as Config & {
    rope_parameters?: Record<string, Config>;
  };
  const types = layer_types as string[] | undefined, periodic = rest.model_type === "gemma3_text";
  const own: Config | undefined = rope_parameters?.full_attention ?? rope_parameters;
  const { rope_theta, partial_rotary_factor, ...scaling } = own ?? {};
  return {
    ...rest,
    num_hidden_layers,
    ...(types && !periodic && rest.model_type !== "gemma2" && { layer_types: types }),
    ...(rope_theta !== undefined && { rope_theta }),
    ...(scaling.rope_type !== "default" && own && { rope_scaling: scaling }),
    ...(rope_parameters?.sliding_attention && {
      rope_local_base_freq: rope_parameters.sliding_attention.rope_theta,
      sliding_window_pattern: 6,
    }),
    ...(partial_rotary_factor !== undefined && { partial_rotary_factor }),
  };
}

Deno.test("configs in the terms of older hub files mean the same", () => {
  let changed = 0;
  for (const { name, config } of cases) {
    assertEquals(meaning(older(config)), meaning(config), name);
    if ("rope_parameters" in config) changed++;
  }
  assert(changed > 20);
});

Deno.test("a config that says anything else loads, or is refused in one line that names what is wrong", async () => {
  using runtime = await variants[3].open();
  const odd = [null, true, 0, 3, 0.5, 1e15, "x", [[["global"], -1]], { a: 1 }], seen = new Set<unknown>();
  let loaded = 0, refused = 0;
  for (const { config, tensors } of cases) {
    if (seen.has(config.model_type)) continue;
    seen.add(config.model_type);
    for (const key of Object.keys(config)) {
      for (const value of odd) {
        try {
          (await load(runtime, { ...config, [key]: value }, tensors)).close();
          loaded++;
        } catch (error) {
          const { message } = error as Error;
          assert(error instanceof CheckpointError || error instanceof RangeError, `${key} ${value}: ${error}`);
          assert(!message.includes("\n") && /^Cannot \w/.test(message), `${key} ${value}: ${(error as Error).stack}`);
          refused++;
        }
      }
    }
  }
  console.log(`${loaded} loaded, ${refused} refused`);
  assert(refused > loaded);
});

Deno.test("every family is checked beside PyTorch", () => {
  const seen = new Set(cases.map(({ config }) => config.model_type));
  for (const name of goldenModels) {
    seen.add(readJson<Config>(new URL(`${name}/config.json`, golden)).model_type);
  }
  assertEquals([...seen].sort(), Object.keys(families).sort());
});

Deno.test("half-precision files of every family hold the same model: parts of a tensor are found in them, too", async () => {
  using runtime = await variants[3].open();
  const rounded: Values = (...which) =>
    new Float32Array(new Uint32Array(weights(...which).slice().buffer).map((bits) => bits & 0xffff0000).buffer);
  for (const { name, config, tensors, ids } of cases) {
    using whole = await load(runtime, config, tensors, rounded),
      half = await load(runtime, config, tensors, weights, "BF16");
    const [a, b] = await Promise.all([whole, half].map((m) => runtime.scope(() => runtime.read(m.forward(ids)))));
    assertSameBits(b, a, name);
  }
});

Deno.test("experts as transformers 5 holds them, all in one tensor, are those of hub files", async () => {
  using runtime = await variants[3].open();
  const { config, tensors, ids } = cases.find(({ name }) => name === "mixtral")!, count = 4, hidden = 40;
  const seed = (name: string) => [...name].reduce((sum, c, i) => sum + c.charCodeAt(0) * (i + 1), 0);
  const all: Values = (name, shape) => uniform(size(shape), seed(name));
  const fused: Record<string, readonly number[]> = {}, sources = new Map<string, string[]>();
  for (const [name, shape] of Object.entries(tensors)) {
    const [, stem, expert, w] = /^(.*)\.block_sparse_moe\.experts\.(\d+)\.w([123])\.weight$/.exec(name) ?? [];
    const to = !stem
      ? name.replace("block_sparse_moe", "mlp")
      : `${stem}.mlp.experts.${w === "2" ? "down_proj" : "gate_up_proj"}`;
    fused[to] = !stem ? shape : w === "2" ? [count, ...shape] : [count, 2 * hidden, shape[1]];
    const from = sources.get(to) ?? [];
    from[!stem ? 0 : w === "2" ? Number(expert) : 2 * Number(expert) + (w === "3" ? 1 : 0)] = name;
    sources.set(to, from);
  }
  using hub = await load(runtime, config, tensors, all);
  using joined = await load(
    runtime,
    config,
    fused,
    (name) => Float32Array.from(sources.get(name)!.flatMap((from) => [...all(from, tensors[from], 0)])),
  );
  const [a, b] = await Promise.all([hub, joined].map((m) => runtime.scope(() => runtime.read(m.forward(ids)))));
  assertSameBits(b, a, "logits");
});

Deno.test("a model that was stored without its head is the same, where its head is the embedding", async () => {
  using runtime = await variants[3].open();
  const tied = cases.filter(({ tensors }) => !Object.keys(tensors).some((name) => /^(lm_head|embed_out)\./.test(name)));
  assert(tied.length > 10);
  for (const { name, config, tensors, ids } of tied) {
    const bare = (key: string) => key.replace(/^(model|transformer|gpt_neox)\./, "");
    const shapes = Object.fromEntries(Object.entries(tensors).map(([key, shape]) => [bare(key), shape]));
    using whole = await load(runtime, config, tensors), base = await load(runtime, config, shapes);
    const [a, b] = await Promise.all([whole, base].map((m) => runtime.scope(() => runtime.read(m.forward(ids)))));
    assertSameBits(b, a, name);
  }
});

Deno.test("an odd number of channels is turned where transformers can, and refused where it cannot", () => {
  const third = (model_type: string) =>
    meaning({ model_type, hidden_size: 24, num_attention_heads: 4, partial_rotary_factor: 0.5, rope_theta: 8 });
  const { base, dims } = third("nemotron").position as unknown as RopeConfig;
  assert(dims === 4 && Math.abs(base - 16) < 1e-9, `${dims} channels, base ${base}`);
  for (const type of ["phi", "stablelm"]) {
    assertThrows(
      () => third(type),
      CheckpointError,
      "Cannot read config.json: partial_rotary_factor 0.5 is for 3 channels of a head, expected an even number",
    );
  }
});

Deno.test("a scaling without its first context has the model's", () => {
  const scaled = (more: Config) =>
    meaning({
      model_type: "llama",
      max_position_embeddings: 64,
      rope_scaling: { rope_type: "llama3", factor: 4, low_freq_factor: 1, high_freq_factor: 4, ...more },
    });
  assertEquals(scaled({}), scaled({ original_max_position_embeddings: 64 }));
});

Deno.test("what a config says of how attention is run means nothing", () => {
  const plain = { model_type: "phi3", sliding_window: 8 };
  const more = { _attn_implementation_autoset: true, _flash_attn_2_enabled: true, full_attn_mod: 1 };
  assertEquals(meaning({ ...plain, ...more }), meaning(plain));
});
