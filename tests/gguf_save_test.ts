/** Checkpoints saved with weights in blocks: the same model, bit for bit, and the blocks of ggml. */
import { loadModel, openCheckpoint } from "../model/checkpoint.ts";
import { memorySink } from "../model/sink.ts";
import { CheckpointError, memorySource, openSource, type Source } from "../model/source.ts";
import { gguf, saveGguf } from "../plugins/gguf/mod.ts";
import { readHeader } from "../plugins/gguf/header.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { F16, ggufFile, piecesMetadata, plain, smallMetadata, smallTensors } from "./gguf_files.ts";
import { finish, root } from "./processes.ts";
import { llama2cFiles, llamaConfig } from "./checkpoint_files.ts";
import { assertClose, assertSameBits, fixtures, golden, hasFixture, uniform } from "./support.ts";

const plugins = [gguf, huggingface, llama2c];
const runtime = await createRuntime({ threads: 1 });

/** What is in a file that `saveGguf` writes, and its notes. */
async function saved(source: Source, weights: "q8_0" | "q4_0") {
  const sink = memorySink(), checkpoint = await openCheckpoint(source, plugins);
  const { notes } = await saveGguf(sink, checkpoint, { weights, file: "m.gguf" });
  assertEquals(sink.contents, {}); // nothing before it is committed
  sink.commit();
  return { bytes: sink.contents["m.gguf"], source: memorySource(sink.contents, "m.gguf"), notes };
}

/** Logits of some tokens. */
async function logits(source: Source, weights: "q8_0" | "q4_0"): Promise<Float32Array<ArrayBuffer>> {
  const { model } = await loadModel(runtime, source, { plugins, weights });
  using _ = model;
  const { vocab, context } = model.config,
    tokens = Array.from({ length: Math.min(12, context) }, (_, i) => 7 * i % vocab);
  return await runtime.read(runtime.keep(() => model.forward(tokens)));
}

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
    assertEquals(notes, ["no tokenizer: it is no BPE by merges"]);
    assertClose(await logits(source, weights), await logits(open(), weights), 1e-5, weights);
  }
});

Deno.test("other families are refused by what they have, and nothing is written", async () => {
  const folder = await Deno.makeTempDir();
  for (const [name, differs] of [["gemma2", /norm.offset/], ["gpt2", /norm, /], ["bloom", /position, /]] as const) {
    using source = openSource(new URL(name, golden).pathname);
    const checkpoint = await openCheckpoint(source, plugins);
    const { message } = await assertRejects(
      () => saveGguf(`${folder}/new/m.gguf`, checkpoint, { weights: "q8_0" }),
      CheckpointError,
    );
    assert(message.startsWith("Cannot save m.gguf: the model is none of llama, qwen2, qwen3 ("), message);
    assert(differs.test(message), message);
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
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
  const tokenizer = async (from: Source) => (await (await openCheckpoint(from, plugins)).tokenizer())!;
  assertEquals((await tokenizer(source)).encode("ab ba"), (await tokenizer(open())).encode("ab ba"));
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
    [bytesJson({ decoder: { type: "ByteFallback" } }), "no tokenizer: it is no byte-level BPE by merges"],
  ] as const;
  for (const [json, note] of refused) {
    const { source, notes } = await saved(with_(json), "q8_0");
    assertEquals(notes, [note]);
    assertEquals(await (await openCheckpoint(source, plugins)).tokenizer(), undefined);
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
    [["--model", file, "--save", out], "--save is given without --weights, expected q8_0 or q4_0"],
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
