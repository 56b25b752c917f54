import type { Component } from "../components/component.ts";
import { families } from "../plugins/huggingface/families.ts";
import { loadModel, type LoadOptions } from "../model/checkpoint.ts";
import { createModel, type Model } from "../model/decoder.ts";
import type { TensorToStore } from "../model/format.ts";
import { safetensorsPieces } from "../model/safetensors_writer.ts";
import { hashWeights, saveModel, type SaveOptions } from "../model/save.ts";
import { memorySink, openSink } from "../model/sink.ts";
import { CheckpointError, memorySource, openSource } from "../model/source.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import type { Files } from "./checkpoint_files.ts";
import { crashingDisk, filesIn, fullDisk, inFolder } from "./disks.ts";
import { assertSameBits, fixtures, golden, hasFixture, readGolden, uniform, variants } from "./support.ts";
import { dynamicTanh, gatedAttention } from "./third_party.ts";

const runtime = await createRuntime({ threads: 1 }), plugins = [llama2c, huggingface];
const sizes = { vocab: 19, context: 24, dim: 16, depth: 3, heads: 4 };
type Json = Record<string, unknown>;

async function savedFiles(
  model: Model,
  options: SaveOptions = {},
): Promise<{ files: Files; type: string; notes: string }> {
  const sink = memorySink(), { type, notes, format } = await saveModel(sink, model, { plugins, ...options });
  assertEquals([format, sink.contents], ["Hugging Face folder", {}]);
  sink.commit();
  return { files: sink.contents as Files, type, notes: notes.join() };
}
const json = (files: Files, name = "config.json"): Json => JSON.parse(new TextDecoder().decode(files[name]));
const load = async (files: Files, options: Partial<LoadOptions> = {}) =>
  (await loadModel(runtime, memorySource(files), { plugins, ...options })).model;
const logitsOf = (model: Model) => model.runtime.scope(() => model.runtime.read(model.forward([1, 2, 3, 4])));
/** Values without a pattern in every parameter: initial biases are zeros, and equal values hide a mixed-up order. */
function scramble(model: Model): Model {
  let seed = 0;
  for (const { tensor } of model.params.values()) {
    runtime.write(tensor, uniform(size(tensor.shape), seed++).map((v) => v / 4));
  }
  return model;
}
const make = (config: object, components: readonly Component[] = []): Model =>
  scramble(createModel(runtime, { ...sizes, ...config } as never, { components }));

// ---- what other programs read ---------------------------------------------------------------------------------------

const goldenNames = ["llama_mha", "llama_gqa", "llama3_rope", "gpt2"];

for (const name of goldenNames) {
  Deno.test(`${name}, loaded and saved, is the file that transformers wrote, byte for byte`, async () => {
    const folder = new URL(`${name}/`, golden);
    const original: Json = JSON.parse(Deno.readTextFileSync(new URL("config.json", folder)));
    for (const variant of variants) {
      using rt = await variant.open();
      const { model } = await loadModel(rt, folder.pathname, { plugins });
      const ids = { beginId: original.bos_token_id as number, stopIds: [original.eos_token_id as number] };
      const { files, type, notes } = await savedFiles(model, ids);
      assertEquals([type, notes], [original.model_type, ""]);
      assertEquals(files["model.safetensors"], Deno.readFileSync(new URL("model.safetensors", folder)));
      const { tenon, ...fields } = json(files);
      assertEquals(fields, original);
      assertEquals(tenon, { version: 1, config: model.config });
      assertEquals(json(files, "generation_config.json"), {
        bos_token_id: original.bos_token_id,
        eos_token_id: original.eos_token_id,
      });
    }
  });
}

Deno.test("fields that are fractions in other languages are written as such", async () => {
  const scaling = { type: "linear", factor: 2 };
  const { files } = await savedFiles(make({ position: { type: "rope", base: 500000, scaling } }));
  const text = new TextDecoder().decode(files["config.json"]);
  assert(text.includes('"rope_theta": 500000.0,') && text.includes('"factor": 2.0\n'), text);
});

Deno.test("without ids of its own, a model does not get the family's", async () => {
  const { files } = await savedFiles(make({}));
  const { bos_token_id, eos_token_id } = json(files);
  assertEquals([bos_token_id, eos_token_id, Object.keys(files)], [null, null, ["model.safetensors", "config.json"]]);
  const { files: several } = await savedFiles(make({}), { stopIds: [3, 5] });
  assertEquals(json(several).eos_token_id, [3, 5]);
});

