/** GGUF files beside those that they were made from, llama.cpp's tokenizers, and broken ones, message by message. */
import { byteSymbols } from "../components/tokenizers/byte_level.ts";
import { ropeFrequencies, type RopeScaling } from "../components/positions/rope_scaling.ts";
import { loadModel, openCheckpoint } from "../model/checkpoint.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Model } from "../model/decoder.ts";
import { generate } from "../model/generator.ts";
import { blockFormats, type BlockType } from "../model/quantized/blocks.ts";
import { type QuantizedTensor, quantizedTensor } from "../model/quantized/stored.ts";
import { hashWeights, saveModel } from "../model/save.ts";
import { memorySink } from "../model/sink.ts";
import { CheckpointError, memorySource, openSource, type Source } from "../model/source.ts";
import { textStream, type Tokenizer } from "../model/tokenizer.ts";
import { chatFormat } from "../plugins/chat/mod.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { scalingOfFactors } from "../plugins/gguf/rope_factors.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import {
  F16,
  ggufFile,
  type GgufTensor,
  type Meta,
  piecesMetadata,
  plain,
  q8,
  smallMetadata,
  smallTensors,
} from "./gguf_files.ts";
import {
  type Config,
  convertedTensors,
  familyCases,
  familyTensors,
  metadataOf,
  ropeTensors,
  safetensorsOf,
} from "./gguf_models.ts";
import { finish, root } from "./processes.ts";
import {
  assertClose,
  assertSameBits,
  fixtures,
  golden,
  type GoldenTensor,
  hasFixture,
  readGolden,
  readJson,
  uniform,
} from "./support.ts";

const plugins = [gguf];
const sourceOf = (bytes: Uint8Array) => memorySource({ "m.gguf": bytes }, "m.gguf");
const fixture = (name: string) => new URL(name, fixtures).pathname;

/** What a tensor reads as, in pieces of at most `piece` bytes. */
async function valuesOf(
  { read, shape }: Pick<QuantizedTensor, "read" | "shape">,
  piece = Infinity,
): Promise<Float32Array> {
  const bytes = new Uint8Array(4 * size(shape));
  for (let at = 0; at < bytes.length; at += piece) await read(at, bytes.subarray(at, at + piece));
  return new Float32Array(bytes.buffer);
}

// ---- blocks ---------------------------------------------------------------------------------------------------------

for (const type of Object.keys(blockFormats) as BlockType[]) {
  Deno.test(`${type}: values are ggml's, in pieces that begin and end anywhere`, async () => {
    const vectors = readGolden(new URL("formats/ggml_quant_vectors.safetensors", golden));
    const stored = vectors.get(`${type}.bytes`)!,
      expected = vectors.get(`${type}.dequant`)!,
      format = blockFormats[type];
    const bytes = Uint8Array.from(stored.values), row = expected.shape[1] / format.values * format.bytes;
    assertEquals(stored.shape[1], row);
    const tensor = quantizedTensor(type, expected.shape, format, (offset, into) => {
      assert(offset % format.bytes === 0 && into.length % format.bytes === 0 && offset + into.length <= bytes.length);
      into.set(bytes.subarray(offset, offset + into.length));
    });
    for (const piece of [Infinity, 4 * 512, 4 * 36, 4, 10, 1030]) {
      assertEquals(Float64Array.from(await valuesOf(tensor, piece)), expected.values, `${type}, ${piece} bytes`);
    }
  });
}

// ---- models ---------------------------------------------------------------------------------------------------------

interface GoldenMeta {
  readonly logits_f32_vs_f64_maxabs: number;
}

/** A checkpoint of a Hugging Face folder as a GGUF file. */
function fileOf(config: Config, tensors: ReadonlyMap<string, GoldenTensor>): Uint8Array<ArrayBuffer> {
  const metadata = metadataOf(config), all = { ...convertedTensors(tensors, config), ...ropeTensors(config) };
  return ggufFile(metadata, all, { align: metadata["general.alignment"] === 64 ? 64 : 32 });
}

/** The golden model as a GGUF file. */
function goldenFile(name: string): Uint8Array<ArrayBuffer> {
  const folder = new URL(`${name}/`, golden);
  return fileOf(readJson(new URL("config.json", folder)), readGolden(new URL("model.safetensors", folder)));
}

/**
 * The same config and the same weights, bit for bit; but for the gains of Gemma's norms, which were rounded with 1 added.
 */
async function assertSameModel(model: Model, expected: Model): Promise<void> {
  assertEquals(model.config, expected.config);
  if (![model.config.norm].flat().some((norm) => norm.offset === 1)) {
    return assertEquals(await hashWeights(model), await hashWeights(expected));
  }
  assertEquals([...model.params.keys()], [...expected.params.keys()]);
  for (const [path, { tensor }] of model.params) {
    const [values, truth] = [
      await model.runtime.read(tensor),
      await model.runtime.read(expected.params.get(path)!.tensor),
    ];
    const rounded = /(norm|after)\d?\.weight$/.test(path) ? truth.map((v) => Math.fround(v + 1) - 1) : truth;
    assertSameBits(values, rounded, path);
  }
}

for (
  const [name, type] of [
    ["llama_mha", "llama"],
    ["llama_gqa", "llama"],
    ["llama3_rope", "llama"],
    ["mistral_swa", "mistral"],
    ["qwen2", "qwen2"],
    ["qwen3", "qwen3"],
    ["gemma", "gemma"],
    ["gemma2", "gemma2"],
    ["starcoder2", "starcoder2"],
    ["gpt2", "gpt2"],
  ]
) {
  Deno.test(`${name} as GGUF: logits and greedy ids are PyTorch's, weights those of the folder`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const folder = new URL(`${name}/`, golden),
      { model, checkpoint } = await loadModel(runtime, sourceOf(goldenFile(name)), {
        plugins,
      });
    const { input_ids: ids } = readJson<{ input_ids: number[][] }>(new URL("inputs.json", folder));
    const expected = readGolden(new URL("expected.safetensors", folder)).get("logits")!.values;
    const meta = readJson<GoldenMeta>(new URL("meta.json", folder));
    const logits = await runtime.scope(() => runtime.read(model.forward(ids.flat(), { batch: ids.length })));
    const worst = logits.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0);
    assert(worst <= Math.max(5e-5, 5 * meta.logits_f32_vs_f64_maxabs), `${worst}`);
    const greedy = readJson<{ prompt_ids: number[]; tokens: number[] }>(new URL("greedy.json", folder)), made = [];
    const options = { samplers: ["greedy"], maxTokens: greedy.tokens.length } as const;
    for await (const { id } of generate(model, greedy.prompt_ids, options)) made.push(id);
    assertEquals(made, greedy.tokens);
    const { model: hub } = await loadModel(runtime, folder.pathname, { plugins: [huggingface] });
    await assertSameModel(model, hub);
    assertEquals([checkpoint.format, checkpoint.notes, await checkpoint.tokenizer()], ["GGUF", [], undefined]);
    const saved = await saveModel(memorySink(), model, { plugins: [huggingface] });
    assertEquals([saved.type, saved.notes], [type, []]);
  });
}

