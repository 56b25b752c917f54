/** Checkpoints saved with weights in blocks: the same model, bit for bit, and the blocks of ggml. */
import { loadModel, openCheckpoint } from "../model/checkpoint.ts";
import type { ModelConfig } from "../model/config.ts";
import { describeModel } from "../model/decoder.ts";
import type { Checkpoint, StoredTensor } from "../model/format.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { tokenizerOf as tokenizerOfJson } from "../model/tokenizer_of.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import { memorySink } from "../model/sink.ts";
import { CheckpointError, memorySource, openSource, type Source } from "../model/source.ts";
import { gguf, type SavedType, saveGguf } from "../plugins/gguf/mod.ts";
import { readHeader } from "../plugins/gguf/header.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { F16, ggufFile, piecesMetadata, plain, smallMetadata, smallTensors } from "./gguf_files.ts";
import { ggufFamilies } from "./gguf_families.ts";
import { familyCases as smallModels, familyFolder } from "./gguf_models.ts";
import { llama2cTokenizerBin, llamaTokenizerJson, readVocabulary } from "./gguf_vocabulary.ts";
import { finish, root } from "./processes.ts";
import { llama2cFiles, llamaConfig } from "./checkpoint_files.ts";
import { assertClose, assertSameBits, fixtures, golden, hasFixture, readJson, uniform } from "./support.ts";

const plugins = [gguf, huggingface, llama2c];
const runtime = await createRuntime({ threads: 1 });

/** What is in a file that `saveGguf` writes, and its notes. */
async function saved(from: Source | Checkpoint, weights: SavedType) {
  const sink = memorySink(), checkpoint = "tensors" in from ? from : await openCheckpoint(from, plugins);
  const { notes } = await saveGguf(sink, checkpoint, { weights, file: "m.gguf" });
  assertEquals(sink.contents, {}); // nothing before it is committed
  sink.commit();
  return { bytes: sink.contents["m.gguf"], source: memorySource(sink.contents, "m.gguf"), notes };
}

/** Logits of some tokens. */
async function logits(source: Source, weights: SavedType): Promise<Float32Array<ArrayBuffer>> {
  const { model } = await loadModel(runtime, source, { plugins, weights });
  using _ = model;
  const { vocab, context } = model.config,
    tokens = Array.from({ length: Math.min(12, context) }, (_, i) => 7 * i % vocab);
  return await runtime.read(runtime.keep(() => model.forward(tokens)));
}

/** The tokenizer of a checkpoint. */
const tokenizerOf = async (source: Source) => (await (await openCheckpoint(source, plugins)).tokenizer())!;

/** Saves a checkpoint in both types and compares what is loaded again with what is quantised in memory. */
async function expectRoundTrip(open: () => Source): Promise<void> {
  for (const weights of ["q8_0", "q4_0"] as const) {
    const { source, bytes } = await saved(open(), weights), expected = await logits(open(), weights);
    assertSameBits(await logits(source, weights), expected, `logits in ${weights}`);
    assertEquals((await saved(source, weights)).bytes, bytes); // what is in blocks stays as it is
  }
}

const encoder = new TextEncoder();

/** A folder of a model whose rows are whole blocks, with other fields and tensors where they are given. */
function folder(
  fields: Record<string, unknown> = {},
  more: Readonly<Record<string, readonly number[]>> = {},
  files: Record<string, unknown> = {},
): Source {
  const config = { ...llamaConfig, hidden_size: 64, intermediate_size: 96, vocab_size: 40, ...fields };
  const shapes: Record<string, readonly number[]> = {
    "model.embed_tokens.weight": [40, 64],
    "model.layers.0.input_layernorm.weight": [64],
    "model.layers.0.self_attn.q_proj.weight": [64, 64],
    "model.layers.0.self_attn.k_proj.weight": [32, 64],
    "model.layers.0.self_attn.v_proj.weight": [32, 64],
    "model.layers.0.self_attn.o_proj.weight": [64, 64],
    "model.layers.0.post_attention_layernorm.weight": [64],
    "model.layers.0.mlp.gate_proj.weight": [96, 64],
    "model.layers.0.mlp.up_proj.weight": [96, 64],
    "model.layers.0.mlp.down_proj.weight": [64, 96],
    "model.norm.weight": [64],
    ...more,
  };
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at += 4 * size(shape)] };
  }
  const text = encoder.encode(JSON.stringify(header)), file = new Uint8Array(8 + text.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(new Uint8Array(uniform(at / 4, 3).map((v) => v / 4).buffer), 8 + text.length);
  const json = Object.entries({ "config.json": config, ...files });
  return memorySource({
    ...Object.fromEntries(json.map(([name, value]) => [name, encoder.encode(JSON.stringify(value))])),
    "model.safetensors": file,
  });
}