// ---- which family, and back -----------------------------------------------------------------------------------------

const gpt2 = {
  position: "learned",
  norm: "layerNorm",
  attention: { type: "multiHead", bias: "all" },
  feedForward: { type: "gelu", approximate: "tanh", bias: true },
};
const own = (reason: string) => `tenon; stored under Tenon's own names, which other programs do not know (${reason})`;

const cases: [what: string, config: object, expected: string, fields?: Json][] = [
  ["the defaults", {}, "llama", { intermediate_size: 48, num_key_value_heads: 4, tie_word_embeddings: true }],
  ["an untied head", { tied: false }, "llama", { tie_word_embeddings: false }],
  ["one key head", { attention: "multiQuery" }, "llama", { num_key_value_heads: 1 }],
  ["groups of no stated size", { attention: "groupedQuery" }, "llama", { num_key_value_heads: 1 }],
  ["groups of two", { attention: { type: "groupedQuery", kvHeads: 2 } }, "llama", { num_key_value_heads: 2 }],
  ["biases", { attention: { type: "multiHead", bias: "all" }, feedForward: { type: "swiglu", bias: true } }, "llama", {
    attention_bias: true,
    mlp_bias: true,
  }],
  ["a width of heads of its own", { attention: { type: "multiHead", headDim: 6 } }, "llama", { head_dim: 6 }],
  ["a width of heads that is the usual", { attention: { type: "multiHead", headDim: 4 } }, "llama", {
    head_dim: undefined,
  }],
  ["a scale that is the usual", { attention: { type: "multiHead", scale: 0.5 } }, "llama"],
  ["a window that sees everything", { attention: { type: "multiHead", window: 24 } }, "llama"],
  ["all dimensions turned, counted", { position: { type: "rope", dims: 4 } }, "llama"],
  ["a scaling by one", { position: { type: "rope", scaling: { type: "linear", factor: 1 } } }, "llama"],
  ["lists of equal layers", { norm: ["rmsNorm", { type: "rmsNorm" }], block: ["preNorm"] }, "llama"],
  ["layers that are equal in effect", { attention: ["multiQuery", { type: "groupedQuery", kvHeads: 1 }] }, "llama"],
  ["a gated GELU", { feedForward: { type: "geglu", approximate: "tanh" } }, "llama", { hidden_act: "gelu_new" }],
  ["a gated ReLU", { feedForward: { type: "reglu", hidden: 20 } }, "llama", { hidden_act: "relu" }],
  ["GPT-2", gpt2, "gpt2", { n_inner: undefined, n_positions: 24 }],
  ["GPT-2, untied", { ...gpt2, tied: false }, "gpt2", { tie_word_embeddings: false }],
  ["GPT-2 with another start", { ...gpt2, position: { type: "learned", std: 0.01 } }, "gpt2"],
  ["GPT-2 without scale", { ...gpt2, attention: { type: "multiHead", bias: "all", scale: 1 } }, "gpt2", {
    scale_attn_weights: false,
  }],
  ["GPT-2 with ReLU", { ...gpt2, feedForward: { type: "relu", bias: true, hidden: 20 } }, "gpt2", {
    activation_function: "relu",
    n_inner: 20,
  }],
  [
    "GPT-2 with groups",
    { ...gpt2, attention: { type: "groupedQuery", kvHeads: 2, bias: "all" } },
    own("the nearest, gpt2, differs in attention.kvHeads"),
  ],
  [
    "GPT-2 without one bias",
    { ...gpt2, norm: { type: "layerNorm", bias: false } },
    own("the nearest, gpt2, differs in norm.bias"),
  ],
  [
    "pairs side by side",
    { position: { type: "rope", layout: "interleaved" } },
    own("the nearest, llama, differs in position.layout"),
  ],
  [
    "part of a head turned",
    { position: { type: "rope", dims: 2 } },
    own("the nearest, llama, differs in position.dims"),
  ],
  [
    "biases of queries, keys and values",
    { attention: { type: "multiHead", bias: "qkv" } },
    "qwen2",
  ],
  [
    "a window",
    { attention: { type: "multiHead", window: 5 } },
    "mistral",
  ],
  [
    "a scale",
    { attention: { type: "multiHead", scale: 1 } },
    "granite",
  ],
  [
    "heads that transformers refuses",
    { heads: 3, attention: { type: "multiHead", headDim: 4 } },
    own("the nearest, llama, differs in heads"),
  ],
  ["Qwen 3", { queryKey: "headNorm", attention: { type: "groupedQuery", kvHeads: 2, headDim: 6 } }, "qwen3", {
    head_dim: 6,
  }],
  [
    "Qwen 2 with windows in its last layers",
    {
      attention: [{ type: "multiHead", bias: "qkv" }, { type: "multiHead", bias: "qkv", window: 5 }],
    },
    "qwen2",
    { max_window_layers: 1, sliding_window: 5, use_sliding_window: true },
  ],
  [
    "Gemma",
    {
      stem: { type: "plain", scale: "sqrtDim" },
      norm: { type: "rmsNorm", offset: 1 },
      feedForward: { type: "geglu", approximate: "tanh" },
    },
    "gemma",
    { head_dim: 4 },
  ],
  [
    "Gemma 2",
    {
      stem: { type: "plain", scale: "sqrtDim" },
      norm: { type: "rmsNorm", offset: 1 },
      attention: [{ type: "multiHead", window: 3, scale: 0.3 }, { type: "multiHead", scale: 0.3 }],
      scores: { type: "softcap", cap: 5 },
      feedForward: { type: "geglu", approximate: "tanh" },
      block: "sandwich",
      head: { type: "linear", softcap: 3 },
    },
    "gemma2",
    { sliding_window: 3, final_logit_softcapping: 3 },
  ],
  [
    "StarCoder 2",
    {
      norm: "layerNorm",
      attention: { type: "multiHead", bias: "all", window: 6 },
      feedForward: { type: "gelu", approximate: "tanh", bias: true },
    },
    "starcoder2",
    { use_bias: true, sliding_window: 6 },
  ],
  [
    "OLMo",
    {
      norm: { type: "layerNorm", weight: false, bias: false },
      queryKey: { type: "clip", limit: 0.1 },
    },
    "olmo",
    { clip_qkv: 0.1 },
  ],
  ["OLMo 2", { queryKey: "fullNorm", block: "afterNorm" }, "olmo2"],
  [
    "Granite",
    {
      stem: { type: "plain", scale: 3 },
      block: { type: "preNorm", residual: 0.3 },
      head: { type: "linear", scale: 0.125 },
    },
    "granite",
    { logits_scaling: 8, embedding_multiplier: 3, residual_multiplier: 0.3 },
  ],
  ["a scaling by YaRN", {
    position: {
      type: "rope",
      scaling: {
        type: "yarn",
        factor: 3,
        originalContext: 8,
        betaFast: 16,
        betaSlow: 2,
        truncate: false,
        attentionFactor: 1.25,
      },
    },
  }, "llama"],
  [
    "a scaling by the length",
    {
      context: 24,
      position: { type: "rope", scaling: { type: "dynamic", factor: 3, originalContext: 8 } },
    },
    "llama",
    { max_position_embeddings: 8 },
  ],
  [
    "layers that differ",
    { norm: ["rmsNorm", "layerNorm"], feedForward: ["relu", "swiglu", "gelu"] },
    own("the nearest, llama, differs in norm, feedForward"),
  ],
  [
    "other blocks",
    { block: "postNorm", norm: "layerNorm", position: "alibi" },
    own("the nearest, llama, differs in position, norm, block"),
  ],
  [
    "a parallel block",
    { block: "parallel" },
    own("the nearest, llama, differs in block"),
  ],
];

