import { byteLevelJson } from "../components/tokenizers/byte_level.ts";
import { loadModel, openCheckpoint } from "../model/checkpoint.ts";
import type { ModelConfig } from "../model/config.ts";
import { generateText } from "../model/text.ts";
import { hashWeights, saveModel } from "../model/save.ts";
import { createRandom } from "../model/random.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { tokenizerOf } from "../model/tokenizer_of.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import { packedFormat } from "../plugins/embedded/format.ts";
import { packMerges, unpackTokenizer } from "../plugins/embedded/merges.ts";
import { embedded, embeddedSource, loadEmbedded } from "../plugins/embedded/mod.ts";
import { packedModule, packModel } from "../plugins/embedded/packed.ts";
import { dequantize, partsOf, quantize } from "../plugins/embedded/quantize.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { story } from "../plugins/stories/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "./assert.ts";
import { join, packedModel, smallModel, split, tokenizer } from "./packed_files.ts";
import { uniform } from "./support.ts";

const root = new URL("../", import.meta.url).pathname, plugins = [{ name: "packed", checkpoints: [packedFormat] }];
const sourceOf = (bytes: Uint8Array) => memorySource({ "small.packed": bytes }, "small.packed");

// ---- numbers --------------------------------------------------------------------------------------------------------

/** Every value of a packed matrix. */
function unpack(packed: Uint8Array<ArrayBuffer>, shape: readonly number[]): Float32Array {
  const { codes } = partsOf(shape), values = new Float32Array(packed.length - codes);
  const ints = new Int8Array(packed.slice(codes).buffer);
  dequantize(new Uint8Array(values.buffer), ints, packed.slice(0, codes), 0, shape[1]);
  return values;
}

Deno.test("a quantised matrix is within half a step of its block everywhere, for any width of rows", () => {
  for (const shape of [[3, 1], [2, 63], [3, 64], [5, 65], [2, 200]]) {
    const values = uniform(shape[0] * shape[1], shape[1]), packed = quantize(values, shape);
    const { blocks, bytes } = partsOf(shape), again = unpack(packed, shape);
    assertEquals(packed.length, bytes);
    assertEquals(blocks, Math.ceil(shape[1] / 64));
    for (let begin = 0; begin < values.length;) {
      const end = Math.min(begin + 64, begin - begin % shape[1] + shape[1]), block = values.subarray(begin, end);
      const largest = block.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      block.forEach((v, i) => assert(Math.abs(again[begin + i] - v) <= largest / 127 * 0.56, `${shape}: ${begin + i}`));
      begin = end;
    }
  }
});

Deno.test("scale and codes are those of the formula", () => {
  const packed = quantize(Float32Array.of(127, -63.5, 1, 0.4, -127, 0), [2, 3]), view = new DataView(packed.buffer);
  assertEquals([view.getFloat16(0, true), view.getFloat16(2, true)], [1, 1]);
  assertEquals([...new Int8Array(packed.buffer, 4)], [127, -63, 1, 0, -127, 0]);
});

Deno.test("zeros, tiny values and those beside large ones survive quantisation; what has no scale is refused", () => {
  assertEquals([...unpack(quantize(new Float32Array(3), [1, 3]), [1, 3])], [0, 0, 0]);
  assertEquals([...unpack(quantize(Float32Array.of(1e-9, -1e-9), [1, 2]), [1, 2])].map(Math.abs), [0, 0]);
  const [tiny] = unpack(quantize(Float32Array.of(9e-6, 0), [1, 2]), [1, 2]); // its scale is a subnormal, rounded down
  assert(tiny > 7e-6 && tiny < 9e-6, `${tiny}`);
  assertEquals(Math.abs(unpack(quantize(Float32Array.of(8e6, 1), [1, 2]), [1, 2])[0] / 8e6 - 1) < 1e-3, true);
  for (
    const [value, message] of [[NaN, "element 1 is NaN, expected finite"], [9e6, "element 0 is too large"]] as const
  ) {
    assertThrows(() => quantize(Float32Array.of(0, value), [1, 2]), RangeError, message);
  }
});