const biases = Object.fromEntries(
  ["q", "k", "v"].map((part) => [`model.layers.0.self_attn.${part}_proj.bias`, [part === "q" ? 64 : 32]]),
);
const norms = Object.fromEntries(["q", "k"].map((part) => [`model.layers.0.self_attn.${part}_norm.weight`, [32]]));
const llama3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8,
};

const folders: Readonly<Record<string, readonly [architecture: string, open: () => Source]>> = {
  "Llama": ["llama", () => folder()],
  "an untied Llama": ["llama", () => folder({ tie_word_embeddings: false }, { "lm_head.weight": [40, 64] })],
  "Llama 3": ["llama", () => folder({ rope_theta: 500000, rope_scaling: llama3 })],
  "a Llama with linear positions": ["llama", () => folder({ rope_scaling: { type: "linear", factor: 4 } })],
  "Mistral with a window": ["llama", () => folder({ model_type: "mistral", sliding_window: 5 })],
  "Qwen 2": ["qwen2", () => folder({ model_type: "qwen2" }, biases)],
  "Qwen 3": ["qwen3", () => folder({ model_type: "qwen3", head_dim: 32 }, norms)],
};

for (const [name, [architecture, open]] of Object.entries(folders)) {
  Deno.test(`a folder with ${name} is the same model after a round trip, bit for bit`, async () => {
    await expectRoundTrip(open);
    const { source } = await saved(open(), "q8_0"), { metadata, tensors } = await readHeader(source, "m.gguf");
    assertEquals(metadata.get("general.architecture"), architecture);
    assertEquals([metadata.get("general.file_type"), metadata.get("general.quantization_version")], [7, 2]);
    for (const { shape, stored } of tensors.values()) {
      assertEquals(typeof stored === "string" ? stored : stored.type, shape.length === 2 ? "Q8_0" : "f32");
    }
  });
}

Deno.test("golden folders, some with rows that are no whole blocks, keep their logits, too", async () => {
  for (const name of ["llama_gqa", "qwen2", "qwen3", "mistral_swa", "llama3_rope"]) {
    await expectRoundTrip(() => openSource(new URL(name, golden).pathname));
  }
});

Deno.test("a llama2.c file, whose channels lie as in GGUF, is the same model but for the order of sums", async () => {
  const files = llama2cFiles([64, 96, 2, 4, 2, 14, 16]), open = () => memorySource(files, "model.bin");
  for (const weights of ["q8_0", "q4_0"] as const) {
    const { source, notes } = await saved(open(), weights);
    assertEquals(notes, ["no tokenizer: it has no <0x0B>, which llama.cpp needs"]);
    assertClose(await logits(source, weights), await logits(open(), weights), 1e-5, weights);
  }
});