for (const [what, config, expected, fields = {}] of cases) {
  Deno.test(`saved and loaded, the model is the same: ${what}`, async () => {
    using model = make(config);
    const { files, type, notes } = await savedFiles(model), written = json(files);
    assertEquals([type, notes].filter(Boolean).join("; "), expected);
    assertEquals(written.model_type, type);
    assertEquals(Object.fromEntries(Object.keys(fields).map((key) => [key, written[key]])), fields);
    using back = await load(files);
    assertEquals(back.config, model.config);
    assertEquals([...back.params.keys()], [...model.params.keys()]);
    assertEquals(await hashWeights(back), await hashWeights(model));
    assertSameBits(await logitsOf(back), await logitsOf(model), what);
    // The family's fields alone, as other programs read them, mean the same computation.
    if (type === "tenon") return;
    const { tenon: _, ...rest } = written;
    using plain = await load({ ...files, "config.json": new TextEncoder().encode(JSON.stringify(rest)) });
    assertSameBits(await logitsOf(plain), await logitsOf(model), `${what}, without the section`);
  });
}

Deno.test("components of a third party are stored, and asked for where they are missing", async () => {
  const components = [dynamicTanh, gatedAttention] as readonly Component[];
  using model = make({ norm: { type: "dynamicTanh", alpha: 0.7 }, attention: "gatedAttention" }, components);
  const { files, type } = await savedFiles(model);
  assertEquals(type, "tenon");
  using back = await load(files, { components });
  assertEquals(back.config, model.config);
  assertSameBits(await logitsOf(back), await logitsOf(model), "logits");
  await assertRejects(
    () => load(files),
    CheckpointError,
    'Cannot load memory: Cannot build norm: unknown type "dynamicTanh", expected one of "layerNorm", "rmsNorm", "none"',
  );
});