// ---- packing and loading --------------------------------------------------------------------------------------------

const configs: readonly Partial<ModelConfig>[] = [
  {},
  { tied: false, norm: "layerNorm", position: "learned", block: "parallel", feedForward: "gelu" },
];

Deno.test("a packed model has the config, the vectors and nearly the matrices of the model that it was made from", async () => {
  for (const config of configs) {
    using runtime = await createRuntime({ threads: 1 });
    using model = smallModel(runtime, config);
    for (const [name, { tensor }] of model.params) {
      if (tensor.shape.length === 1) runtime.write(tensor, uniform(tensor.shape[0], name.length));
    }
    const { bytes, parameters, worst, mean, relative } = await packModel(model, tokenizer);
    const loaded = await loadModel(runtime, sourceOf(bytes), { plugins });
    using again = loaded.model;
    assertEquals([again.config, loaded.checkpoint.notes], [model.config, []]);
    assertEquals(parameters, model.describe().parameters);
    let found = 0, sum = 0, count = 0;
    for (const [name, { tensor }] of model.params) {
      const [given, packed] = [await runtime.read(tensor), await runtime.read(again.params.get(name)!.tensor)];
      if (tensor.shape.length === 1) assertEquals(packed, given, name);
      else {
        const errors = given.map((v, i) => Math.abs(v - packed[i]));
        sum += errors.reduce((a, b) => a + b, 0);
        count += given.length;
        found = Math.max(found, ...errors);
      }
    }
    assertEquals(worst.error, found);
    assert(Math.abs(mean / (sum / count) - 1) < 1e-4, `${mean} ${sum / count}`);
    assert(relative > 0.001 && relative < 0.01, `${relative}`);
    const [a, b] = await Promise.all(
      [model, again].map((m) => runtime.scope(() => runtime.read(m.forward([5, 6, 7])))),
    );
    const largest = Math.max(...a.map(Math.abs)), difference = Math.max(...a.map((v, i) => Math.abs(v - b[i])));
    assert(difference > 0 && difference < 0.05 * largest, `${difference} of ${largest}`);
  }
});

Deno.test("the same model packs to the same bytes, and loads as the same weights on any backend", async () => {
  const { bytes } = await packedModel(), hashes = new Set<string>();
  assertEquals((await packedModel()).bytes, bytes);
  for (const options of [{ threads: 1 }, { threads: 2, simd: "baseline" }, { backend: "reference" }] as const) {
    using runtime = await createRuntime(options);
    using model = (await loadModel(runtime, sourceOf(bytes), { plugins })).model;
    hashes.add(await hashWeights(model));
  }
  assertEquals(hashes.size, 1);
});

Deno.test("any range of a packed matrix reads as that part of the whole", async () => {
  const { tensors } = await packedFormat.open(sourceOf((await packedModel()).bytes));
  const tensor = tensors.get("blocks.0.attention.q.weight")!, whole = new Uint8Array(4 * 72 * 72);
  await tensor.read(0, whole);
  for (const [first, end] of [[0, 1], [63, 65], [71, 73], [72, 144], [100, 5000], [5183, 5184], [9, 9]]) {
    const part = new Uint8Array(4 * (end - first) + 3).subarray(3); // and need not lie on a multiple of four
    await tensor.read(4 * first, part);
    assertEquals([...part], [...whole.subarray(4 * first, 4 * end)], `${first} … ${end}`);
  }
  await assertRejects(async () => await tensor.read(2, whole), RangeError, "from 2, expected whole f32 values");
});

Deno.test("a context can be shortened, and a placeholder says what it is", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const { bytes } = await packedModel({ position: "learned" }, true);
  const { model, checkpoint } = await loadModel(runtime, sourceOf(bytes), { plugins, context: 5 });
  assertEquals(model.config.context, 5);
  assertEquals(checkpoint.notes, ["small.packed is a placeholder: its weights are random"]);
});

