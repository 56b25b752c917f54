import { families } from "../plugins/huggingface/families.ts";
import { loadModel } from "../model/checkpoint.ts";
import { CheckpointError, memorySource, openSource, type Source } from "../model/source.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { type Files, llama2cFiles, llamaFolder, llamaShapes, safetensors, shardedFolder } from "./checkpoint_files.ts";
import { fixtures, golden, hasFixture, readJson } from "./support.ts";

const runtime = await createRuntime({ threads: 1 }), plugins = [llama2c, huggingface];
const load = (files: Files, file?: string, options = {}) =>
  loadModel(runtime, memorySource(files, file), { plugins, ...options });

async function logitsOf(files: Files, file?: string): Promise<number[]> {
  using model = (await load(files, file)).model;
  return [...await runtime.scope(() => runtime.read(model.forward([1, 2, 3])))];
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

// ---- what loads -----------------------------------------------------------------------------------------------------

Deno.test("a sharded folder gives what the same weights in one file give", async () => {
  for (const name of ["llama_gqa_sharded"].filter((n) => hasFixture(`golden/formats/${n}`))) {
    using sharded = (await loadModel(runtime, new URL(`golden/formats/${name}`, fixtures).pathname, { plugins })).model;
    using single = (await loadModel(runtime, new URL("llama_gqa", golden).pathname, { plugins })).model;
    const [a, b] = await Promise.all(
      [sharded, single].map((m) => runtime.scope(() => runtime.read(m.forward([5, 6, 7])))),
    );
    assertEquals(a, b);
  }
  assertEquals((await logitsOf(shardedFolder())).length, 39);
});

Deno.test("f16 and bf16 weights give the logits of the f32 ones, as near as their digits allow", async () => {
  if (!hasFixture("golden/formats/llama_gqa.f16.safetensors")) return;
  const config = Deno.readFileSync(new URL("llama_gqa/config.json", golden));
  const read = async (file: URL) =>
    await logitsOf({ "config.json": config, "model.safetensors": Deno.readFileSync(file) });
  const exact = await read(new URL("llama_gqa/model.safetensors", golden));
  for (const [dtype, tolerance] of [["f16", 0.02], ["bf16", 0.15]] as const) {
    const actual = await read(new URL(`golden/formats/llama_gqa.${dtype}.safetensors`, fixtures));
    const worst = Math.max(...actual.map((v, i) => Math.abs(v - exact[i])));
    assert(worst > 0 && worst < tolerance, `${dtype}: ${worst}`);
  }
});

Deno.test("GPT-2 loads with and without the prefix of its names", async () => {
  if (!hasFixture("golden/formats/gpt2.original_hub_keys.safetensors")) return;
  const config = Deno.readFileSync(new URL("gpt2/config.json", golden));
  const read = (file: URL) => logitsOf({ "config.json": config, "model.safetensors": Deno.readFileSync(file) });
  const hub = await read(new URL("golden/formats/gpt2.original_hub_keys.safetensors", fixtures));
  assertEquals(await read(new URL("gpt2/model.safetensors", golden)), hub);
});

Deno.test("an untied head, biases and a width of heads of its own load where the config has them", async () => {
  const config = { tie_word_embeddings: false, attention_bias: true, mlp_bias: true, head_dim: 6 };
  const bias = Object.fromEntries(
    [
      ["self_attn.q_proj", 12],
      ["self_attn.k_proj", 6],
      ["self_attn.v_proj", 6],
      ["self_attn.o_proj", 8],
      ["mlp.gate_proj", 12],
      ["mlp.up_proj", 12],
      ["mlp.down_proj", 8],
    ]
      .map(([n, size]) => [`model.layers.0.${n}.bias`, [Number(size)]]),
  );
  const part = "model.layers.0.self_attn.";
  const shapes = {
    ...llamaShapes,
    ...bias,
    "lm_head.weight": [13, 8],
    [`${part}q_proj.weight`]: [12, 8],
    [`${part}k_proj.weight`]: [6, 8],
    [`${part}v_proj.weight`]: [6, 8],
    [`${part}o_proj.weight`]: [8, 12],
  };
  const { model } = await load({ ...llamaFolder(config), "model.safetensors": safetensors(shapes) });
  assertEquals(model.params.size, Object.keys(shapes).length);
  assertEquals(model.config.attention, {
    type: "groupedQuery",
    kvHeads: 1,
    headDim: 6,
    bias: "all",
    window: null,
    scale: null,
  });
  model.close();
});

Deno.test("copies and buffers that a file holds beside a tied model are left out", async () => {
  const shapes = { ...llamaShapes, "lm_head.weight": [13, 8], "model.layers.0.self_attn.rotary_emb.inv_freq": [2] };
  assertEquals((await logitsOf({ ...llamaFolder(), "model.safetensors": safetensors(shapes) })).length, 39);
});

Deno.test("a shorter context cuts tables of positions, and nothing else", async () => {
  const path = new URL("gpt2", golden).pathname;
  using long = (await loadModel(runtime, path, { plugins })).model;
  using short = (await loadModel(runtime, path, { plugins, context: 10 })).model;
  assertEquals([long.config.context, short.config.context], [64, 10]);
  const [a, b] = await Promise.all([long, short].map((m) => runtime.scope(() => runtime.read(m.forward([1, 2, 3])))));
  assertEquals(a, b);
});

Deno.test("fields that the model does not use are named, not dropped", async () => {
  const { model, checkpoint } = await load(llamaFolder({ rope_interleaved: false, use_cache: true, mup_note: 3 }));
  model.close();
  assertEquals(checkpoint.notes, ["config.json: rope_interleaved, mup_note: not used by llama models in Tenon"]);
});

Deno.test("progress goes up to the whole", async () => {
  const seen: number[] = [];
  const { model } = await load(llamaFolder(), undefined, {
    onProgress: (done: number, total: number) => seen.push(done / total),
  });
  model.close();
  assertEquals(seen.length, 11);
  assert(seen.every((v, i) => v > (seen[i - 1] ?? 0)) && seen.at(-1) === 1);
});

// ---- what is refused: one line that says what is wrong, where, and what was expected --------------------------------

async function refusal(files: Files, file?: string): Promise<string> {
  const used = runtime.backend.memory.used;
  const error = await assertRejects(() => load(files, file), Error);
  assert(
    error instanceof CheckpointError || error instanceof RangeError,
    `${error.constructor.name}: ${error.message}`,
  );
  assertEquals(runtime.backend.memory.used, used, "a failed load takes no memory");
  assert(!error.message.includes("\n"));
  return error.message;
}

const weights = (change: Parameters<typeof safetensors>[1], shapes = llamaShapes): Files => ({
  ...llamaFolder(),
  "model.safetensors": safetensors(shapes, change),
});
const norm = "model.norm.weight", embedding = "model.embed_tokens.weight";
const edit = (name: string, fields: object) => (h: Record<string, unknown>) => ({
  ...h,
  [name]: { ...h[name] as object, ...fields },
});
const patched = (file: Uint8Array<ArrayBuffer>, at: number, bytes: readonly number[]) => {
  const copy = file.slice();
  copy.set(bytes, at);
  return copy;
};
const single = () => llamaFolder()["model.safetensors"];

const broken: [what: string, files: () => Files, message: string | RegExp, file?: string][] = [
  [
    "a file of 5 bytes",
    () => ({ ...llamaFolder(), "model.safetensors": new Uint8Array(5) }),
    "Cannot read model.safetensors: it has 5 bytes, expected at least 8",
  ],
  [
    "a header of 2^60 bytes",
    () => ({ ...llamaFolder(), "model.safetensors": patched(single(), 0, [0, 0, 0, 0, 0, 0, 0, 16]) }),
    /its header is 1152921504606846976 bytes long, expected at most \d+$/,
  ],
  [
    "a header that is not JSON",
    () => ({ ...llamaFolder(), "model.safetensors": patched(single(), 8, [0x7b, 0x7b]) }),
    /Cannot read model.safetensors: its header is not JSON/,
  ],
  [
    "a header that is a list",
    () => weights(() => []),
    "Cannot read model.safetensors: its header is not a JSON object",
  ],
  [
    "a truncated file",
    () => ({ ...llamaFolder(), "model.safetensors": single().slice(0, -4) }),
    'Cannot read model.safetensors: tensor "model.norm.weight" has data_offsets [2400,2432], expected two in order within 2428 bytes',
  ],
  [
    "bytes behind the last tensor",
    () => ({ ...llamaFolder(), "model.safetensors": new Uint8Array([...single(), 0]) }),
    "Cannot read model.safetensors: its tensors end at data byte 2432, expected 2433, where the file ends",
  ],
  [
    "offsets that overlap",
    () => weights(edit(norm, { data_offsets: [2368, 2400] })),
    'Cannot read model.safetensors: tensor "model.norm.weight" begins at data byte 2368, expected 2400, where "model.layers.0.mlp.down_proj.weight" ends',
  ],
  [
    "offsets that run backwards",
    () => weights(edit(norm, { data_offsets: [2432, 2400] })),
    /has data_offsets \[2432,2400\], expected two in order within 2432 bytes/,
  ],
  [
    "negative offsets",
    () => weights(edit(norm, { data_offsets: [-32, 0] })),
    /has data_offsets \[-32,0\], expected two in order/,
  ],
  [
    "a dtype that does not exist",
    () => weights(edit(norm, { dtype: "F31" })),
    'Cannot read model.safetensors: tensor "model.norm.weight" has dtype "F31", expected one of BOOL, U8, I8, F8_E4M3, F8_E5M2, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64',
  ],
  [
    "a dtype that is not of weights",
    () => weights(edit(norm, { dtype: "I32" })),
    "Cannot read model.safetensors: model.norm.weight: its dtype is I32, expected F32, F16 or BF16",
  ],
  [
    "a shape that does not fit its bytes",
    () => weights(edit(norm, { shape: [9] })),
    'Cannot read model.safetensors: tensor "model.norm.weight" spans 32 bytes, expected 36 for F32 [9]',
  ],
  [
    "a shape of fractions",
    () => weights(edit(norm, { shape: [1.5] })),
    'Cannot read model.safetensors: tensor "model.norm.weight" has shape [1.5], expected whole numbers',
  ],
  [
    "a missing tensor",
    () => weights((h) => h, Object.fromEntries(Object.entries(llamaShapes).filter(([n]) => n !== norm))),
    "Cannot load memory: it has no tensor for norm.weight [8]",
  ],
  [
    "a tensor of another shape",
    () => weights((h) => h, { ...llamaShapes, [embedding]: [12, 8] }),
    "Cannot load model.safetensors: model.embed_tokens.weight: its shape is [12, 8], expected [13, 8] for embedding.weight",
  ],
  [
    "a tensor that the config does not use",
    () => weights((h) => h, { ...llamaShapes, "model.layers.0.self_attn.q_proj.bias": [8] }),
    "Cannot load model.safetensors: model.layers.0.self_attn.q_proj.bias: the model has no blocks.0.attention.q.bias",
  ],
  [
    "a tensor that the family does not have",
    () => weights((h) => h, { ...llamaShapes, "model.extra": [1] }),
    "Cannot load model.safetensors: model.extra: llama models have no tensor of that name",
  ],
  [
    "a config that is not JSON",
    () => ({ ...llamaFolder(), "config.json": new TextEncoder().encode("{'a': 1}") }),
    /^Cannot read config.json: it is not JSON/,
  ],
  [
    "a config that is a number",
    () => ({ ...llamaFolder(), "config.json": encode(3) }),
    "Cannot read config.json: expected a JSON object, found 3",
  ],
  [
    "no model_type",
    () => llamaFolder({ model_type: undefined }),
    "Cannot read config.json: model_type is undefined, expected " +
    `${Object.keys(families).join(" or ")} or tenon with a tenon section`,
  ],
  [
    "a family that is not known",
    () => llamaFolder({ model_type: "mamba" }),
    'Cannot read config.json: model_type is "mamba", expected ' +
    `${Object.keys(families).join(" or ")} or tenon with a tenon section`,
  ],
  [
    "a size that is a text",
    () => llamaFolder({ hidden_size: "8" }),
    'Cannot read config.json: hidden_size is "8", expected a whole number from 1',
  ],
  [
    "an activation that is not known",
    () => llamaFolder({ hidden_act: "mish" }),
    'Cannot read config.json: hidden_act is "mish", expected "silu" or "swish" or "gelu" or "gelu_new" or ' +
    '"gelu_pytorch_tanh" or "gelu_fast" or "gelu_python" or "gelu_python_tanh" or "gelu_accurate" or "relu"',
  ],
  [
    "a rope scaling that is not known",
    () => llamaFolder({ rope_scaling: { rope_type: "mrope", factor: 4 } }),
    'Cannot read config.json: rope_scaling: rope_type is "mrope", expected "default" or "linear" or "dynamic" or ' +
    '"llama3" or "yarn" or "longrope" or "su"',
  ],
  [
    "a rope scaling with a field too many",
    () => llamaFolder({ rope_scaling: { type: "linear", factor: 4, beta: 1 } }),
    "Cannot read config.json: rope scaling has beta, expected nothing else",
  ],
  [
    "a window that its family has not",
    () => llamaFolder({ sliding_window: 4 }),
    "Cannot read config.json: sliding_window is 4, which llama models in Tenon do not know, expected none",
  ],
  [
    "layers that differ in a way that no family has",
    () => llamaFolder({ per_layer_config: { 1: { num_attention_heads: 4 } } }),
    'Cannot read config.json: per_layer_config is {"1":{"num_attention_heads":4}}, which llama models in Tenon do not ' +
    "know, expected none",
  ],
  [
    "a model that sees what comes",
    () => llamaFolder({ is_causal: false }),
    "Cannot read config.json: is_causal is false, which llama models in Tenon do not know, expected none",
  ],
  [
    "a share of channels under a scaling, where transformers takes none",
    () => llamaFolder({ partial_rotary_factor: 0.5, rope_scaling: { type: "linear", factor: 2 } }),
    "Cannot read config.json: partial_rotary_factor is 0.5, expected none with a scaling",
  ],
  [
    "a field of no family that sounds like more",
    () => llamaFolder({ mup_scale: 3 }),
    "Cannot read config.json: mup_scale is 3, which llama models in Tenon do not know, expected none",
  ],
  [
    "two names of a field that differ",
    () => llamaFolder({ model_type: "bloom", n_embed: 8, hidden_size: 16 }),
    "Cannot read config.json: hidden_size is 16, expected what n_embed is, 8",
  ],
  [
    "a switch that is not supported",
    () => llamaFolder({ model_type: "gemma", use_bidirectional_attention: true }),
    "Cannot read config.json: use_bidirectional_attention is true, expected false: anything else is not supported",
  ],
  [
    "no weights",
    () => ({ "config.json": llamaFolder()["config.json"] }),
    "Cannot open memory: it has no weights, expected model.safetensors or model.safetensors.index.json or " +
    "pytorch_model.bin or pytorch_model.bin.index.json",
  ],
  [
    "an index that names a file outside",
    () => ({
      ...shardedFolder(),
      "model.safetensors.index.json": encode({ weight_map: { [norm]: "../secret.safetensors" } }),
    }),
    'Cannot read model.safetensors.index.json: model.norm.weight is in "../secret.safetensors", which is not in the folder',
  ],
  [
    "an index without a map",
    () => ({ ...shardedFolder(), "model.safetensors.index.json": encode({}) }),
    "Cannot read model.safetensors.index.json: weight_map is undefined, expected an object",
  ],
  [
    "an index that is wrong about a shard",
    () => ({
      ...shardedFolder(),
      "model.safetensors.index.json": encode({ weight_map: { [norm]: "model-00001-of-00002.safetensors" } }),
    }),
    "Cannot read model-00001-of-00002.safetensors: it has no model.norm.weight, which model.safetensors.index.json says it has",
  ],
  [
    "a .bin of 5 bytes",
    () => ({ "model.bin": new Uint8Array(5) }),
    "Cannot read model.bin: it has 5 bytes, expected a header of 28",
    "model.bin",
  ],
  [
    "a .bin with a negative size",
    () => ({ "model.bin": patched(llama2cFiles()["model.bin"], 4, [255, 255, 255, 255]) }),
    "Cannot read model.bin: hidden at byte 4 is -1, expected 1 … 16777216",
    "model.bin",
  ],
  [
    "a .bin with a size of zero",
    () => ({ "model.bin": patched(llama2cFiles()["model.bin"], 20, [0]) }),
    "Cannot read model.bin: vocab at byte 20 is 0, expected 1 … 16777216",
    "model.bin",
  ],
  [
    "a .bin whose heads do not divide",
    () => ({ "model.bin": patched(llama2cFiles()["model.bin"], 12, [3]) }),
    "Cannot read model.bin: 3 heads and 1 kv heads do not divide a dim of 8 into even heads",
    "model.bin",
  ],
  [
    "a .bin that is cut",
    () => ({ "model.bin": llama2cFiles()["model.bin"].slice(0, -4) }),
    /^Cannot read model.bin: it has \d+ bytes, expected \d+ for the sizes in its header$/,
    "model.bin",
  ],
  [
    "a .bin of a newer version",
    () => ({ "model.bin": patched(llama2cFiles()["model.bin"], 0, [0x32, 0x34, 0x6b, 0x61, 2, 0, 0, 0]) }),
    "Cannot read model.bin: it is version 2 of the llama2.c format, expected version 0",
    "model.bin",
  ],
  [
    "a file that is no checkpoint",
    () => ({ "notes.txt": encode("hello") }),
    "Cannot open notes.txt: not a checkpoint that is known, expected one of llama2.c .bin, Hugging Face folder",
    "notes.txt",
  ],
];

for (const [what, files, message, file] of broken) {
  Deno.test(`a checkpoint with ${what} is refused`, async () => {
    const actual = await refusal(files(), file);
    if (typeof message === "string") assertEquals(actual, message);
    else assert(message.test(actual), actual);
  });
}

Deno.test("a model that is too large for memory is refused by what it needs", async () => {
  // A file with sizes of its own, not the bytes: the sizes are read before anything else.
  const header = Int32Array.from([16384, 65536, 100, 128, 128, 32000, 2048]);
  const bytes = 28 + 4 * (32000 * 16384 + 100 * (2 * 16384 + 4 * 16384 ** 2 + 3 * 16384 * 65536) + 16384 + 2048 * 128);
  const huge: Source = {
    ...memorySource({}),
    path: "huge.bin",
    file: "huge.bin",
    files: ["huge.bin"],
    size: () => bytes,
    read: (_file, _offset, into) => into.set(new Uint8Array(header.buffer)),
  };
  await assertRejects(
    () => loadModel(runtime, huge, { plugins }),
    RangeError,
    "Cannot build the model: it needs 1602 GiB",
  );
});

Deno.test("tokenizers that are cut, or too short for the model, are refused", async () => {
  const files = llama2cFiles(), { model, checkpoint } = await load(files, "model.bin");
  model.close();
  assertEquals((await checkpoint.tokenizer())!.encode("ab"), [1, 3, 4, 5]);
  const cut = async (tokenizer: Uint8Array<ArrayBuffer>) => {
    const { model, checkpoint } = await load({ ...files, "tokenizer.bin": tokenizer }, "model.bin");
    model.close();
    return (await assertRejects(() => checkpoint.tokenizer(), CheckpointError)).message;
  };
  assertEquals(
    await cut(files["tokenizer.bin"].slice(0, 20)),
    "Cannot read tokenizer.bin: it ends at byte 17 before piece 1, expected 13 pieces",
  );
  assert(
    (await cut(patched(files["tokenizer.bin"], 8, [255, 255, 255, 127]))).includes(
      "piece 0 at byte 4 is 2147483647 bytes long",
    ),
  );
  assert((await cut(new Uint8Array([...files["tokenizer.bin"], 1]))).includes("1 bytes follow the 13 pieces"));
});

Deno.test("openSource() says what is not there, or may not be read", async () => {
  await assertRejects(
    () => loadModel(runtime, "/no/such/file.bin", { plugins }),
    CheckpointError,
    "Cannot open /no/such/file.bin: there is no such file or folder",
  );
  using source = openSource(new URL("gpt2", golden).pathname);
  assert(source.files.includes("config.json"));
  const { model_type } = readJson<{ model_type: string }>(new URL("gpt2/config.json", golden));
  assertEquals(model_type, "gpt2");
});