Deno.test("other families are refused by what they have, and nothing is written", async () => {
  const folder = await Deno.makeTempDir();
  const refused = [
    ["gemma2", "gemma2, the nearest, differs in attention.scale"], // llama.cpp has no field for it
    ["gptj", "phi2, the nearest, differs in position.layout"],
    ["opt", "gpt2, the nearest, differs in feedForward"],
  ] as const;
  for (const [name, differs] of refused) {
    using source = openSource(new URL(name, golden).pathname);
    const checkpoint = await openCheckpoint(source, plugins);
    const { message } = await assertRejects(
      () => saveGguf(`${folder}/new/m.gguf`, checkpoint, { weights: "q8_0" }),
      CheckpointError,
    );
    assert(message.startsWith("Cannot save m.gguf: the model is none of llama, qwen2, qwen3, gemma, "), message);
    assert(message.includes(`(${differs})`), message);
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

/** What becomes of the small models of transformers: an architecture, or what no architecture says. */
const outcomes: Readonly<Record<string, string>> = {
  "llama, linear": "llama",
  "llama, dynamic": "llama differs in position.scaling",
  "llama, yarn": "llama differs in position.scaling.truncate",
  "llama, longrope, short": "llama",
  "llama, longrope, long": "llama",
  "mistral": "llama",
  "mixtral": "llama",
  "qwen2, windows": "qwen2 differs in attention.window",
  "qwen3, biases and windows": "qwen3 differs in attention.window",
  "gemma2, no caps": "gemma3 differs in attention.scale, queryKey",
  "gemma3_text": "gemma3 differs in attention.scale",
  "phi": "phi2 differs in queryKey",
  "phi3": "llama",
  "phi3, longrope": "phi3",
  "gpt_neo": "gpt2 differs in attention.bias, attention.scale",
  "gpt_neox, one after the other": "starcoder2 differs in feedForward.approximate",
  "gpt_bigcode": "starcoder",
  "gpt_bigcode, all heads": "gpt2 differs in attention.scale",
  "bloom, heads that are no power of two": "bloom",
  "mpt": "mpt differs in attention.scale",
  "mpt, heads that are no power of two": "mpt",
  "falcon, all heads": "stablelm differs in feedForward",
  "falcon, groups": "falcon",
  "falcon, groups and one norm": "falcon",
  "falcon, ALiBi": "gptneox differs in position",
  "opt, norms after sublayers": "gpt2 differs in stem.width, feedForward, block",
  "opt, bare": "olmo differs in position, feedForward",
  "stablelm": "stablelm",
  "stablelm, norms of heads": "stablelm",
  "starcoder2, no biases": "stablelm differs in feedForward",
  "olmo": "olmo differs in attention.bias",
  "olmo2": "olmo2",
  "smollm3": "smollm3",
  "smollm3, windows": "llama differs in position, attention.window",
  "cohere": "command-r",
  "cohere, norms of heads": "command-r differs in attention.bias, queryKey",
  "granite": "granite",
  "nemotron": "nemotron",
  "gemma, as hidden_act says": "gemma differs in feedForward.approximate",
  "smollm3, windows by layer_types": "llama differs in position, attention.window",
  "gpt2, scores by layers": "gpt2 differs in attention.scale",
  "bloom, from norms": "bloom differs in block.fromNorm",
  "qwen2, heads that are no part of the width": "qwen2",
  "llama, a share of channels that nobody looks at": "llama",
  "gptj, one head turned whole": "phi2 differs in position.layout",
  "gpt_neox, no channel turned": "gptneox differs in position",
  "mpt, flags that nobody looks at": "mpt",
};

for (const small of smallModels) {
  const expected = outcomes[small.name], [, nearest, fields] = /^(\S+) differs in (.*)$/.exec(expected) ?? [];
  Deno.test(`${small.name}, a folder: ${nearest ? "refused by what it has" : `PyTorch's numbers as ${expected}`}`, async () => {
    if (nearest) {
      const { message } = await assertRejects(() => saved(familyFolder(small), "f32"), CheckpointError);
      return assert(message.includes(`(${nearest}, the nearest, differs in ${fields})`), message);
    }
    const { source } = await saved(familyFolder(small), "f32"), { metadata } = await readHeader(source, "m.gguf");
    assertEquals([metadata.get("general.architecture"), metadata.get("general.file_type")], [expected, 0]);
    const { model } = await loadModel(runtime, source, { plugins });
    using _ = model;
    assertClose(await runtime.read(runtime.keep(() => model.forward(small.ids))), small.logits, 1e-5, "logits");
  });
}

Deno.test("golden folders of other families keep their logits, too; Gemma's gains are rounded with 1 added", async () => {
  for (const name of ["gpt2", "gpt_neox", "bloom", "falcon_mqa", "starcoder2"]) {
    await expectRoundTrip(() => openSource(new URL(name, golden).pathname));
  }
  const open = () => openSource(new URL("gemma", golden).pathname), { source } = await saved(open(), "f32");
  const [own, theirs] = [await logits(source, "f32"), await logits(open(), "f32")];
  assertClose(own, theirs, 1e-5, "gemma");
  const [before, after] = await Promise.all([open(), source].map(async (from) => {
    const { tensors } = await openCheckpoint(from, plugins), bytes = new Uint8Array(4 * 48);
    await tensors.get("blocks.0.norm1.weight")!.read(0, bytes);
    return new Float32Array(bytes.buffer);
  }));
  assertSameBits(after, before.map((gain) => Math.fround(gain + 1) - 1), "gains");
});

const { cases: families, bytes: ownBytes, pieces, vocabulary } = await ggufFamilies();

/** A checkpoint with random weights. */
function randomCheckpoint(config: ModelConfig, tokenizer: Tokenizer): Checkpoint {
  const tensors = describeModel(config).params.map(({ path, shape }, seed): [string, StoredTensor] => {
    const bytes = new Uint8Array(uniform(size(shape), seed).map((v) => v / 3).buffer);
    const read: StoredTensor["read"] = (at, into) => Promise.resolve(into.set(bytes.subarray(at, at + into.length)));
    return [path, { where: path, shape, dtype: "f32", read }];
  });
  return { format: "", config, notes: [], tensors: new Map(tensors), tokenizer: () => Promise.resolve(tokenizer) };
}

for (const { name, config, tokenizer, architecture } of families) {
  Deno.test(`${name}, whose config says no more than it must: ${architecture}, in blocks as from f32`, async () => {
    const checkpoint = randomCheckpoint(config, tokenizer), plain = await saved(checkpoint, "f32");
    const { metadata } = await readHeader(plain.source, "m.gguf");
    assertEquals(metadata.get("general.architecture"), architecture);
    assertEquals(plain.notes.filter((note) => !/windows|ends a text/.test(note)), []);
    for (const weights of ["q8_0", "q4_0"] as const) {
      const { source } = await saved(checkpoint, weights);
      assertSameBits(await logits(source, weights), await logits(plain.source, weights), weights);
    }
    assertEquals((await tokenizerOf(plain.source)).encode("Once upon é"), tokenizer.encode("Once upon é"));
  });
}

/** Tensors that hold several parameters, or go by names of their own, as llama.cpp's files have them. */
const stored: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  "phi3, part of the channels": { attn_qkv: [192, 64], ffn_up: [384, 64], ffn_down: [64, 192] },
  "gpt2": { attn_qkv: [192, 64], "attn_qkv.bias": [192] },
  "starcoder": { attn_qkv: [96, 64] },
  "falcon, one key head": { attn_norm: [64], attn_qkv: [96, 64] },
  "falcon, a norm each": { attn_norm: [64], attn_norm_2: [64] },
  "mixtral": { ffn_gate_inp: [4, 64], ffn_gate_exps: [4, 96, 64], ffn_down_exps: [4, 64, 96] },
  "stablelm, parallel": { attn_q_norm: [4, 16], attn_k_norm: [2, 16], attn_q: [64, 64] },
  "gemma2": { post_attention_norm: [64], ffn_norm: [64], post_ffw_norm: [64] },
  "olmo2": { post_attention_norm: [64], post_ffw_norm: [64], attn_q_norm: [64] },
};

Deno.test("tensors of a layer have llama.cpp's names and shapes", async () => {
  for (const [name, expected] of Object.entries(stored)) {
    const { config, tokenizer } = families.find((one) => one.name === name)!;
    const { source } = await saved(randomCheckpoint(config, tokenizer), "f32");
    const { tensors } = await readHeader(source, "m.gguf");
    for (const [part, shape] of Object.entries(expected)) {
      const full = `blk.0.${part}${part.includes(".") ? "" : ".weight"}`;
      assertEquals(tensors.get(full)?.shape, shape, `${name}: ${full}`);
    }
  }
});

Deno.test("what readers take but llama.cpp does not is refused: biases, heads, rotations, caps", async () => {
  const base = (name: string) => families.find((one) => one.name === name)!;
  const refused: readonly (readonly [name: string, changes: Partial<ModelConfig>, message: string])[] = [
    ["gemma", { tied: false }, "(gemma, the nearest, differs in tied)"],
    ["phi2", { tied: true }, "(phi2, the nearest, differs in tied)"],
    ["olmo2", { position: { type: "rope", dims: 8 } }, "(olmo2, the nearest, differs in position.dims)"],
    ["olmo2", { attention: { type: "multiHead", bias: "all" } }, "(olmo2, the nearest, differs in attention.bias)"],
    ["gemma2", { head: { type: "linear" } }, "(gemma2, the nearest, differs in head.softcap)"],
    [
      "mixtral",
      { feedForward: { type: "experts", kind: "geglu" } },
      "(llama, the nearest, differs in feedForward.kind)",
    ],
  ];
  for (const [name, changes, expected] of refused) {
    const { config, tokenizer } = base(name);
    const { message } = await assertRejects(
      () => saved(randomCheckpoint({ ...config, ...changes }, tokenizer), "f32"),
      CheckpointError,
    );
    assert(message.includes(expected), message);
  }
});

/** A folder whose tokenizer this is. */
const withTokenizer = (json: unknown, vocab: number) =>
  folder({ eos_token_id: 2, vocab_size: vocab }, { "model.embed_tokens.weight": [vocab, 64] }, {
    "tokenizer.json": json,
  });

const texts = ["", " ", "Once upon a time", "  two  spaces ", "né 東京 🦊\n\ttab", "<s>a</s> b", "don't"];

Deno.test("SentencePiece's vocabularies go along: scores from merges, bytes, marks, spaces", async () => {
  const base = pieces.json as unknown as Record<string, unknown>,
    replace = {
      type: "Replace",
      pattern: { String: " " },
      content: "▁",
    };
  const split = { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false };
  const decoder = {
    type: "Sequence",
    decoders: [{ ...replace, pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }],
  };
  const metaspace = (scheme: string) => ({ type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: false });
  const cases = [
    [base, true, []],
    [{ ...base, normalizer: replace, pre_tokenizer: split, decoder }, false, []],
    [{ ...base, normalizer: null, pre_tokenizer: metaspace("never"), decoder }, false, []],
    [{ ...base, normalizer: null, pre_tokenizer: metaspace("first") }, true, [
      "tokenizer: a space goes before every text, and after every special token, as llama.cpp has it",
    ]],
  ] as const;
  for (const [json, prefix, expected] of cases) {
    const open = () => withTokenizer(json, pieces.vocab), { source, notes } = await saved(open(), "q8_0");
    assertEquals(notes, expected);
    const { metadata } = await readHeader(source, "m.gguf"),
      field = (name: string) => metadata.get(`tokenizer.ggml.${name}`);
    assertEquals([field("model"), field("add_space_prefix"), field("add_bos_token")], ["llama", prefix, true]);
    assertEquals([field("bos_token_id"), field("eos_token_id"), field("unknown_token_id")], [1, 2, 0]);
    const [own, theirs] = [await tokenizerOf(source), await tokenizerOf(open())];
    for (const text of texts.filter((text) => !expected.length || !/^ |</.test(text))) {
      assertEquals(own.encode(text), theirs.encode(text), text);
      assertEquals(own.decode(own.encode(text)), theirs.decode(theirs.encode(text)), text);
    }
    assertEquals(own.stopIds, [2]);
  }
});

Deno.test("the tokenizer of llama2.c goes along: its marks by their names, spaces by theirs", async () => {
  const { length: vocab } = vocabulary.tokens, files = llama2cFiles([64, 96, 1, 4, 2, vocab, 16]);
  const open = () =>
    memorySource({ "model.bin": files["model.bin"], "tokenizer.bin": llama2cTokenizerBin(vocabulary) }, "model.bin");
  const { source, notes } = await saved(open(), "q8_0"), { metadata } = await readHeader(source, "m.gguf");
  assertEquals([notes, metadata.get("tokenizer.ggml.add_bos_token")], [[], true]);
  const [own, theirs] = [await tokenizerOf(source), await tokenizerOf(open())];
  for (const text of texts.filter((text) => !text.includes("<s>"))) { // which is no mark in llama2.c
    assertEquals(own.encode(text), theirs.encode(text), text);
    assertEquals(own.decode(own.encode(text)), theirs.decode(theirs.encode(text)), text);
  }
  assertEquals([own.encodeAlone!("</s>"), own.stopIds], [[2], [2, 1]]); // the end first
});

Deno.test("pieces that scores or GGUF cannot say are left out, with a note", async () => {
  const base = pieces.json as unknown as Record<string, unknown> & {
    model: { vocab: Record<string, number>; merges: string[] };
  };
  const { model } = base, [first] = model.merges, whole = first.replace(" ", "");
  const cases = [
    [{ ...base, normalizer: { type: "NFKC" } }, "its normalizer has no place in GGUF"],
    [{ ...base, pre_tokenizer: { type: "Whitespace" } }, "llama.cpp has no name for how it cuts words"],
    [{ ...base, normalizer: null, pre_tokenizer: null }, "it leaves spaces as they are, where llama.cpp has ▁"],
    [{ ...base, model: { ...model, ignore_merges: true } }, "its model has options that scores cannot say"],
    [
      { ...base, model: { ...model, merges: model.merges.filter((merge) => merge.replace(" ", "") !== whole) } },
      "scores cannot say its merges: ",
    ],
    [
      {
        ...base,
        model: {
          ...model,
          vocab: Object.fromEntries(
            Object.entries(model.vocab).map(([text, id]) => [text === "<0x0A>" ? "newline" : text, id]),
          ),
        },
      },
      "it has no <0x0A>, which llama.cpp needs",
    ],
  ] as const;
  for (const [json, note] of cases) {
    const { notes } = await saved(withTokenizer(json, pieces.vocab), "q8_0");
    assert(notes.length === 1 && notes[0].startsWith(`no tokenizer: ${note}`), String(notes));
  }
});

Deno.test({
  name: "Llama's tokenizer.json, saved: SentencePiece's ids",
  ignore: !hasFixture("tokenizers/ggml/ggml-vocab-llama-spm.gguf"),
  async fn() {
    const vocabulary = readVocabulary(new URL("tokenizers/ggml/ggml-vocab-llama-spm.gguf", fixtures));
    const { source, notes } = await saved(withTokenizer(llamaTokenizerJson(vocabulary), 32000), "q4_0");
    assertEquals(notes, []);
    const tokenizer = await tokenizerOf(source);
    const { cases } = readJson<{ cases: { text: string; ids: number[] }[] }>(
      new URL("golden/tok/llama2_spm.json", fixtures),
    );
    for (const { text, ids } of cases) assertEquals(tokenizer.encodeAlone!(text), ids, text);
  },
});

Deno.test("tokenizers that Tenon trains go along: bytes, byte-level BPE, characters of ASCII, but no others", async () => {
  const config: ModelConfig = { vocab: 512, context: 8, dim: 64, depth: 1, heads: 4 };
  const made = async (type: "characters" | "bytes", text: string) => tokenizerOfJson(await trainTokenizer(type, text));
  const saving = (tokenizer: Tokenizer) => saved(randomCheckpoint(config, tokenizer), "q8_0");
  for (const tokenizer of [await made("bytes", ""), ownBytes]) {
    const { source, notes } = await saving(tokenizer);
    assertEquals(notes, []);
    for (const text of texts) assertEquals((await tokenizerOf(source)).encode(text), tokenizer.encode(text), text);
  }
  const ascii = await made("characters", "hello\nyou <|endoftext|>"), { source, notes } = await saving(ascii);
  const own = await tokenizerOf(source);
  for (const text of ["hello you\nhey", "ell<|endoftext|> oh"]) {
    assertEquals([notes, own.encode(text)], [[], ascii.encode(text)]);
    assertEquals(own.decode(own.encode(text)), ascii.decode(ascii.encode(text)));
  }
  assertEquals((await saving(await made("characters", "hello"))).notes, [
    "tokenizer: no token ends a text, and llama.cpp will take 11 for one that does",
  ]);
  assertEquals((await saving(await made("characters", "né"))).notes, ["no tokenizer: it is no BPE of bytes"]);
});

Deno.test("a GGUF file keeps its metadata, alignment, tokenizer, and blocks that are of the type already", async () => {
  const metadata = {
    "general.name": "small",
    ...smallMetadata,
    "general.file_type": 1,
    "general.alignment": 64,
    ...piecesMetadata(["a", "b"]),
    "custom.list": [1, 2, 3],
  };
  const tensors = { ...smallTensors(261), "output_norm.weight": plain([32], uniform(32, 4)) };
  const half = new Uint8Array(new Float16Array(uniform(32 * 64, 9)).buffer);
  const file = ggufFile(metadata, {
    ...tensors,
    "blk.0.ffn_down.weight": { shape: [32, 64], type: F16, bytes: half },
  }, { align: 64 });
  const open = () => memorySource({ "m.gguf": file }, "m.gguf");
  await expectRoundTrip(open);
  const { source, bytes } = await saved(open(), "q8_0"), before = await readHeader(open(), "m.gguf");
  const after = await readHeader(source, "m.gguf");
  const keys = (header: typeof before) => [...header.metadata.keys()].filter((key) => !/file_type|quantiz/.test(key));
  assertEquals(keys(after), keys(before));
  for (const key of keys(before)) {
    const [[a, b], [c, d]] = [before.entries.get(key)!, after.entries.get(key)!];
    assertEquals(bytes.subarray(c, d), file.subarray(a, b), key);
  }
  assertEquals(after.metadata.get("general.file_type"), 7);
  for (const [name, { begin, bytes: length, shape }] of before.tensors) {
    const to = after.tensors.get(name)!;
    assertEquals([to.begin % 64, to.shape], [0, shape]);
    if (name === "blk.0.ffn_down.weight") assert(typeof to.stored !== "string" && to.bytes === 32 * 64 / 32 * 34);
    else assertEquals(bytes.subarray(to.begin, to.begin + to.bytes), file.subarray(begin, begin + length), name);
  }
  assertEquals((await tokenizerOf(source)).encode("ab ba"), (await tokenizerOf(open())).encode("ab ba"));
});

for (const type of ["q8_0", "q4_0"] as const) {
  Deno.test({
    name: `llama.cpp's own ${type} file of a model comes from its f32 file, block for block`,
    ignore: !hasFixture(`golden/formats/llama_gqa.${type}.gguf`),
    async fn() {
      const path = (of: string) => new URL(`golden/formats/llama_gqa.${of}.gguf`, fixtures).pathname;
      using f32 = openSource(path("f32"));
      const theirs = Deno.readFileSync(path(type)), open = () => memorySource({ "m.gguf": theirs }, "m.gguf");
      const expected = await readHeader(open(), "m.gguf");
      const folder = () => openSource(new URL("llama_gqa", golden).pathname);
      for (const from of [f32, folder()]) {
        const { source, bytes } = await saved(from, type), { tensors } = await readHeader(source, "m.gguf");
        let same = 0;
        for (const [name, { stored, begin, bytes: length }] of expected.tensors) {
          const own = tensors.get(name)!;
          if (typeof stored === "string" || typeof own.stored === "string") continue;
          assertEquals(own.stored.type, stored.type);
          assertEquals(bytes.subarray(own.begin, own.begin + own.bytes), theirs.subarray(begin, begin + length), name);
          same++;
        }
        assert(same >= 3 * 5, `${same} tensors in blocks`);
      }
    },
  });
}

/** A byte-level tokenizer. */
const bytesJson = (fields: Record<string, unknown> = {}) => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [{
    id: 5,
    content: "<|endoftext|>",
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: { a: 0, b: 1, "Ġ": 2, ab: 3, "Ġab": 4 },
    merges: ["a b", "Ġ ab"],
  },
  ...fields,
});