// ---- the tokenizer --------------------------------------------------------------------------------------------------

Deno.test("a tokenizer comes back from its merges, and begins each text as a document", () => {
  const read = unpackTokenizer(packMerges(tokenizer), "small.packed"), own = tokenizerOf(tokenizer);
  assertEquals(read.json, tokenizer);
  assertEquals([read.vocab, [...read.stopIds], read.cut], [own.vocab, [0], undefined]);
  for (const text of ["", "Once upon a time", "Über 3 Äpfel: 🍎", "a<|endoftext|>b"]) {
    assertEquals(read.encode(text), [0, ...own.encode(text)]);
    assertEquals(read.decode(read.encode(text)), text.replace("<|endoftext|>", ""));
  }
  const a = tokenizer.model.vocab.a, twice = [[a, a], [257, a], [a, 257]].map(([left, right]) => ({ left, right }));
  const json = byteLevelJson(twice), again = unpackTokenizer(packMerges(json), "m"); // two merges give one token
  assertEquals([again.json, again.vocab, again.encode("aaa")], [json, 259, [0, 258]]);
});

Deno.test("a tokenizer that its merges do not give is refused", async () => {
  const { model, ...rest } = tokenizer, { "!": bang, '"': quote, ...others } = model.vocab;
  const message = "Cannot pack tokenizer.json: it has other tokens, expected <|endoftext|>, the bytes";
  for (
    const json of [
      await trainTokenizer("bytes", ["abc"]),
      await trainTokenizer("characters", "abc"),
      { ...rest, model: { ...model, vocab: { ...others, "!": quote, '"': bang } } },
      { ...rest, model: { ...model, merges: [...model.merges].reverse() } },
      { ...rest, model: { ...model, merges: model.merges.slice(1) } },
    ]
  ) assertThrows(() => packMerges(json), CheckpointError, message);
});

// ---- broken files ---------------------------------------------------------------------------------------------------

const { bytes } = await packedModel(), { header, rest } = split(bytes);
const patched = (at: number, value: number) => {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
};
const changed = (changes: Record<string, unknown>) => join({ ...header, ...changes }, rest);
const tensors = (changes: Record<string, unknown>) => changed({ tensors: { ...header.tensors, ...changes } });
const prefix = "Cannot read small.packed: ";
const { "norm.weight": last, ...withoutLast } = header.tensors, beyond = tensors({ x: last });