const yarned = {
  factor: 3,
  original_max_position_embeddings: 8,
  beta_fast: 20,
  beta_slow: 2,
  rope_theta: 500,
  rope_type: "yarn",
};

/** Fields of config.json in the place of those that PyTorch computed with: numbers are the folder's then. */
const changed: readonly (readonly [name: string, what: string, changes: Config])[] = [
  ["qwen3, biases and windows", "no windows", {
    use_sliding_window: false,
    layer_types: ["full_attention", "full_attention"],
  }],
  ["gemma2, no caps", "caps", { attn_logit_softcapping: 0.75, final_logit_softcapping: 1.5 }],
  ["llama, yarn", "what the format has of it", { rope_parameters: yarned }],
  ["llama, yarn", "a factor of its own", { rope_parameters: { ...yarned, attention_factor: 1.25 } }],
];
const unchanged = [
  "llama, linear",
  "mistral",
  "phi3",
  "phi3, longrope",
  "gemma3_text",
  "olmo2",
  "starcoder2, no biases",
];

for (const [name, what, changes] of [...unchanged.map((name) => [name] as const), ...changed]) {
  Deno.test(`${name}${what ? `, but ${what}` : ""} as GGUF: ${changes ? "the folder's" : "PyTorch's"} numbers`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const given = familyCases.find((one) => one.name === name)!, config = { ...given.config, ...changes };
    const tensors = familyTensors(given);
    const { model } = await loadModel(runtime, sourceOf(fileOf(config, tensors)), { plugins });
    const folder = memorySource({
      "config.json": new TextEncoder().encode(JSON.stringify(config)),
      "model.safetensors": safetensorsOf(tensors),
    });
    const { model: hub } = await loadModel(runtime, folder, { plugins: [huggingface] });
    await assertSameModel(model, hub);
    const logits = await runtime.scope(() => runtime.read(model.forward(given.ids)));
    const expected = changes ? await runtime.scope(() => runtime.read(hub.forward(given.ids))) : given.logits;
    assertClose(logits, expected, 1e-5, "logits");
  });
}

/** The nearest number of bf16, to even between two. */
function toBf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0] + 0x7fff + (bits[0] >>> 16 & 1) & 0xffff0000) >>> 0;
  return new Float32Array(bits.buffer)[0];
}

/** What the weights of a golden file are, by llama.cpp's own dequantisation, or rounded as its type says. */
function truthOf(type: string): Record<string, GgufTensor> {
  if (type.startsWith("q")) {
    const truth = readGolden(new URL(`golden/formats/llama_gqa.${type}.dequantized.safetensors`, fixtures));
    return Object.fromEntries([...truth].map(([name, { shape, values }]) => [name, plain(shape, values)]));
  }
  const round = { f32: (v: number) => v, f16: Math.f16round, bf16: toBf16 }[type]!;
  const weights = readGolden(new URL("llama_gqa/model.safetensors", golden));
  // Norms are f32 in all of them, and so are these products, whose rows are not whole blocks.
  const rounded = [...weights].map(([name, tensor]) =>
    [name, /norm|down_proj/.test(name) ? tensor : { ...tensor, values: tensor.values.map(round) }] as const
  );
  return convertedTensors(new Map(rounded), readJson(new URL("llama_gqa/config.json", golden)));
}

for (const type of ["f32", "f16", "bf16", "q8_0", "q4_0"]) {
  const name = `golden/formats/llama_gqa.${type}.gguf`;
  Deno.test({
    name: `llama_gqa.${type}.gguf: every weight has the bits of the stated one`,
    ignore: !hasFixture(name),
    async fn() {
      using runtime = await createRuntime({ threads: 1 });
      const config = readJson<Record<string, number>>(new URL("llama_gqa/config.json", golden));
      const truth = ggufFile(metadataOf(config), truthOf(type), { align: 64 });
      const { model: expected } = await loadModel(runtime, sourceOf(truth), { plugins });
      const { model } = await loadModel(runtime, fixture(name), { plugins });
      assertEquals(model.config, expected.config);
      assertEquals(await hashWeights(model), await hashWeights(expected));
    },
  });
}

Deno.test("tensors in blocks give the blocks, too, in the order of the rows that they give", async () => {
  const values = uniform(32 * 32, 5), tensors = { ...smallTensors(40), "blk.0.attn_q.weight": q8([32, 32], values) };
  const { tensors: stored } = await openCheckpoint(sourceOf(ggufFile(smallMetadata, tensors)), plugins);
  const q = stored.get("blocks.0.attention.q.weight") as QuantizedTensor, { format, read } = q.blocks;
  const raw = new Uint8Array(32 * 34);
  await read(0, raw);
  assertEquals(format.type, "Q8_0");
  const again = quantizedTensor("", [32, 32], format, (at, into) => into.set(raw.subarray(at, at + into.length)));
  const rows = await valuesOf(q);
  assertEquals(await valuesOf(again), rows);
  // Row 1 of a head of 16 channels is row 2 of the file: its pair is row 9, which is row 3.
  const file = await valuesOf(
    quantizedTensor(
      "",
      [32, 32],
      format,
      (at, into) => into.set(tensors["blk.0.attn_q.weight"].bytes.subarray(at, at + into.length)),
    ),
  );
  assertEquals(rows.slice(32, 64), file.slice(64, 96));
  assertEquals(rows.slice(9 * 32, 10 * 32), file.slice(96, 128));
});

Deno.test("queries, keys and values in one tensor of blocks are those in three", async () => {
  const { "blk.0.attn_q.weight": q, "blk.0.attn_k.weight": k, "blk.0.attn_v.weight": v, ...others } = smallTensors(40);
  const fused = { shape: [64, 32], type: q.type, bytes: Uint8Array.from([q, k, v].flatMap(({ bytes }) => [...bytes])) };
  const bias = uniform(64, 4), named = { "blk.0.attn_qkv.weight": fused, "blk.0.attn_qkv.bias": plain([64], bias) };
  const open = (tensors: Record<string, GgufTensor>) =>
    openCheckpoint(sourceOf(ggufFile(smallMetadata, tensors)), plugins);
  const { tensors: three } = await open(smallTensors(40)),
    { tensors: one, config } = await open({ ...others, ...named });
  for (const part of ["q", "k", "v"]) {
    const [a, b] = [one, three].map((from) => from.get(`blocks.0.attention.${part}.weight`) as QuantizedTensor);
    assertEquals([a.shape, a.blocks?.format.type], [b.shape, "Q8_0"]);
    assertEquals(await valuesOf(a), await valuesOf(b), part);
  }
  assertEquals((config.attention as { bias: string }).bias, "qkv");
  assertEquals(await valuesOf(one.get("blocks.0.attention.v.bias")!), bias.slice(48));
  await assertRejects(
    () => open({ ...others, "blk.0.attn_qkv.weight": { ...fused, shape: [32, 64] } }),
    CheckpointError,
    "its shape is [32, 64], expected [64, …]",
  );
});