Deno.test("a byte-level tokenizer and chat templates go along; what GGUF cannot say is left out with a note", async () => {
  const with_ = (json: unknown) =>
    folder({ eos_token_id: 5 }, {}, {
      "tokenizer.json": json,
      "tokenizer_config.json": { chat_template: "{{ messages[0].content }}", eos_token: "<|endoftext|>" },
    });
  const { source, notes } = await saved(with_(bytesJson()), "q8_0"), checkpoint = await openCheckpoint(source, plugins);
  assertEquals(notes, []);
  const own = (await checkpoint.tokenizer())!,
    theirs = (await (await openCheckpoint(with_(bytesJson()), plugins)).tokenizer())!;
  for (const text of ["ab ab", "ba<|endoftext|>a", ""]) {
    assertEquals(own.encode(text), theirs.encode(text));
    assertEquals(own.decode(own.encode(text)), theirs.decode(theirs.encode(text)));
  }
  assertEquals(own.stopIds, [5]);
  assertEquals((await checkpoint.chat!())!.templates, { default: "{{ messages[0].content }}" });

  const refused = [
    [bytesJson({ pre_tokenizer: { type: "Whitespace" } }), "no tokenizer: llama.cpp has no name for how it cuts words"],
    [bytesJson({ normalizer: { type: "Lowercase" } }), "no tokenizer: its normalizer has no place in GGUF"],
    [bytesJson({ decoder: { type: "ByteFallback" } }), "no tokenizer: it is no BPE of bytes"],
  ] as const;
  for (const [json, note] of refused) {
    const { source, notes } = await saved(with_(json), "q8_0");
    assertEquals(notes, [note]);
    assertEquals(await (await openCheckpoint(source, plugins)).tokenizer(), undefined);
    // llama.cpp opens no file without this key.
    assertEquals((await readHeader(source, "m.gguf")).metadata.get("tokenizer.ggml.model"), "no_vocab");
  }
  assertEquals((await saved(folder(), "q8_0")).notes, ["no tokenizer: the checkpoint has none"]);
});