Deno.test("parameters that a plugin adds have no name in a family", async () => {
  const extra = {
    ...dynamicTanh,
    slot: "norm",
    type: "rmsNorm2",
  } as unknown as Component;
  using model = make({ norm: "rmsNorm2" }, [extra]);
  assertEquals((await savedFiles(model)).type, "tenon");
  // The config is Llama's, the parameters are not.
  using changed = make({});
  const params = new Map([...changed.params, [
    "blocks.0.attention.adapter.weight",
    changed.params.get("norm.weight")!,
  ]]);
  const { type, notes } = await savedFiles({ ...changed, params });
  assertEquals([type, notes.includes("(a plugin has changed parameters)")], ["tenon", true]);
  const missing = new Map(changed.params);
  missing.delete("blocks.0.norm1.weight");
  assertEquals((await savedFiles({ ...changed, params: missing })).type, "tenon");
  const other = new Map(changed.params).set("norm.weight", changed.params.get("embedding.weight")!);
  assertEquals((await savedFiles({ ...changed, params: other })).type, "tenon");
});

Deno.test("a shorter context than the section's cuts tables as ever", async () => {
  using model = make(gpt2);
  using short = await load((await savedFiles(model)).files, { context: 10 });
  assertEquals(short.config, { ...model.config, context: 10 });
  assertSameBits(await logitsOf(short), await logitsOf(model), "logits");
});

// ---- what is refused ------------------------------------------------------------------------------------------------

async function refusal(config: object, change: (json: Json) => Json): Promise<string> {
  const { files } = await savedFiles(make(config));
  const broken = { ...files, "config.json": new TextEncoder().encode(JSON.stringify(change(json(files)))) };
  return (await assertRejects(() => load(broken), CheckpointError)).message;
}
const section = (change: (section: Json) => Json) => (json: Json) => ({ ...json, tenon: change(json.tenon as Json) });
const config = (change: Json) => section((s) => ({ ...s, config: { ...s.config as Json, ...change } }));

Deno.test("a section that contradicts the family's fields is refused, either way round", async () => {
  const tail = ", expected the same (without the section, the fields alone count)";
  const start = "Cannot read config.json: its llama fields mean ";
  assertEquals(
    await refusal({}, (j) => ({ ...j, hidden_size: 32 })),
    `${start}dim 32, its tenon section says 16${tail}`,
  );
  assertEquals(
    await refusal({}, (j) => ({ ...j, rope_theta: 5e5 })),
    `${start}position.base 500000, its tenon section says 10000${tail}`,
  );
  assertEquals(
    await refusal({}, config({ tied: false })),
    `${start}tied true, its tenon section says false${tail}`,
  );
  assertEquals(
    await refusal(gpt2, config({ norm: { type: "layerNorm", eps: 1e-6, bias: true } })),
    `Cannot read config.json: its gpt2 fields mean norm.eps 0.00001, its tenon section says 0.000001${tail}`,
  );
  assertEquals(
    await refusal({}, config({ norm: "dynamicTanh" })),
    'Cannot read config.json: its tenon section: Cannot build norm: unknown type "dynamicTanh", expected one of ' +
      '"layerNorm", "rmsNorm", "none"',
  );
  assertEquals(
    await refusal({}, (j) => ({ ...j, rms_norm_eps: -1 })),
    "Cannot read config.json: its llama fields: Cannot build norm.eps: current value is -1, expected a number from 0",
  );
});