Deno.test("gains of Gemma's norms come without their 1, in pieces that begin and end anywhere; halves are refused", async () => {
  const folder = new URL("gemma/", golden), config = readJson<Config>(new URL("config.json", folder));
  const weights = readGolden(new URL("model.safetensors", folder)), file = fileOf(config, weights);
  const { tensors } = await openCheckpoint(sourceOf(file), plugins), norm = tensors.get("norm.weight")!;
  const gains = Float32Array.from(weights.get("model.norm.weight")!.values, (v) => Math.fround(v + 1) - 1);
  for (const piece of [Infinity, 4, 10, 7]) assertEquals(await valuesOf(norm, piece), gains, `${piece} bytes`);
  const half = { shape: [48], type: F16, bytes: new Uint8Array(96) };
  const broken = { ...convertedTensors(weights, config), "output_norm.weight": half };
  await assertRejects(
    () => openCheckpoint(sourceOf(ggufFile(metadataOf(config), broken)), plugins),
    CheckpointError,
    "it is f16, expected f32 in a norm",
  );
});

Deno.test("what Gemma's files leave out: windows, caps and scales of llama.cpp", async () => {
  const folder = new URL("gemma2/", golden), config = readJson<Config>(new URL("config.json", folder));
  const tensors = convertedTensors(readGolden(new URL("model.safetensors", folder)), config);
  const silent = Object.fromEntries(
    Object.entries(metadataOf(config)).filter(([key]) => !/scale|softcapping|sliding_window/.test(key)),
  );
  const open = async (more: Record<string, Meta>) =>
    (await openCheckpoint(sourceOf(ggufFile({ ...silent, ...more }, tensors)), plugins)).config;
  const seen = ({ attention }: ModelConfig) =>
    ([attention].flat() as { window: number | null; scale: number }[]).map(({ window, scale }) => [window, scale]);
  const { scores, head, ...rest } = await open({});
  assertEquals([scores, head], [{ type: "softcap", cap: 50 }, { type: "linear", softcap: 30 }]);
  assertEquals(seen(rest), [[4096, 0.25], [null, 0.25], [4096, 0.25], [null, 0.25]]);
  const thirds = await open({ "gemma2.attention.sliding_window_pattern": 3, "gemma2.attention.scale": 0.3 });
  assertEquals(seen(thirds), [[4096, 0.3], [4096, 0.3], [null, 0.3], [4096, 0.3]]);
  const bare = await open({ "gemma2.attn_logit_softcapping": 0, "gemma2.final_logit_softcapping": 0 });
  assertEquals([bare.scores, bare.head], [undefined, { type: "linear", softcap: null }]);
  // The largest of Gemma 2 by its layers.
  const names = Object.keys(tensors), layers = Array.from({ length: 46 }, (_, i) => i);
  const all = names.flatMap((name) =>
    name.startsWith("blk.0.")
      ? layers.map((i) => [name.replace("blk.0.", `blk.${i}.`), tensors[name]])
      : name.startsWith("blk.")
      ? []
      : [[name, tensors[name]]]
  );
  const large = ggufFile({ ...silent, "gemma2.block_count": 46 }, Object.fromEntries(all));
  assertEquals(seen((await openCheckpoint(sourceOf(large), plugins)).config)[45], [null, 12 ** -0.5]);
});

Deno.test("fields that would mean something in another architecture are refused by name", async () => {
  const cases = [
    ["qwen2", { "qwen2.attention.sliding_window": 8 }, "attention.sliding_window is 8, expected 0"],
    ["qwen3", { "qwen3.attention.scale": 0.5 }, "qwen3.attention.scale is 0.5, expected no such field"],
    ["gemma", { "gemma.attention.sliding_window": 8 }, "sliding_window is 8, expected no such field in gemma"],
    ["gemma2", { "gemma2.rope.freq_base_swa": 5000 }, "rope.freq_base_swa is 5000, expected 10000"],
    ["starcoder2", { "starcoder2.rope.dimension_count": 5 }, "position.dims is 5"],
  ] as const;
  for (const [name, more, message] of cases) {
    const folder = new URL(`${name}/`, golden), config = readJson<Config>(new URL("config.json", folder));
    const tensors = convertedTensors(readGolden(new URL("model.safetensors", folder)), config);
    const file = ggufFile({ ...metadataOf(config), ...more }, tensors);
    const error = await assertRejects(() => openCheckpoint(sourceOf(file), plugins), CheckpointError);
    assert(error.message.includes(message), `${error.message}\nexpected ${message}`);
  }
});

Deno.test("biases of queries and keys are permuted with their rows; output.weight unties; head sizes and windows are read", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const bias = (n: number, seed: number) => plain([n], uniform(n, seed)), tensors = smallTensors(40);
  const { model } = await loadModel(
    runtime,
    sourceOf(ggufFile({ ...smallMetadata, "llama.attention.sliding_window": 8 }, {
      ...tensors,
      "output.weight": q8([40, 32], uniform(40 * 32, 9)),
      "blk.0.attn_q.bias": bias(32, 1),
      "blk.0.attn_k.bias": bias(16, 2),
      "blk.0.attn_v.bias": bias(16, 3),
    })),
    { plugins },
  );
  const { attention, tied } = model.config, values = uniform(32, 1);
  assertEquals([tied, attention], [
    false,
    {
      type: "groupedQuery",
      headDim: null,
      bias: "qkv",
      window: 8,
      scale: null,
      kvHeads: 1,
    } as typeof attention,
  ]);
  const read = await runtime.read(model.params.get("blocks.0.attention.q.bias")!.tensor);
  assertEquals([...read.slice(0, 4), read[8]], [values[0], values[2], values[4], values[6], values[1]]);
  const wide = {
    "blk.0.attn_q.weight": [48, 32],
    "blk.0.attn_k.weight": [24, 32],
    "blk.0.attn_v.weight": [24, 32],
    "blk.0.attn_output.weight": [32, 48],
  };
  const changed = Object.fromEntries(
    Object.entries(wide).map(([name, shape]) => [name, plain(shape, uniform(size(shape), 1))]),
  );
  const keys = {
    "llama.attention.key_length": 24,
    "llama.attention.value_length": 24,
    "llama.rope.dimension_count": 24,
  };
  const { config } = await openCheckpoint(
    sourceOf(ggufFile({ ...smallMetadata, ...keys }, { ...tensors, ...changed })),
    plugins,
  );
  assertEquals(config.attention, { type: "groupedQuery", kvHeads: 1, bias: "none", headDim: 24, window: null });
});