const broken: [what: string, file: Uint8Array, message: string][] = [
  ["cut within the prefix", bytes.slice(0, 9), `${prefix}it has 9 bytes, expected at least 12`],
  ["another version", patched(4, 2), `${prefix}its version at byte 4 is 2, expected 1`],
  [
    "a header beyond the end",
    patched(8, 2 ** 31),
    `its header is 2147483648 bytes long, expected at most ${bytes.length - 12}`,
  ],
  ["a header cut short", patched(8, 100), `${prefix}its header is not JSON (`],
  ["a header that is a list", join([], rest), `${prefix}its header is [], expected an object`],
  ["a field of nobody", changed({ bits: 4 }), `${prefix}header.bits is 4, expected no such field`],
  [
    "a placeholder that is false",
    changed({ placeholder: false }),
    "header.placeholder is false, expected true or nothing",
  ],
  ["no config", changed({ config: null }), `${prefix}header.config is null, expected an object`],
  ["a wrong config", changed({ config: { ...header.config, heads: 7 } }), "Cannot load small.packed: "],
  ["half a merge", changed({ merges: 0.5 }), "header.merges is 0.5, expected a whole number up to 65279"],
  ["more merges than ids", changed({ merges: 65280 }), "header.merges is 65280, expected a whole number up to 65279"],
  ["no tensors", changed({ tensors: [] }), `${prefix}header.tensors is [], expected an object`],
  [
    "a tensor without a type",
    tensors({ x: { shape: [1] } }),
    `${prefix}tensor "x" has dtype undefined, expected q8 or f32`,
  ],
  [
    "a tensor of another type",
    tensors({ x: { dtype: "q4", shape: [1] } }),
    'tensor "x" has dtype "q4", expected q8 or f32',
  ],
  [
    "a quantised vector",
    tensors({ x: { dtype: "q8", shape: [8] } }),
    'tensor "x" has shape [8], expected two whole numbers',
  ],
  ["a negative size", tensors({ x: { dtype: "f32", shape: [-8] } }), 'tensor "x" has shape [-8], expected any whole'],
  [
    "a tensor with an offset",
    tensors({ x: { ...last, offset: 1 } }),
    'tensor "x" has "offset", expected dtype and shape',
  ],
  ["a tensor beyond the end", beyond, `it has ${beyond.length} bytes, expected ${beyond.length + 288} for what`],
  [
    "a byte too many",
    join(header, Uint8Array.from([...rest, 0])),
    `it has ${bytes.length + 1} bytes, expected ${bytes.length} `,
  ],
  ["cut within the weights", bytes.slice(0, -1), `it has ${bytes.length - 1} bytes, expected ${bytes.length} for what`],
  [
    "a parameter missing",
    join({ ...header, tensors: withoutLast }, rest.slice(0, -288)),
    "Cannot load small.packed: it has no tensor for norm.weight [72]",
  ],
  [
    "a merge of a later token",
    join(header, Uint8Array.from([255, 255, ...rest.slice(2)])),
    `${prefix}Cannot use merge 0 of token 65535`,
  ],
  ["a merge of the end", join(header, Uint8Array.from([0, 0, ...rest.slice(2)])), `${prefix}model.merges[0] is`],
];

for (const [what, file, message] of broken) {
  Deno.test(`a packed model with ${what} is refused by a message that says so`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const used = runtime.backend.memory.used;
    const load = async () => {
      const { model, checkpoint } = await loadModel(runtime, sourceOf(file), { plugins });
      model.close();
      await checkpoint.tokenizer();
    };
    await assertRejects(load, CheckpointError, message);
    assertEquals(runtime.backend.memory.used - runtime.backend.scratch.bytes, used);
  });
}

Deno.test("what is no packed model is left to other formats, and a tokenizer beside one is refused", async () => {
  for (const source of [sourceOf(new Uint8Array(2)), sourceOf(patched(0, 1)), memorySource({ "config.json": bytes })]) {
    assertEquals(await packedFormat.detect(source), false);
  }
  const checkpoint = await openCheckpoint(sourceOf(bytes), plugins);
  await assertRejects(
    () => checkpoint.tokenizer("t.json"),
    CheckpointError,
    "Cannot use t.json: small.packed has a token",
  );
  const { merges, config } = header, fewer = changed({ config: { ...config, vocab: 200 } });
  const small = await openCheckpoint(sourceOf(fewer), plugins);
  await assertRejects(
    () => small.tokenizer(),
    CheckpointError,
    `has ${257 + merges} tokens, expected at most the model's 200`,
  );
});

// ---- pack.ts --------------------------------------------------------------------------------------------------------

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function run(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...args],
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output(), decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}
const pack = (...args: string[]) => run(["-A", `${root}plugins/embedded/pack.ts`, ...args]);