Deno.test("a section that is damaged is refused", async () => {
  const where = "Cannot read config.json: ", other = { block: "parallel" };
  assertEquals(await refusal({}, (j) => ({ ...j, tenon: 3 })), `${where}tenon is 3, expected an object`);
  assertEquals(
    await refusal({}, section((s) => ({ ...s, version: 2 }))),
    `${where}tenon.version is 2, expected 1, the one that this version of Tenon reads`,
  );
  assertEquals(
    await refusal({}, section((s) => ({ ...s, config: [] }))),
    `${where}tenon.config is [], expected an object`,
  );
  assertEquals(
    await refusal({}, section((s) => ({ ...s, seed: 1 }))),
    `${where}tenon.seed is 1, expected only version and config`,
  );
  assertEquals(
    await refusal(other, (j) => ({ ...j, tenon: undefined })),
    `${where}model_type is "tenon", expected ${Object.keys(families).join(" or ")} or tenon with a tenon section`,
  );
  assertEquals(
    await refusal(other, config({ context: "24" })),
    'Cannot load memory: Cannot build context: current value is "24", expected a whole number from 1 up to 1073741824',
  );
  assertEquals(
    await refusal(other, config({ context: undefined })),
    "Cannot load memory: Cannot build context: current value is undefined, expected a whole number from 1 up to 1073741824",
  );
  assertEquals(
    await refusal(other, config({ window: 3 })),
    'Cannot load memory: Cannot build a model: it has no "window", expected "vocab", "context", "dim", "depth", "heads", ' +
      '"tied", "stem", "position", "norm", "attention", "queryKey", "scores", "feedForward", "block", "head", "init"',
  );
});

Deno.test("saveModel() refuses what cannot be stored", async () => {
  using model = make({});
  const save = (options: SaveOptions) => saveModel(memorySink(), model, { plugins, ...options });
  await assertRejects(
    () => save({ plugins: [llama2c] }),
    CheckpointError,
    "Cannot save memory: no format that can be written, expected one in plugins",
  );
  await assertRejects(() => saveModel("nowhere", model), CheckpointError, "Cannot save nowhere: no format that can");
  await assertRejects(
    () => save({ beginId: 19 }),
    RangeError,
    "Cannot save beginId 19, expected a whole number below 19",
  );
  await assertRejects(() => save({ stopIds: [1, -1] }), RangeError, "Cannot save stopIds -1, expected a whole number");
  await assertRejects(
    () => save({ tokenizerConfig: {} }),
    TypeError,
    "Cannot save tokenizerConfig without a tokenizer",
  );
  await assertRejects(
    () => save({ tokenizer: { model: { scores: [1, NaN] } } }),
    TypeError,
    "Cannot save tokenizer.model.scores[1]: it is NaN, expected what JSON can hold",
  );
  await assertRejects(
    () => save({ tokenizer: { vocab: new Map() } as never }),
    TypeError,
    "Cannot save tokenizer.vocab: it is a Map, expected what JSON can hold",
  );
  const loaded = (await loadModel(runtime, new URL("gpt2", golden).pathname, { plugins })).model;
  const { type } = await saveModel(memorySink(), loaded); // by the plugins that it was loaded with
  assertEquals(type, "gpt2");
});

Deno.test("a tokenizer of another checkpoint is neither kept nor removed behind one's back", () =>
  inFolder(async (folder) => {
    using model = make({});
    await saveModel(folder, model, { plugins, tokenizer: { version: "1.0" } });
    const before = filesIn(folder);
    assertEquals(Object.keys(before), ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]);
    await assertRejects(
      () => saveModel(folder, model, { plugins }),
      CheckpointError,
      `Cannot save ${folder}: it holds tokenizer.json of another checkpoint, which this one does not replace, ` +
        "expected another folder or none",
    );
    assertEquals(filesIn(folder), before);
  }));

// ---- tokenizers -----------------------------------------------------------------------------------------------------