// ---- rotary positions -----------------------------------------------------------------------------------------------

Deno.test("rope_freqs.weight: the scaling that it was made of is found again", () => {
  const llama3 = (factor: number, originalContext: number, highFrequencyFactor = 4): RopeScaling => ({
    type: "llama3",
    factor,
    lowFrequencyFactor: 1,
    highFrequencyFactor,
    originalContext,
  });
  const factorsOf = (base: number, dims: number, scaling: RopeScaling | null) => {
    const plainly = ropeFrequencies(base, dims, null), scaled = ropeFrequencies(base, dims, scaling);
    return plainly.map((f, i) => Math.fround(f / scaled[i]));
  };
  // Llama 3.1 8B, 3.2 1B; then all kept, all divided.
  for (
    const [base, dims, scaling] of [
      [500000, 128, llama3(8, 8192)],
      [500000, 64, llama3(32, 8192)],
      [10000, 64, llama3(4, 4096, 8)],
      [10000, 64, null],
      [10000, 64, { type: "linear", factor: 4 }],
    ] as [number, number, RopeScaling | null][]
  ) {
    assertEquals(scalingOfFactors(base, dims, factorsOf(base, dims, scaling)), scaling);
  }
  // With few pairs, or limits that are no whole numbers, another scaling with the same frequencies.
  for (const dims of [4, 6, 8, 16, 20]) {
    for (const [low, high, context] of [[1, 4, 16], [1, 4, 300], [2, 3, 64], [0.5, 9.25, 100], [1, 1.01, 2000]]) {
      const scaling: RopeScaling = {
        type: "llama3",
        factor: 8,
        lowFrequencyFactor: low,
        highFrequencyFactor: high,
        originalContext: context,
      };
      const factors = factorsOf(10000, dims, scaling), found = scalingOfFactors(10000, dims, factors);
      assert(found !== undefined, `${dims} ${low} ${high} ${context}: ${factors}`);
      const worst = factorsOf(10000, dims, found).map((f, i) => Math.abs(f / factors[i] - 1));
      assert(Math.max(...worst) <= 1e-5, `${dims} ${low} ${high} ${context}: ${worst}`);
    }
  }
  for (const factors of [[1, 2, 3], [8, 1, 1, 1], [1, 3, 2, 8], [1, NaN, 8, 8], [0.5, 1, 1, 1], [1, 1.1, 5, 8]]) {
    assertEquals(scalingOfFactors(10000, 8, factors), undefined, `${factors}`);
  }
});