Deno.test("pack.ts writes the module of a folder, and says what became of it", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = smallModel(runtime);
  const extras = { plugins: [huggingface], tokenizer: { ...tokenizer } as never, stopIds: [0] };
  await saveModel(`${folder}/model`, model, extras);
  const { code, out, err } = await pack("--model", `${folder}/model`, "--out", `${folder}/out/packed.ts`);
  assertEquals([code, err], [0, ""]);
  const expected = await packModel(model, tokenizer), module = packedModule(expected.bytes);
  assertEquals(await Deno.readTextFile(`${folder}/out/packed.ts`), module);
  assertEquals([...Deno.readDirSync(`${folder}/out`)].map((e) => e.name), ["packed.ts"]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", expected.bytes)).toHex();
  const sizes = `${expected.parameters} parameters, ${expected.bytes.length} bytes packed, SHA-256 ${hash}\n`;
  assertStringIncludes(out, `packed.ts: ${module.length} of 1500000 bytes\n${sizes}`);
  assertMatch(
    out,
    /error of matrices: worst \d\.\d\de-\d \([a-zA-Z0-9.]+\), mean \d\.\d\de-\d, relative RMS 0\.\d{3} %\n$/,
  );
  const { model: text } = await import(`${folder}/out/packed.ts`);
  assertEquals(Uint8Array.fromBase64(text), expected.bytes);

  runtime.write(
    model.params.get("embedding.weight")!.tensor,
    new Float32Array(expected.parameters).fill(NaN).subarray(0, 72 * model.config.vocab),
  );
  await saveModel(`${folder}/nan`, model, extras);
  const failed = await pack("--model", `${folder}/nan`, "--out", `${folder}/out/packed.ts`);
  const why = "Cannot pack embedding.weight: Cannot quantize: element 0 is NaN, expected finite numbers";
  assertEquals(failed, { code: 1, out: "", err: `pack.ts: ${why}\n` });
  assertEquals(await Deno.readTextFile(`${folder}/out/packed.ts`), module);
});

Deno.test("pack.ts refuses what it cannot pack by 1, and what it was not told by 2", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = smallModel(runtime);
  await saveModel(`${folder}/bare`, model, { plugins: [huggingface] });
  using large = smallModel(runtime, { dim: 512, heads: 8 });
  await saveModel(`${folder}/large`, large, { plugins: [huggingface], tokenizer: { ...tokenizer } as never });
  const out = `${folder}/refused.ts`;
  for (
    const [code, args, message] of [
      [1, ["--model", `${folder}/bare`, "--out", out], "bare: it has no tokenizer.json, expected one"],
      [1, ["--model", `${folder}/large`, "--out", out], / for \d+ parameters, expected at most 1500000 bytes\n$/],
      [1, ["--model", `${folder}/nowhere`], "there is no such file or folder"],
      [2, [], "--model is missing, expected a folder"],
      [2, ["--model", `${folder}/bare`, "--out", folder], "expected a file that ends with .ts"],
    ] as const
  ) {
    const result = await pack(...args);
    assertEquals([result.code, result.out], [code, ""], result.err);
    if (typeof message === "string") assertStringIncludes(result.err, message);
    else assertMatch(result.err, message);
  }
  assertEquals([...Deno.readDirSync(folder)].map((e) => e.name).filter((name) => !/^[a-z]+$/.test(name)), []);
});

// ---- the one in the package -----------------------------------------------------------------------------------------

const denied = ["read", "write", "net", "env", "run", "sys", "ffi"].map((what) => `--deny-${what}`);
const tell = (...args: string[]) => run([...denied, `${root}generate.ts`, ...args]);
const isPlaceholder = (await openCheckpoint(embeddedSource(), [embedded])).notes.length > 0;

Deno.test("the embedded model has at most 2 million parameters in at most 1.5 MB, and a token for each byte", async () => {
  assert((await Deno.stat(`${root}plugins/embedded/gen/model.ts`)).size <= 1_500_000);
  using runtime = await createRuntime({ threads: 1 });
  const { model, tokenizer } = await loadEmbedded(runtime);
  assert(model.describe().parameters <= 2_000_000);
  assert(tokenizer.vocab <= model.config.vocab && tokenizer.vocab >= 257);
  assertEquals(tokenizer.encode(""), [...tokenizer.stopIds]);
});

Deno.test("loadEmbedded gives what generate.ts generates from", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const { model, tokenizer } = await loadEmbedded(runtime), samplers = [{ type: "topK", k: 5 }] as const;
  let text = "";
  for await (const piece of generateText(model, tokenizer, "The", { samplers, seed: 3 })) text += piece.text;
  const { out } = await tell("--prompt", "The", "--seed", "3", "--samplers", '[{"type":"topK","k":5}]');
  assertEquals(out, `The${text}\n`);
});