Deno.test("tokenizer_config.json says what transformers needs to know", async () => {
  const tokenizer = { added_tokens: [{ id: 3, content: "<s>" }, { id: 5, content: "</s>" }] };
  const { files } = await savedFiles(make({}), { tokenizer, beginId: 3, stopIds: [5] });
  assertEquals(json(files, "tokenizer.json"), tokenizer);
  assertEquals(json(files, "tokenizer_config.json"), {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: 24,
    clean_up_tokenization_spaces: false,
    bos_token: "<s>",
    eos_token: "</s>",
  });
  const { files: given } = await savedFiles(make({}), { tokenizer, tokenizerConfig: { mine: true } });
  assertEquals(json(given, "tokenizer_config.json"), { mine: true });
});

Deno.test({
  name: "a tokenizer that was saved gives the same ids",
  ignore: !hasFixture("real/tiny-random-gpt2"),
  async fn() {
    const folder = new URL("real/tiny-random-gpt2/", fixtures);
    const { model, checkpoint } = await loadModel(runtime, folder.pathname, { plugins });
    const tokenizer = JSON.parse(Deno.readTextFileSync(new URL("tokenizer.json", folder)));
    const { files } = await savedFiles(model, { tokenizer, stopIds: [98] });
    const saved = (await (await huggingface.checkpoints![0].open(memorySource(files))).tokenizer())!;
    const text = "Two words, 3 numbers\n and “quotes”";
    assertEquals(saved.encode(text), (await checkpoint.tokenizer())!.encode(text));
    assertEquals(saved.stopIds, [98]);
  },
});

// ---- files ----------------------------------------------------------------------------------------------------------

Deno.test("a safetensors file is ordered by name, aligned, and the same each time", async () => {
  const tensor = (shape: number[], ...values: number[]): TensorToStore => ({
    shape,
    async *pieces() {
      for (const value of values) yield Float32Array.of(value);
    },
  });
  const write = async (tensors: Record<string, TensorToStore>) => {
    const sink = memorySink();
    await sink.write("x", safetensorsPieces(new Map(Object.entries(tensors))));
    sink.commit();
    return sink.contents.x;
  };
  const tensors = { b: tensor([2], 3, 4), "2": tensor([], 7), a: tensor([1, 1], 1), "ä": tensor([0]) };
  const file = await write(tensors), length = Number(new DataView(file.buffer).getBigUint64(0, true));
  assertEquals(length % 8, 0);
  assertEquals(
    new TextDecoder().decode(file.subarray(8, 8 + length)).trimEnd(),
    '{"__metadata__":{"format":"pt"},"2":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
      '"a":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},' +
      '"ä":{"dtype":"F32","shape":[0],"data_offsets":[16,16]}}',
  );
  assertEquals([...new Float32Array(file.slice(8 + length).buffer)], [7, 1, 3, 4]);
  assertEquals(await write(Object.fromEntries(Object.entries(tensors).reverse())), file);
  await assertRejects(() => write({ a: tensor([2], 1) }), TypeError, "Cannot write a [2]: it gave other than 2 values");
  await assertRejects(() => write({ a: tensor([1], 1, 2) }), TypeError, "it gave other than 1 values");
  await assertRejects(() => write({ __metadata__: tensor([1], 1) }), TypeError, "the format uses that name");
});

Deno.test("pieces() gives what read() gives, a megabyte at a time, in every layout", async () => {
  const shapes: [number[], "rows" | "panels"][] = [
    [[3, 5], "panels"],
    [[3000, 100], "panels"],
    [[9, 300_000], "panels"],
    [[700_001], "rows"],
    [[5, 7], "rows"],
    [[], "rows"],
  ];
  for (const variant of variants) {
    using rt = await variant.open();
    for (const [shape, layout] of shapes) {
      const tensor = rt.place(rt.arena(), shape, layout), values = uniform(size(shape), 3);
      rt.write(tensor, values);
      const pieces: number[] = [], all = new Float32Array(values.length);
      for await (const piece of rt.pieces(tensor)) {
        all.set(piece, pieces.reduce((a, b) => a + b, 0));
        pieces.push(piece.length);
      }
      assertSameBits(all, values, `[${shape}] ${layout} on ${variant.name}`);
      const most = layout === "panels" ? Math.max(2 ** 18, 8 * shape[1]) : 2 ** 18;
      assert(pieces.every((n) => n <= most) && pieces.length >= size(shape) / most, `${pieces}`);
    }
  }
});