Deno.test("rope scaling: none, linear by its three fields, YaRN and longrope; others and mixtures are refused by name", async () => {
  const lists = (n: number) => plain([n], Array.from({ length: n }, (_, i) => 1 + i / 10));
  const position = async (more: Record<string, Meta>, others: Record<string, GgufTensor> = {}) => {
    const file = ggufFile({ ...smallMetadata, ...more }, { ...smallTensors(40), ...others });
    return (await openCheckpoint(sourceOf(file), plugins)).config.position;
  };
  const linear = { type: "rope", base: 10000, dims: null, scaling: { type: "linear", factor: 4 } } as const;
  const none = { type: "rope", base: 10000, dims: null, scaling: null } as const;
  const both = { "rope_factors_short.weight": lists(8), "rope_factors_long.weight": lists(8) };
  assertEquals(await position({}), none);
  assertEquals(await position({ "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4 }), linear);
  assertEquals(await position({ "llama.rope.scaling.factor": 4 }), linear); // llama.cpp's default
  assertEquals(await position({ "llama.rope.scale_linear": 4 }), linear);
  assertEquals(await position({ "llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4 }), none);
  const yarn = { "llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 4 };
  const shared = { type: "yarn", factor: 4, betaFast: 32, betaSlow: 1, truncate: true } as const;
  const grown = 0.1 * Math.log(4) + 1;
  assertEquals(await position(yarn), {
    ...none,
    scaling: { ...shared, originalContext: 16, attentionFactor: grown },
  });
  assertEquals(
    await position({
      ...yarn,
      "llama.rope.scaling.original_context_length": 8,
      "llama.rope.scaling.attn_factor": 0.5,
      "llama.rope.scaling.yarn_ext_factor": 1,
    }),
    { ...none, scaling: { ...shared, originalContext: 8, attentionFactor: 0.5 * grown } },
  );
  const factors = [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7];
  const long = { type: "longrope", shortFactors: factors, longFactors: factors, originalContext: 16 } as const;
  assertEquals(await position({}, both), { ...none, scaling: { ...long, attentionFactor: 1 } });
  assertEquals(
    await position({ "llama.rope.scaling.type": "longrope", "llama.rope.scaling.attn_factor": 1.2 }, both),
    { ...none, scaling: { ...long, attentionFactor: 1.2 } },
  );
  const refused: [more: Record<string, Meta>, tensors: Record<string, GgufTensor>, message: string][] = [
    [
      { "llama.rope.scaling.type": "dynamic" },
      {},
      'rope.scaling.type is "dynamic", expected "none" or "linear" or "yarn"',
    ],
    [{ "llama.rope.scaling.type": "longrope" }, {}, 'rope.scaling.type is "longrope", expected "none"'],
    [yarn, both, 'rope.scaling.type is "yarn", expected "longrope"'],
    [yarn, { "rope_freqs.weight": plain([8], Array(8).fill(2)) }, 'rope.scaling.type is "yarn", expected "none"'],
    [{ ...yarn, "llama.rope.scaling.yarn_ext_factor": 0.5 }, {}, "rope.scaling.yarn_ext_factor is 0.5, expected 1"],
    [
      { ...yarn, "llama.rope.scaling.yarn_log_multiplier": 0.1 },
      {},
      "yarn_log_multiplier is 0.1, expected no such field",
    ],
    [
      { ...yarn, "llama.rope.scaling.yarn_attn_factor": 1.5, "llama.rope.scaling.attn_factor": 2 },
      {},
      "rope.scaling.attn_factor is 2, expected 1",
    ],
    [{ "llama.rope.scaling.factor": 2 }, both, "rope.scaling.factor is 2, expected 1"],
    [{ "llama.rope.scale_linear": 2 }, both, "rope.scale_linear is 2, expected 1"],
    [
      {},
      { "rope_factors_long.weight": lists(8) },
      "it has rope_factors_long.weight alone, expected rope_freqs.weight, or rope_factors_short.weight and rope_factors_long",
    ],
    [
      {},
      { ...both, "rope_freqs.weight": lists(8) },
      "it has rope_freqs.weight and rope_factors_short.weight, expected rope_freqs.weight, or ",
    ],
    [
      {},
      { ...both, "rope_factors_long.weight": lists(7) },
      "Cannot load m.gguf: Cannot build position: position.scaling.longFactors has 7 numbers, but attention.headDim is 16",
    ],
  ];
  for (const [more, tensors, message] of refused) {
    const error = await assertRejects(() => position(more, tensors), CheckpointError);
    assert(error.message.includes(message), `${error.message}\nexpected ${message}`);
  }
});

// ---- broken files ---------------------------------------------------------------------------------------------------

const wholeMetadata = { ...smallMetadata, ...piecesMetadata(["\u2581", "a", "b", "ab"]) };
const VOCAB = 263;

Deno.test("files that are not what they should be: one clear line each", async () => {
  const tensors = smallTensors(VOCAB), { "blk.0.ffn_up.weight": up, ...withoutUp } = tensors;
  const file = (more: Record<string, Meta>, others: Record<string, GgufTensor> = tensors) =>
    ggufFile({ ...wholeMetadata, ...more }, others);
  const { "general.architecture": _, ...nameless } = wholeMetadata, good = file({});
  const patched = (at: number, ...bytes: number[]) => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
  const row: Uint8Array<ArrayBuffer> = new Uint8Array(32 * 64);
  const cases: [bytes: Uint8Array, message: string][] = [
    [
      new Uint8Array(),
      "Cannot read m.gguf: at byte 0 begins the word GGUF of 4 bytes, expected at most 0, where the file ends",
    ],
    [patched(0, 80, 75, 3, 4), "Cannot read m.gguf: at byte 0 it begins with 0x4034b50, expected the word GGUF"],
    [patched(4, 1), "Cannot read m.gguf: at byte 4 it is version 1 of GGUF, expected version 2 or 3, little-endian"],
    [patched(4, 4), "Cannot read m.gguf: at byte 4 it is version 4 of GGUF, expected version 2 or 3, little-endian"],
    [patched(4, 0, 0, 0, 3), "Cannot read m.gguf: at byte 4 it is big-endian, expected version 2 or 3, little-endian"],
    [
      patched(8, 255, 255, 255, 255, 255, 255, 255, 255),
      `Cannot read m.gguf: at byte 8 the number of tensors is 18446744073709552000, expected at most ${
        Math.floor((good.length - 16) / 24)
      } in what follows`,
    ],
    [
      patched(16, 255, 255, 255, 0),
      `Cannot read m.gguf: at byte 16 the number of metadata keys is 16777215, expected at most ${
        Math.floor((good.length - 24) / 13)
      } in what follows`,
    ],
    [
      patched(28, 1),
      "Cannot read m.gguf: at byte 24 metadata key 0 is 4294967316 bytes long, expected at most 16777216",
    ],
    [patched(52, 13), 'Cannot read m.gguf: at byte 52 the type of "general.architecture" is 13, expected 0 … 12'],
    [
      good.slice(0, 400),
      "Cannot read m.gguf: at byte 400 begins the length of metadata key 9 of 8 bytes, expected at most 0, where the file ends",
    ],
    [
      good.slice(0, good.length - 200),
      `Cannot read m.gguf: at byte `,
    ],
    [ggufFile(nameless, tensors), "Cannot read m.gguf: general.architecture is missing, expected llama or qwen2 or "],
    [
      file({ "general.architecture": "mamba" }),
      'Cannot read m.gguf: general.architecture is "mamba", expected llama or qwen2 or qwen3 or gemma or gemma2 or gemma3 ' +
      "or phi3 or starcoder2 or olmo2 or gpt2",
    ],
    [
      file({ "general.alignment": 48 }),
      "Cannot read m.gguf: general.alignment is 48, expected a power of two up to 1048576",
    ],
    [file({ "general.type": "adapter" }), 'Cannot read m.gguf: general.type is "adapter", expected model'],
    [
      file({ "split.count": 3 }),
      "Cannot read m.gguf: split.count is 3, expected 1: parts can be joined with llama-gguf-split",
    ],
    [
      file({ "llama.logit_scale": 2.5 }),
      "Cannot read m.gguf: llama.logit_scale is 2.5, expected no such field in llama models: it may change the result",
    ],
    [
      file({ "llama.expert_count": 8 }),
      "Cannot read m.gguf: llama.expert_used_count is missing, expected a whole number from 1",
    ],
    [
      file({ "llama.vocab_size": 264 }),
      "Cannot read m.gguf: llama.vocab_size is 264, expected 263: anything else is not supported",
    ],
    [
      file({ "llama.rope.dimension_count": 8 }),
      "Cannot read m.gguf: llama.rope.dimension_count is 8, expected 16: anything else is not supported",
    ],
    [
      file({ "llama.block_count": 99 }),
      "Cannot read m.gguf: llama.block_count is 99, expected at most the number of tensors, 11",
    ],
    [
      file({ "llama.attention.key_length": 70000 }),
      "Cannot read m.gguf: llama.attention.key_length is 70000, expected at most 65536",
    ],
    [
      file({ "llama.attention.head_count": [2, 2] }),
      'Cannot read m.gguf: llama.attention.head_count is {"items":"i32"',
    ],
    [file({ "llama.attention.head_count": 3 }), "Cannot read m.gguf: llama.rope.dimension_count is 16, expected 10.66"],
    [file({ "llama.block_count": 2 }), "Cannot load m.gguf: it has no tensor for blocks.1.norm1.weight [32]"],
    [file({}, withoutUp), "Cannot load m.gguf: it has no tensor for blocks.0.feedForward.up.weight [64, 32]"],
    [
      file({}, { ...tensors, "blk.0.ffn_up.weight": { ...up, shape: [32, 64] } }),
      "ffn_up.weight at byte ",
    ],
    [file({}, { ...tensors, "blk.0.ffn_gate_exps.weight": up }), "blk.0.ffn_gate_exps.weight at byte "],
    [file({}, { ...tensors, "blk.7.ffn_up.weight": up }), "the model has no blocks.7.feedForward.up.weight"],
    [
      file({}, { ...tensors, "rope_freqs.weight": plain([8], [8, 1, 1, 1, 1, 1, 1, 1]) }),
      "Cannot read m.gguf: rope_freqs.weight divides the frequencies of 8 pairs as no scaling here does, expected 8 factors as Llama 3 has them",
    ],
    [
      file({}, { ...tensors, "blk.0.ffn_up.weight": { ...up, type: 10 } }),
      'the type of "blk.0.ffn_up.weight" is Q2_K, expected one of F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K',
    ],
    [
      file({}, { ...tensors, "blk.0.ffn_up.weight": { ...up, type: 77 } }),
      'the type of "blk.0.ffn_up.weight" is 77, expected',
    ],
    [
      file({}, { ...tensors, "blk.0.ffn_up.weight": { shape: [64, 32], type: 14, bytes: row } }),
      'rows of "blk.0.ffn_up.weight" have 32 values, expected blocks of 256 for Q6_K',
    ],
  ];
  for (const [bytes, message] of cases) {
    const error = await assertRejects(() => openCheckpoint(sourceOf(bytes), plugins), CheckpointError);
    assert(error.message.includes(message), `${error.message}\nexpected ${message}`);
    assert(!error.message.includes("\n"));
  }
  const { model } = await loadModel(await createRuntime({ threads: 1 }), sourceOf(good), { plugins });
  model.runtime.close();
});

Deno.test("names and keys that come twice, tensors that overlap or are not aligned are refused", async () => {
  const tensor = plain([8], uniform(8, 1)), text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
  const file = ggufFile({ "a.a": 1, "b.b": 2 }, { "t.one": tensor, "t.two": tensor });
  const at = (part: string) => text(file).indexOf(part);
  const offset = at("t.two") + 5 + 4 + 8 + 4;
  const cases: [at: number, bytes: number[], message: string][] = [
    [at("b.b"), [97, 46, 97], 'is "a.a" a second time, expected every key once'],
    [at("t.two"), [...new TextEncoder().encode("t.one")], 'is "t.one" a second time, expected every name once'],
    [offset, [0], '"t.two" begins at byte'],
    [offset, [16], 'the offset of "t.two" is 16, expected a multiple of 32'],
    [offset, [64], '"t.two" ends at byte'],
    [at("t.two") + 5, [5], '"t.two" has 5 axes, expected 1 … 4'],
    [at("t.two") + 9, [0], '"t.two" is [0, …] long, expected 1 … 2⁴⁰ values'],
    [at("a.a"), [255], "metadata key 0 holds other bytes, expected UTF-8"],
  ];
  for (const [place, bytes, message] of cases) {
    const broken = file.slice();
    broken.set(bytes, place);
    const error = await assertRejects(() => openCheckpoint(sourceOf(broken), plugins), CheckpointError, message);
    assert(/^Cannot read m\.gguf: at byte \d+ /.test(error.message), error.message);
  }
});

Deno.test("opening reads the header alone, in small pieces, however large the file is or says it is", async () => {
  const head = ggufFile(wholeMetadata, smallTensors(VOCAB)), TERABYTE = 2 ** 40;
  /** A file of a terabyte that begins with `bytes`. */
  const large = (bytes: Uint8Array, reads: number[]): Source => ({
    ...sourceOf(bytes),
    size: () => TERABYTE,
    read(_, offset, into) {
      assert(offset + into.length <= TERABYTE && into.length <= 2 ** 24, `${into.length} bytes at ${offset}`);
      reads.push(into.length);
      into.set(bytes.subarray(offset, offset + into.length));
    },
  });
  const reads: number[] = [];
  await openCheckpoint(large(head, reads), plugins);
  assert(reads.length <= 3 && Math.max(...reads) <= 2 ** 16, `${reads}`);
  // A list that says it is a hundred gigabytes long is gone over, not read.
  const key = new TextDecoder("latin1").decode(head).indexOf("tokenizer.ggml.scores") + 21, long = head.slice();
  new DataView(long.buffer).setBigUint64(key + 8, 25n * 2n ** 30n, true);
  const more: number[] = [];
  await assertRejects(() => openCheckpoint(large(long, more), plugins), CheckpointError);
  assert(more.length <= 4, `${more}`);
  const tokens = new TextDecoder("latin1").decode(head).indexOf("tokenizer.ggml.tokens") + 21, many = head.slice();
  new DataView(many.buffer).setBigUint64(tokens + 8, 2n ** 33n, true);
  await assertRejects(
    () => openCheckpoint(large(many, more), plugins),
    CheckpointError,
    'the number of items of "tokenizer.ggml.tokens" is 8589934592, expected at most 16777216',
  );
});

// ---- tokenizers -----------------------------------------------------------------------------------------------------

async function tokenizerIn(metadata: Record<string, Meta>): Promise<Tokenizer> {
  return (await (await openCheckpoint(sourceOf(ggufFile(metadata)), plugins)).tokenizer())!;
}

/** What a reader of the stream sees. */
function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const stream = textStream(tokenizer, []);
  return ids.map((id) => stream.push(id)).join("") + stream.flush();
}

for (const name of ["gpt-2", "falcon", "llama-spm"]) {
  const file = `tokenizers/ggml/ggml-vocab-${name}.gguf`;
  Deno.test({
    name: `ggml-vocab-${name}.gguf, a vocabulary without a model: ids are llama.cpp's`,
    ignore: !hasFixture(file),
    async fn() {
      using source = openSource(fixture(file));
      const checkpoint = await openCheckpoint(source, plugins), tokenizer = (await checkpoint.tokenizer())!;
      const texts = Deno.readTextFileSync(fixture(`${file}.inp`)).split("\n__ggml_vocab_test__\n");
      const lines = Deno.readTextFileSync(fixture(`${file}.out`)).split("\n");
      assertEquals(texts.length, 47);
      for (const [i, text] of texts.entries()) {
        const ids = lines[i].split(" ").filter((id) => id).map(Number), begin = name === "llama-spm" ? [1] : [];
        assertEquals(tokenizer.encode(text), [...begin, ...ids], JSON.stringify(text));
        assertEquals(tokenizer.decode(ids), text, JSON.stringify(text));
        assertEquals(streamed(tokenizer, ids), text, JSON.stringify(text));
      }
      assertThrows(() => checkpoint.config, CheckpointError, "it has a vocabulary and no tensors, expected a model");
    },
  });
}

for (
  const [name, file] of [
    ["llama2_spm", "tokenizers/ggml/ggml-vocab-llama-spm.gguf"],
    ["runc_llama32000", "tokenizers/ggml/ggml-vocab-llama-spm.gguf"],
    ["runc_tok512", "real/stories260K/stories260K.gguf"],
    ["gpt2", "tokenizers/ggml/ggml-vocab-gpt-2.gguf"],
  ]
) {
  Deno.test({
    name: `${file}: ids of golden/tok/${name}.json`,
    ignore: !hasFixture(file) || !hasFixture(`golden/tok/${name}.json`),
    async fn() {
      using source = openSource(fixture(file));
      const tokenizer = (await (await openCheckpoint(source, plugins)).tokenizer())!;
      const { cases } = readJson<{ cases: { text: string; ids: number[] }[] }>(
        new URL(`golden/tok/${name}.json`, fixtures),
      );
      for (const { text, ids } of cases) {
        assertEquals(tokenizer.encode(text), name === "llama2_spm" ? [1, ...ids] : ids, JSON.stringify(text));
      }
    },
  });
}

Deno.test("pieces: scores decide, bytes stand in, specials are found first and give no text", async () => {
  const pieces = ["\u2581", "a", "b", "ab", "\u2581ab", "c"], base = 259;
  const metadata = piecesMetadata(pieces), tokenizer = await tokenizerIn(metadata);
  assertEquals([tokenizer.vocab, tokenizer.stopIds], [265, [2]]);
  assertEquals(tokenizer.encode("ab"), [1, base + 4]);
  assertEquals(tokenizer.encode("abc é"), [1, base + 4, base + 5, base, 3 + 0xc3, 3 + 0xa9]);
  assertEquals(tokenizer.encode(""), [1]);
  assertEquals(tokenizer.encode("ab</s>ab"), [1, base + 4, 2, base + 4]);
  assertEquals(tokenizer.decode([1, base + 4, base + 5, base, 3 + 0xc3, 3 + 0xa9, 2]), "abc é");
  assertEquals(tokenizer.decode([1, 0, 999999, 3 + 0xc3]), "\ufffd");
  // Without the space in front, with an end, without a begin; a token of the user's own is text.
  const types = metadata["tokenizer.ggml.token_type"] as number[];
  const other = await tokenizerIn({
    ...metadata,
    "tokenizer.ggml.add_space_prefix": false,
    "tokenizer.ggml.add_bos_token": false,
    "tokenizer.ggml.add_eos_token": true,
    "tokenizer.ggml.eot_token_id": 5,
    "tokenizer.ggml.token_type": types.with(base + 5, 4),
  });
  assertEquals(other.encode(" ab"), [base + 4, 2]);
  assertEquals(other.encode("acb"), [base + 1, base + 5, base + 2, 2]);
  assertEquals(other.decode([base + 4, base + 5]), " abc");
  assertEquals(other.stopIds, [2, 5]);
  assertEquals((await tokenizerIn({ ...metadata, "tokenizer.ggml.eos_token_id": 2 ** 32 - 1 })).stopIds, [2]);
});

/** A vocabulary of bytes, these merges, and special tokens. */
function bytesMetadata(merges: readonly string[], more: Record<string, Meta> = {}): Record<string, Meta> {
  const tokens = [...byteSymbols, ...merges.map((m) => m.replace(" ", "")), "<|im_end|>", "<tool>"];
  const types = [...byteSymbols, ...merges].map(() => 1);
  return {
    "general.architecture": "anything",
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": [...types, 3, 4],
    "tokenizer.ggml.merges": merges,
    ...more,
  };
}

Deno.test("byte-level: merges in their order, specials, tokens of the user's own", async () => {
  const tokenizer = await tokenizerIn(bytesMetadata(["a b", "b c", "ab c"], { "tokenizer.ggml.eos_token_id": 0 }));
  assertEquals(tokenizer.encode("abc<|im_end|>bc<tool>"), [258, 259, 257, 260]);
  assertEquals(tokenizer.decode([258, 259, 257, 260]), "abcbc<tool>");
  assertEquals([tokenizer.vocab, tokenizer.stopIds], [261, [0, 259]]);
  const { "tokenizer.ggml.pre": _, ...silent } = bytesMetadata(["a b"]);
  assertEquals((await openCheckpoint(sourceOf(ggufFile(silent)), plugins)).notes, [
    "tokenizer.ggml.pre is missing: words are cut as llama.cpp does then, which may not suit the model",
  ]);
  const begun = await tokenizerIn(
    bytesMetadata(["a b"], { "tokenizer.ggml.bos_token_id": 5, "tokenizer.ggml.add_bos_token": true }),
  );
  assertEquals(begun.encode("ab"), [5, 256]);
});

Deno.test("words are cut as tokenizer.ggml.pre says", async () => {
  const merges = ["1 2", "12 3", "123 4", "' S", "! Ċ", "Ċ Ċ", "x !", "` !"];
  const cut = async (pre: string, text: string) => {
    const metadata = bytesMetadata(merges, { "tokenizer.ggml.pre": pre, "tokenizer.ggml.bos_token_id": 0 });
    const tokens = metadata["tokenizer.ggml.tokens"] as string[];
    return (await tokenizerIn({ ...metadata, "tokenizer.ggml.add_bos_token": false })).encode(text).map((id) =>
      tokens[id]
    ).join("|");
  };
  assertEquals(await cut("gpt-2", "1234'S!\n\n"), "1234|'|S|!|ĊĊ");
  assertEquals(await cut("default", "1234'S"), "123|4|'|S");
  assertEquals(await cut("llama-bpe", "1234'S!\n\n"), "123|4|'S|!Ċ|Ċ");
  assertEquals(await cut("qwen2", "1234'S"), "1|2|3|4|'S");
  assertEquals(await cut("smollm", "1234'S"), "1|2|3|4|'|S");
  assertEquals(await cut("falcon", "1234x!"), "123|4|x|!");
  assertEquals(await cut("gpt-2", "x!"), "x|!");
  assertEquals([await cut("default", "`!"), await cut("falcon", "`!")], ["`|!", "`!"]);
  // A word that is a token, though no merge leads to it.
  const metadata = bytesMetadata(["a b"]), tokens = metadata["tokenizer.ggml.tokens"] as string[];
  const added = {
    ...metadata,
    "tokenizer.ggml.tokens": [...tokens, "Ġqq"],
    "tokenizer.ggml.bos_token_id": 7,
    "tokenizer.ggml.token_type": [...metadata["tokenizer.ggml.token_type"] as number[], 1],
  };
  const encode = async (pre: string) => (await tokenizerIn({ ...added, "tokenizer.ggml.pre": pre })).encode(" qq");
  assertEquals(await encode("llama-bpe"), [7, tokens.length]);
  assertEquals(await encode("qwen2"), [32, 113, 113]);
});

Deno.test("vocabularies that cannot be read: one clear line each", async () => {
  const pieces = piecesMetadata(["a", "b"]), bytes = bytesMetadata(["a b"]);
  const tokens = pieces["tokenizer.ggml.tokens"] as string[];
  const set = (base: Record<string, Meta>, key: string, value: Meta) => ({ ...base, [`tokenizer.ggml.${key}`]: value });
  const cases: [metadata: Record<string, Meta>, message: string][] = [
    [set(pieces, "model", "bert"), 'tokenizer.ggml.model is "bert", expected llama or gpt2'],
    [set(bytes, "pre", "deepseek-coder"), 'tokenizer.ggml.pre is "deepseek-coder", expected one of default, gpt-2, '],
    [set(pieces, "tokens", "x"), 'tokenizer.ggml.tokens is "x", expected a list'],
    [set(pieces, "tokens", [1, 2]), "is a list of i32, expected text"],
    [set(pieces, "tokens", tokens.with(5, "a")), 'tokenizer.ggml.tokens[259] is "a", as is 5, expected each once'],
    [set(pieces, "scores", [1, 2.5]), "tokenizer.ggml.scores is 2 long, expected 261, the number of tokens"],
    [set(pieces, "eos_token_id", 261), "tokenizer.ggml.eos_token_id is 261, expected a token, 0 … 260"],
    [set(pieces, "add_bos_token", 1), "tokenizer.ggml.add_bos_token is 1, expected true or false"],
    [
      set(bytes, "add_bos_token", true),
      "tokenizer.ggml.bos_token_id is missing, expected an id: tokenizer.ggml.add_bos_token says that texts have it",
    ],
    [set(bytes, "merges", ["a b", "a c"]), 'tokenizer.ggml.merges[1] is "a c", expected two tokens, with one for both'],
    [set(bytes, "merges", ["ab"]), 'tokenizer.ggml.merges[0] is "ab", expected two tokens, with one for both'],
  ];
  for (const [metadata, message] of cases) {
    const error = await assertRejects(() => tokenizerIn(metadata), CheckpointError);
    assert(error.message.startsWith("Cannot read m.gguf: ") && error.message.includes(message), error.message);
  }
  const few = ggufFile({ ...smallMetadata, ...pieces }, smallTensors(256)),
    checkpoint = await openCheckpoint(sourceOf(few), plugins);
  await assertRejects(
    () => checkpoint.tokenizer(),
    CheckpointError,
    "tokenizer.ggml.tokens is 261 long, expected at most 256, the rows of token_embd.weight",
  );
  const some = [...byteSymbols.toSpliced(3, 1), "ab"];
  const partial = await tokenizerIn(set(set(bytes, "tokens", some), "token_type", some.map(() => 1)));
  assertThrows(() => partial.encode("\u0003"), RangeError, "the tokenizer has no token for byte 3");
});

// ---- chat -----------------------------------------------------------------------------------------------------------

const turns = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}" +
  "{% if add_generation_prompt %}[assistant]{% endif %}";

Deno.test("encodeAlone puts nothing around a text, whatever the file says of texts", async () => {
  const around = { "tokenizer.ggml.add_bos_token": true, "tokenizer.ggml.add_eos_token": true };
  const pieces = await tokenizerIn({ ...piecesMetadata(["\u2581", "a", "b"]), ...around });
  assertEquals([pieces.encode("a</s>b"), pieces.encodeAlone!("a</s>b")], [[1, 259, 260, 2, 259, 261, 2], [
    259,
    260,
    2,
    259,
    261,
  ]]);
  const ids = { "tokenizer.ggml.bos_token_id": 5, "tokenizer.ggml.eos_token_id": 6 };
  const bytes = await tokenizerIn(bytesMetadata(["a b"], { ...around, ...ids }));
  assertEquals([bytes.encode("ab<|im_end|>"), bytes.encodeAlone!("ab<|im_end|>")], [[5, 256, 257, 6], [256, 257]]);
});

Deno.test("chat templates: the default one, named ones, special tokens by their names in templates", async () => {
  const chatIn = async (metadata: Record<string, Meta>) =>
    await (await openCheckpoint(sourceOf(ggufFile(metadata)), plugins)).chat!();
  const pieces = piecesMetadata(["\u2581", "a"]), { "tokenizer.ggml.eos_token_id": _, ...silent } = pieces;
  assertEquals(await chatIn(pieces), undefined);
  const template = { "tokenizer.chat_template": turns, "tokenizer.chat_template.tool_use": "{{ 1 }}" };
  assertEquals(await chatIn({ ...silent, ...template, "tokenizer.ggml.padding_token_id": 0 }), {
    file: "m.gguf",
    templates: { default: turns, tool_use: "{{ 1 }}" },
    tokens: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", pad_token: "<unk>" },
  });
  const bytes = bytesMetadata(["a b"], { "tokenizer.chat_template": turns, "tokenizer.ggml.eos_token_id": 257 });
  assertEquals((await chatIn(bytes))!.tokens, { eos_token: "<|im_end|>" });
  assertEquals((await chatIn({ "general.architecture": "llama", "tokenizer.chat_template": turns }))!.tokens, {});
  await assertRejects(
    () => chatIn({ ...pieces, "tokenizer.chat_template.rag": 3 }),
    CheckpointError,
    "Cannot read m.gguf: tokenizer.chat_template.rag is 3, expected a text",
  );
  await assertRejects(
    () => chatIn({ ...pieces, ...template, "tokenizer.ggml.bos_token_id": 999 }),
    CheckpointError,
    "tokenizer.ggml.bos_token_id is 999, expected a token, 0 … 260",
  );
  // Only a named one: that cannot hold a conversation.
  const named = await chatIn({ ...pieces, "tokenizer.chat_template.tool_use": "{{ 1 }}" });
  assertThrows(() => chatFormat(named), CheckpointError, "they are tool_use, expected one named default");
});

Deno.test("a conversation by the template of a file: ids are those of its text, ends those of its turns", async () => {
  const metadata = { ...piecesMetadata(["\u2581", "a", "[", "]"]), "tokenizer.chat_template": turns };
  const checkpoint = await openCheckpoint(sourceOf(ggufFile(metadata)), plugins);
  const format = chatFormat(await checkpoint.chat!()), tokenizer = (await checkpoint.tokenizer())!;
  const talk = [{ role: "user", content: "aa" }] as const;
  assertEquals(format.render(talk), "<s>[user]aa</s>[assistant]");
  const ids = format.encode(tokenizer, talk);
  assertEquals(ids, tokenizer.encodeAlone!("<s>[user]aa</s>[assistant]"));
  assertEquals(ids.filter((id) => id === 1), [1]);
  assertEquals(format.stopIds(tokenizer), [2, 2]);
});

Deno.test("generate.ts --chat speaks by the template of a GGUF file", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/m.gguf`;
  try {
    const strict = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + turns;
    const metadata = { ...smallMetadata, ...piecesMetadata(["\u2581", "a", "[", "]"]) };
    const context = { "llama.context_length": 128, "tokenizer.chat_template": strict };
    await Deno.writeFile(path, ggufFile({ ...metadata, ...context }, smallTensors(263)));
    const ask = async (...more: string[]) => {
      const process = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--quiet",
          "--allow-read",
          `${root}generate.ts`,
          "--model",
          path,
          "--chat",
          ...more,
        ],
        env: { NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = process.stdin.getWriter();
      await writer.write(new TextEncoder().encode("aa\n"));
      await writer.close();
      return await finish(process);
    };
    const answered = await ask("--max-tokens", "4");
    assertEquals([answered.code, answered.err.includes("no chat template")], [0, false], answered.err);
    const refused = await ask("--system", "Hm.");
    assertEquals(
      [refused.code, refused.err],
      [1, "generate.ts: Cannot write the conversation by the chat template of m.gguf: no system here\n"],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