Deno.test("generate.ts alone needs no permission: seeds decide the text, a prompt begins it", async () => {
  const seeded = await Promise.all(["1", "1", "2", "3"].map((seed) => tell("--seed", seed)));
  for (const { code, out, err } of seeded) {
    assertEquals(code, 0, err);
    assert(out.length > 1);
    assertMatch(err, /prefill 1 tokens, \d+\/s; decode \d+ tokens, \d+\/s; ended by (stop|context); seed \d\n$/);
  }
  assertEquals(seeded[0].out, seeded[1].out);
  assert(new Set(seeded.map(({ out }) => out)).size > 2);
  const prompted = await tell("--prompt", "The dog", "--seed", "1");
  assertEquals([prompted.code, prompted.out.startsWith("The dog")], [0, true], prompted.err);
  assertMatch((await tell("--describe")).out, /embedding/);
});

Deno.test("generate.ts refuses a tokenizer for the embedded model, and a prompt that is too long for it", async () => {
  const { code, out, err } = await tell("--tokenizer", "t.json");
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "generate.ts: --tokenizer is given without --model, expected both or neither\n");
  const long = await tell("--prompt", "🍎".repeat(2000));
  assertEquals(long.code, 1);
  assertMatch(long.err, /Cannot generate after \d+ tokens: the context is \d+, expected 1 … \d+\n$/);
});

Deno.test({
  name: "the people of a story that the embedded model tells keep their names",
  ignore: isPlaceholder,
  async fn() {
    // Names of the people in stories that it learned from.
    const random = createRandom(1, "stories"), heard = Array.from({ length: 2000 }, () => story(random)).join(" ");
    const names = new Set([...heard.matchAll(/ named ([A-Z][a-z]+)/g)].map(([, name]) => name));
    assert(names.size > 50, `${names.size} names`);
    using runtime = await createRuntime({ threads: 1 });
    const { model, tokenizer } = await loadEmbedded(runtime);
    const samplers = [{ type: "temperature", value: 0.8 }, { type: "topP", p: 0.95 }] as const;
    let named = 0, once = 0;
    for (let seed = 1; seed <= 12; seed++) {
      let told = "";
      for await (const { text } of generateText(model, tokenizer, "", { samplers, seed })) told += text;
      const counts = new Map<string, number>();
      for (const [word] of told.matchAll(/[A-Z][a-z]+/g)) {
        if (names.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
      }
      named += counts.values().reduce((sum, n) => sum + n, 0);
      once += [...counts.values()].filter((n) => n === 1).length;
    }
    // A name that is drawn anew each time hardly ever comes twice in a story.
    assert(named >= 60 && once <= named / 10, `${once} of ${named} names come once in their story`);
  },
});

Deno.test({
  name: "the embedded model tells a story",
  ignore: isPlaceholder,
  async fn() {
    const stories = await Promise.all(["1", "2", "3", "4", "1"].map((seed) => tell("--seed", seed)));
    for (const { code, out, err } of stories) {
      assertEquals(code, 0, err);
      assertStringIncludes(err, "ended by stop");
      const story = out.trimEnd();
      assertMatch(story, /^["“]?[A-Z]/, story);
      assertMatch(story, /[.!?]["”]?$/, story);
      assert(story.split(/\s+/).length >= 40, story);
      for (const word of story.split(/\s+/)) {
        assertMatch(word, /^["“]?[A-Za-z]+(['’-][A-Za-z]+)*[.,!?;:]*["”]?[.,!?]?$/, story);
      }
    }
    assertEquals(stories[0].out, stories[4].out);
    assertEquals(new Set(stories.map(({ out }) => out)).size, 4);
    const steered = await tell("--prompt", "Once upon a time, there was a dragon", "--seed", "1");
    assertStringIncludes(steered.out, "Once upon a time, there was a dragon");
    assertMatch(steered.out.trimEnd(), /[.!?]["”]?$/, steered.out);
  },
});