Deno.test("a full disk while a model is saved leaves the last one whole", () =>
  inFolder(async (folder) => {
    using old = make({});
    using next = make({ attention: "multiQuery" });
    await saveModel(folder, old, { plugins });
    const before = filesIn(folder), total = (await savedFiles(next)).files;
    const bytes = Object.values(total).reduce((sum, file) => sum + file.length, 0);
    for (let room = 0; room < bytes; room += 997) {
      using sink = openSink(folder, fullDisk(room));
      await assertRejects(() => saveModel(sink, next, { plugins }), CheckpointError, "No space left on device");
      sink.close();
      assertEquals(filesIn(folder), before);
    }
  }));

Deno.test("a crash anywhere in a save leaves the old model, the new one, or none that loads: never a mixture", () =>
  inFolder(async (folder) => {
    // Same shapes throughout, so that only the order of renames keeps the two apart.
    const tokens = (name: string) => ({ tokenizer: { added_tokens: [{ id: 1, content: name }] }, stopIds: [1] });
    using old = make({ norm: { type: "rmsNorm", eps: 1e-5 } });
    using next = make({ norm: { type: "rmsNorm", eps: 1e-3 } });
    runtime.write(next.params.get("norm.weight")!.tensor, new Float32Array(16).fill(2));
    const hashes = { [await hashWeights(old)]: "old", [await hashWeights(next)]: "new" }, seen = new Set<string>();
    for (let changes = 0;; changes++) {
      await saveModel(folder, old, { plugins, ...tokens("old") });
      const disk = crashingDisk(changes);
      try {
        using sink = openSink(folder, disk);
        await saveModel(sink, next, { plugins, ...tokens("new") });
        sink.commit();
      } catch (error) {
        assert(error instanceof CheckpointError, (error as Error).stack);
      }
      try {
        const { model } = await loadModel(runtime, folder, { plugins });
        using _ = model;
        const weights = hashes[await hashWeights(model)], { eps } = model.config.norm as unknown as { eps: number };
        using source = openSource(folder);
        const file = (name: string) => source.files.includes(name) ? Deno.readTextFileSync(`${folder}/${name}`) : "";
        const tokenizer = /"content": "(\w+)"/.exec(file("tokenizer.json"))?.[1];
        assertEquals([tokenizer, eps === 1e-3 ? "new" : "old"], [weights, weights], `after ${changes} changes`);
        seen.add(weights);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        seen.add("none");
      }
      if (!disk.crashed) break;
    }
    assertEquals([...seen].sort(), ["new", "none", "old"]);
  }));

// ---- hashes ---------------------------------------------------------------------------------------------------------

Deno.test("hashWeights() is SHA-256 over what the file holds, on every backend, and sees every bit", async () => {
  const hex = async (data: BufferSource) =>
    [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map((b) => b.toString(16).padStart(2, "0")).join(
      "",
    );
  const folder = new URL("llama_gqa/", golden), stored = readGolden(new URL("model.safetensors", folder));
  const names: [RegExp, string][] = [
    [/^embedding/, "model.embed_tokens"],
    [/^blocks\.(\d)\./, "model.layers.$1."],
    [/^norm\./, "model.norm."],
    [/attention\.out/, "self_attn.o_proj"],
    [/attention\.(\w)/, "self_attn.$1_proj"],
    [/feedForward\.(\w+)/, "mlp.$1_proj"],
    [/norm1/, "input_layernorm"],
    [/norm2/, "post_attention_layernorm"],
  ];
  let expected = "";
  for (const variant of variants) {
    using rt = await variant.open();
    const { model } = await loadModel(rt, folder.pathname, { plugins });
    let listing = "";
    for (const path of model.params.keys()) {
      const { shape, values } = stored.get(names.reduce((name, [from, to]) => name.replace(from, to), path))!;
      listing += `${path} [${shape.join(", ")}] ${await hex(Float32Array.from(values))}\n`;
    }
    expected = await hex(new TextEncoder().encode(listing));
    assertEquals(await hashWeights(model), expected, variant.name);
    const { tensor } = model.params.get("norm.weight")!, values = await rt.read(tensor);
    values[5] = -values[5];
    rt.write(tensor, values);
    assert(await hashWeights(model) !== expected);
  }
});