Deno.test("words of Llama 3 and Qwen 2, and ids around a text, go along", async () => {
  const pattern = (digits: string) =>
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + digits +
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  const cases = [["llama-bpe", "\\p{N}{1,3}", true], ["qwen2", "\\p{N}", false]] as const;
  for (const [name, digits, begins] of cases) {
    const base = bytesJson(),
      template = {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: "<|endoftext|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
        pair: [],
        special_tokens: { "<|endoftext|>": { id: "<|endoftext|>", ids: [5], tokens: ["<|endoftext|>"] } },
      };
    const json = {
      ...base,
      normalizer: begins ? null : { type: "NFC" },
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          { type: "Split", pattern: { Regex: pattern(digits) }, behavior: "Isolated", invert: false },
          { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: begins ? template : null,
      model: { ...base.model, ignore_merges: begins },
    };
    const open = () => folder({ eos_token_id: [5, 1] }, {}, { "tokenizer.json": json });
    const { source, notes } = await saved(open(), "q4_0"), { metadata } = await readHeader(source, "m.gguf");
    assertEquals(metadata.get("tokenizer.ggml.pre"), name);
    assertEquals(notes.length, begins ? 0 : 1);
    const own = (await (await openCheckpoint(source, plugins)).tokenizer())!;
    const theirs = (await (await openCheckpoint(open(), plugins)).tokenizer())!;
    assertEquals([own.encode("ab ab"), own.stopIds], [theirs.encode("ab ab"), theirs.stopIds]);
    assertEquals(own.encode("ab")[0], begins ? 5 : 3);
  }
});

Deno.test({
  name: "stories260K.gguf is the same model after a round trip, bit for bit",
  ignore: !hasFixture("real/stories260K/stories260K.gguf"),
  async fn() {
    await expectRoundTrip(() => openSource(new URL("real/stories260K/stories260K.gguf", fixtures).pathname));
  },
});

Deno.test("generate.ts --save writes a file that it then runs, and refuses what does not go with it", async () => {
  const temporary = await Deno.makeTempDir(), file = `${temporary}/model.gguf`, out = `${temporary}/new/small.gguf`;
  Deno.writeFileSync(file, ggufFile({ ...smallMetadata, ...piecesMetadata(["a", "b"]) }, smallTensors(261)));
  const generate = (...flags: string[]) =>
    finish(
      new Deno.Command(Deno.execPath(), {
        args: ["run", `--allow-read`, `--allow-write=${temporary}`, "generate.ts", ...flags],
        cwd: root,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
  const run = ["--prompt", "ab", "--temperature", "0", "--max-tokens", "6", "--threads", "1", "--weights", "q4_0"];
  const made = await generate("--model", file, "--weights", "q4_0", "--save", out);
  assertEquals([made.code, made.out, made.err], [0, "", `saved ${out}, weights q4_0\n`]);
  assertEquals([...Deno.readDirSync(`${temporary}/new`)].map(({ name }) => name), ["small.gguf"]);
  const [before, after] = await Promise.all([file, out].map((path) => generate("--model", path, ...run)));
  assertEquals([after.code, after.out], [0, before.out]);
  const wrong = [
    [
      ["--model", file, "--weights", "f16", "--save", out],
      "--save is given with --weights f16, expected f32, q8_0 or q4_0",
    ],
    [["--weights", "q8_0", "--save", out], "--save is given without --model, expected both or neither"],
    [
      ["--model", file, "--weights", "q8_0", "--save", out, "--prompt", "a"],
      "--save and --prompt are both given, expected one of them",
    ],
  ] as const;
  for (const [flags, message] of wrong) {
    const { code, err } = await generate(...flags);
    assertEquals([code, err.split("\n")[0]], [2, `generate.ts: ${message}`]);
  }
  const { code, err } = await generate("--model", file, "--weights", "q8_0", "--save", `${temporary}/small.bin`);
  assertEquals([code, err], [1, `generate.ts: Cannot save ${temporary}/small.bin, expected a name in .gguf\n`]);
  await Deno.remove(temporary, { recursive: true });
});
