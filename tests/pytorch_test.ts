/** PyTorch's own files: what they hold, beside PyTorch and Python; what is refused; how they are read. */
import { loadModel } from "../model/checkpoint.ts";
import type { StoredTensor } from "../model/format.ts";
import { CheckpointError, memorySource, openSource, type Source } from "../model/source.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { readPickle } from "../plugins/pytorch/pickle.ts";
import { pytorch } from "../plugins/pytorch/mod.ts";
import { readStateDict } from "../plugins/pytorch/tensors.ts";
import type { Value } from "../plugins/pytorch/values.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { type Files, llama2cFiles, llamaFolder, llamaShapes, safetensors } from "./checkpoint_files.ts";
import { finish, root, spawn } from "./processes.ts";
import { assertSameBits, fixtures, golden, hasFixture, readGolden, readJson, uniform } from "./support.ts";
import {
  archive,
  Call,
  nanogptArgs,
  nanogptCheckpoint,
  nanogptShapes,
  pickle,
  type Pickled,
  stateDict,
  StorageToSave,
  TensorToSave,
  torchArchive,
  torchPickles,
} from "./torch_files.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const runtime = await createRuntime({ threads: 1 }), plugins = [huggingface, pytorch, llama2c];
const text = (content: string): Bytes => new TextEncoder().encode(content);
const json = (value: unknown) => text(JSON.stringify(value));
const fixture = (name: string) => new URL(`golden/formats/${name}`, fixtures).pathname;

const load = (files: Files, file?: string) => loadModel(runtime, memorySource(files, file), { plugins });

async function logitsOf(files: Files, file?: string, ids = [1, 2, 3]): Promise<Float32Array<ArrayBuffer>> {
  using model = (await load(files, file)).model;
  return await runtime.scope(() => runtime.read(model.forward(ids)));
}

// ---- pickles --------------------------------------------------------------------------------------------------------

/** What Python 3.12 makes of one value, with stand-ins for PyTorch's classes, by the protocol of its pickle. */
const fromPython: Readonly<Record<number, string>> = {
  2: "gAJ9cQAoWAUAAABtb2RlbHEBY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnECKVJxAyhYAQAAAGFxBGN0b3JjaC5fdXRpbHMKX3JlYnVpbGRfdGVu" +
    "c29yX3YyCnEFKChYBwAAAHN0b3JhZ2VxBmN0b3JjaApGbG9hdFN0b3JhZ2UKcQdYAQAAADBxCFgDAAAAY3B1cQlLBnRxClFLAEsCSwOGcQtLA0sB" +
    "hnEMiWgCKVJxDXRxDlJxD1gBAAAAYnEQY3RvcmNoLl91dGlscwpfcmVidWlsZF9wYXJhbWV0ZXIKcRFoBSgoaAZoB2gIaAlLBnRxElFLA0sDhXET" +
    "SwGFcRSIaAIpUnEVdHEWUnEXiGgCKVJxGIdxGVJxGlgBAAAAY3EbY3RvcmNoLl91dGlscwpfcmVidWlsZF90ZW5zb3JfdjMKcRwoKGgGY3RvcmNo" +
    "LnN0b3JhZ2UKVW50eXBlZFN0b3JhZ2UKcR1YAQAAADFxHmgJSwh0cR9RSwFoE2gUiWgCKVJxIGN0b3JjaApmbG9hdDE2CnEhdHEiUnEjdX1xJFgJ" +
    "AAAAX21ldGFkYXRhcSVoAilScSZYAAAAAHEnfXEoWAcAAAB2ZXJzaW9ucSlLAXNzc2JYBAAAAGFyZ3NxKmNhcmdwYXJzZQpOYW1lc3BhY2UKcSsp" +
    "gXEsfXEtKFgCAAAAbHJxLkc/UGJN0vGp/FgEAAAAbmFtZXEvWAEAAAB4cTB1YlgGAAAAY29uZmlncTFjdHJhaW5fY29uZmlnCkNvbmZpZwpxMimB" +
    "cTN9cTRYAQAAAG5xNUsDc2JYAwAAAHNldHE2Y19fYnVpbHRpbl9fCnNldApxN11xOChLAUsCZYVxOVJxOlgGAAAAZnJvemVucTtjX19idWlsdGlu" +
    "X18KZnJvemVuc2V0CnE8XXE9SwFhhXE+UnE/WAcAAABudW1iZXJzcUBdcUEoSwBK/////0v/Tf//Sv///39KAAAAgIoGAAAAAAABigkAAAAAAAAA" +
    "AMBHP/gAAAAAAACIiU5lWAQAAAB0ZXh0cUJYBgAAAMOp8J+YgHFDWAUAAABieXRlc3FEY19jb2RlY3MKZW5jb2RlCnFFWAMAAAAAw79xRlgGAAAA" +
    "bGF0aW4xcUeGcUhScUlYBwAAAGNvbXBsZXhxSmNfX2J1aWx0aW5fXwpjb21wbGV4CnFLRwAAAAAAAAAARz/wAAAAAAAAhnFMUnFNWAQAAABsb25n" +
    "cU5YLAEAAHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHFPWAQAAABwYXRocVBjY29sbGVjdGlvbnMKQ291" +
    "bnRlcgpxUX1xUihYAQAAAGFxU0sBWAEAAABicVRLAXWFcVVScVZYBwAAAGRlZmF1bHRxV2Njb2xsZWN0aW9ucwpkZWZhdWx0ZGljdApxWGNfX2J1" +
    "aWx0aW5fXwpsaXN0CnFZhXFaUnFbaARdcVxLAWFzWAUAAABhZ2FpbnFdaEF1Lg==",
  4: "gASVSgQAAAAAAAB9lCiMBW1vZGVslIwLY29sbGVjdGlvbnOUjAtPcmRlcmVkRGljdJSTlClSlCiMAWGUjAx0b3JjaC5fdXRpbHOUjBJfcmVidWls" +
    "ZF90ZW5zb3JfdjKUk5QoKIwHc3RvcmFnZZSMBXRvcmNolIwMRmxvYXRTdG9yYWdllJOUjAEwlIwDY3B1lEsGdJRRSwBLAksDhpRLA0sBhpSJaAQp" +
    "UpR0lFKUjAFilGgHjBJfcmVidWlsZF9wYXJhbWV0ZXKUk5RoCSgoaApoDWgOaA9LBnSUUUsDSwOFlEsBhZSIaAQpUpR0lFKUiGgEKVKUh5RSlIwB" +
    "Y5RoB4wSX3JlYnVpbGRfdGVuc29yX3YzlJOUKChoCowNdG9yY2guc3RvcmFnZZSMDlVudHlwZWRTdG9yYWdllJOUjAExlGgPSwh0lFFLAWgaaBuJ" +
    "aAQpUpRoC4wHZmxvYXQxNpSTlHSUUpR1fZSMCV9tZXRhZGF0YZRoBClSlIwAlH2UjAd2ZXJzaW9ulEsBc3NzYowEYXJnc5SMCGFyZ3BhcnNllIwJ" +
    "TmFtZXNwYWNllJOUKYGUfZQojAJscpRHP1BiTdLxqfyMBG5hbWWUjAF4lHVijAZjb25maWeUjAx0cmFpbl9jb25maWeUjAZDb25maWeUk5QpgZR9" +
    "lIwBbpRLA3NijANzZXSUj5QoSwFLApCMBmZyb3plbpQoSwGRlIwHbnVtYmVyc5RdlChLAEr/////S/9N//9K////f0oAAACAigYAAAAAAAGKCQAA" +
    "AAAAAAAAwEc/+AAAAAAAAIiJTmWMBHRleHSUjAbDqfCfmICUjAVieXRlc5RDAgD/lIwHY29tcGxleJSMCGJ1aWx0aW5zlIwHY29tcGxleJSTlEcA" +
    "AAAAAAAAAEc/8AAAAAAAAIaUUpSMBGxvbmeUWCwBAAB4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHiUjARw" +
    "YXRolGgCjAdDb3VudGVylJOUfZQojAFhlEsBjAFilEsBdYWUUpSMB2RlZmF1bHSUaAKMC2RlZmF1bHRkaWN0lJOUaFCMBGxpc3SUk5SFlFKUaAZd" +
    "lEsBYXOMBWFnYWlulGhKdS4=",
};

const unpickle = (bytes: Bytes) => {
  const fail = (at: number, problem: string) => new CheckpointError(`Cannot read it: at byte ${at} ${problem}`);
  return readPickle({ bytes, base: 0, limit: bytes.length, fail }, 0);
};

for (const [protocol, base64] of Object.entries(fromPython)) {
  Deno.test(`a pickle of protocol ${protocol} by Python gives its numbers, texts and tensors, and names what it does not know`, () => {
    const bytes = Uint8Array.fromBase64(base64), { value, end, storages } = unpickle(bytes);
    assertEquals(end, bytes.length);
    const root = value as Map<string, Value>, float32 = { kind: "type", name: "float32", bytes: 4 } as const;
    const storage = { kind: "storage", key: "0", type: float32, count: 6, first: 0 } as const;
    const untyped = { ...storage, key: "1", type: { kind: "type", name: "bytes", bytes: 1 }, count: 8 } as const;
    assertEquals<unknown>([...storages], [storage, storage, untyped]);
    assertEquals<unknown>(
      root.get("model"),
      new Map(Object.entries({
        a: { kind: "tensor", storage, type: float32, offset: 0, shape: [2, 3], strides: [3, 1] },
        b: { kind: "tensor", storage, type: float32, offset: 3, shape: [3], strides: [1] },
        c: {
          kind: "tensor",
          storage: untyped,
          type: { kind: "type", name: "float16", bytes: 2 },
          offset: 1,
          shape: [3],
          strides: [1],
        },
      })),
    );
    const numbers = [0, -1, 255, 65535, 2 ** 31 - 1, -(2 ** 31), 2 ** 40, -(2n ** 70n), 1.5, true, false, null];
    assertEquals<unknown>(root.get("numbers"), numbers);
    assert(root.get("again") === root.get("numbers"), "the same list");
    assertEquals(root.get("text"), "\u00e9\u{1f600}");
    assertEquals(root.get("long"), "x".repeat(300));
    const made = (key: string) => (root.get(key) as { name: string }).name;
    assertEquals(["args", "config", "path", "default"].map(made), [
      "argparse.Namespace",
      "train_config.Config",
      "collections.Counter",
      "collections.defaultdict",
    ]);
    // Python 2's protocol has no bytes, sets and complex numbers: it calls functions that make them.
    assertEquals(made("set"), protocol === "2" ? "__builtin__.set" : "a set");
    assertEquals(made("frozen"), protocol === "2" ? "__builtin__.frozenset" : "a frozenset");
    assertEquals(made("complex"), protocol === "2" ? "__builtin__.complex" : "builtins.complex");
    if (protocol === "4") assertEquals<unknown>([...root.get("bytes") as Uint8Array], [0, 255]);
  });
}

Deno.test("nothing in a pickle is called: names of other modules, and of JavaScript, are only names", () => {
  for (
    const [module, name] of [["os", "system"], ["builtins", "eval"], ["__proto__", "constructor"], ["torch", "load"]]
  ) {
    const { value } = unpickle(pickle({ a: new Call(module, name, ["touch /tmp/x"]), b: 1 }));
    assertEquals<unknown>(
      value,
      new Map<string, unknown>([["a", { kind: "inert", name: `${module}.${name}` }], ["b", 1]]),
    );
  }
  const { value } = unpickle(pickle({ __proto__x: 1, constructor: 2, ["__proto__"]: 3 }));
  assertEquals<unknown>([...(value as Map<string, Value>).entries()].length, 3);
  assertEquals(({} as Record<string, unknown>).__proto__x, undefined);
});

const refusedPickles: [what: string, bytes: readonly number[], message: string][] = [
  [
    "an instruction of protocol 0",
    [0x80, 2, 0x49],
    "at byte 2 has the instruction 0x49, expected one that torch.save writes",
  ],
  ["a protocol to come", [0x80, 6], "at byte 0 has a pickle of protocol 6, expected 2 to 5"],
  ["no end", [0x80, 2, 0x4e], "at byte 3 begins an instruction of 1 bytes, which goes on after byte 3"],
  [
    "a text that goes on",
    [0x58, 255, 255, 255, 255],
    "at byte 0 begins an instruction of 4294967300 bytes, which goes on after byte 5",
  ],
  ["nothing on its stack", [0x80, 2, 0x2e], "at byte 2 takes from an empty stack"],
  ["what is below a mark", [0x4e, 0x28, 0x30], "at byte 2 takes from an empty stack"],
  ["no mark", [0x4e, 0x74], "at byte 1 takes what follows a mark, and there is none"],
  ["an object that is not there", [0x68, 7], "at byte 0 asks for object 7, which has not been stored"],
  ["a key without a value", [0x7d, 0x28, 0x4e, 0x75], "at byte 3 gives a key without a value"],
  ["values for a number", [0x4b, 1, 0x4e, 0x4e, 0x73], "at byte 4 puts values into 1, expected a dictionary"],
  ["an item for a text", [0x55, 1, 97, 0x4e, 0x61], 'at byte 4 appends to "a", expected a list'],
  ["a call of a number", [0x4b, 1, 0x29, 0x52], "at byte 3 calls 1, expected a function"],
  ["a long number", [0x8b, 0, 1, 0, 0], "at byte 0 has a number of 256 bytes, expected at most 64"],
  ["a long name", [0x63, ...Array(600).fill(97)], "at byte 0 has a name of 600 characters, expected at most 512"],
];

for (const [what, bytes, message] of refusedPickles) {
  Deno.test(`a pickle with ${what} is refused`, async () => {
    // deno-lint-ignore require-await
    const error = await assertRejects(async () => unpickle(Uint8Array.from(bytes)), CheckpointError);
    assertEquals(error.message, `Cannot read it: ${message}`);
  });
}

// ---- tensors --------------------------------------------------------------------------------------------------------

/** All values of a tensor, read in pieces of so many elements. */
async function valuesOf(tensor: StoredTensor, piece = Infinity): Promise<number[]> {
  const width = tensor.dtype === "f32" ? 4 : 2, count = size(tensor.shape), bytes = new Uint8Array(count * width);
  for (let at = 0; at < count; at += piece) {
    await tensor.read(at * width, bytes.subarray(at * width, (at + piece) * width));
  }
  if (tensor.dtype === "f32") return [...new Float32Array(bytes.buffer)];
  if (tensor.dtype === "f16") return [...new Float16Array(bytes.buffer)];
  return Array.from(new Uint16Array(bytes.buffer), (word) => new Float32Array(Uint32Array.of(word << 16).buffer)[0]);
}

Deno.test({
  name: "dtypes_views.pt: every tensor is what PyTorch saved; integers are refused when they are read",
  ignore: !hasFixture("golden/formats/dtypes_views.pt"),
  async fn() {
    using source = openSource(fixture("dtypes_views.pt"));
    const tensors = await readStateDict(source, source.file!),
      expected = readJson<Record<string, number[][]>>(
        new URL("golden/formats/dtypes_views.expected.json", fixtures),
      );
    const found: Record<string, unknown> = {};
    for (const [name, tensor] of tensors) {
      if (/^[cdh]/.test(name)) {
        const { message } = await assertRejects(async () => await tensor.read(0, new Uint8Array(1)), CheckpointError);
        found[name] = message.replace(/^.*its dtype is /, "").split(",")[0];
      } else found[name] = [tensor.dtype, tensor.shape, await valuesOf(tensor)];
    }
    assertEquals(found, {
      "a.f16": ["f16", [2, 3], [0, 1, 2, 3, 4, 5]],
      "b.bf16": ["bf16", [6], [0, 1, 2, 3, 4, 5]],
      "c.i64": "int64",
      "d.bool": "bool",
      "e.view": ["f32", [2, 3], expected["e.view"].flat()],
      "f.t": ["f32", [3, 2], expected["f.t"].flat()],
      "g.scalar": ["f32", [], [3.5]],
      "h.u8": "uint8",
      "i.f64": ["f32", [1], [Math.fround(1 / 3)]],
      "j.empty": ["f32", [0, 3], []],
    });
  },
});

const views: [what: string, shape: number[], strides: number[], offset: number][] = [
  ["rows from an offset", [40, 50], [50, 1], 1234],
  ["a transposed matrix", [700, 600], [1, 700], 5],
  ["every third column", [100, 200], [1000, 3], 17],
  ["axes in another order", [11, 13, 17, 19], [1, 11, 2717, 143], 3],
  ["one row many times", [300, 40], [0, 1], 9],
  ["one element many times", [70, 5000], [0, 0], 4],
  ["an axis of one with any stride", [30, 1, 20], [20, 7777, 1], 0],
];

for (const [what, shape, strides, offset] of views) {
  for (const [type, width] of [["FloatStorage", 4], ["DoubleStorage", 8], ["HalfStorage", 2]] as const) {
    Deno.test(`${what} of a ${type}: the values that stand there, in pieces of any size`, async () => {
      const all = Float64Array.from(uniform(450_000, 3)),
        arrays = { 2: Float16Array, 4: Float32Array, 8: Float64Array };
      const typed = new arrays[width](all);
      const storage = new StorageToSave("0", new Uint8Array(typed.buffer), type, width);
      const file = archiveOf(storage, shape, strides, offset), tensor = (await readStateDict(file, "a.pt")).get("t")!;
      assertEquals(tensor.shape, shape);
      const expected = Array.from({ length: size(shape) }, (_, i) => {
        let place = offset;
        for (let axis = shape.length - 1; axis >= 0; i = Math.floor(i / shape[axis--])) {
          place += i % shape[axis] * strides[axis];
        }
        return Math.fround(typed[place]);
      });
      for (const piece of size(shape) < 10_000 ? [Infinity, 30_011, 7] : [Infinity, 30_011]) {
        assertSameBits(
          Float32Array.from(await valuesOf(tensor, piece)),
          Float32Array.from(expected),
          `pieces of ${piece}`,
        );
      }
    });
  }
}

/** An archive of one tensor. */
function archiveOf(storage: StorageToSave, shape: number[], strides: number[], offset: number): Source {
  const bytes = pickle({ t: new TensorToSave(storage, shape, strides, offset) });
  return memorySource({ "a.pt": archive({ "x/data.pkl": bytes, "x/data/0": storage.bytes }) });
}

Deno.test("opening reads no tensor, and a tensor out of place is read in pieces", async () => {
  const shape = [700, 600], storage = new StorageToSave("0", new Uint8Array(uniform(420_000, 1).buffer));
  const all = archiveOf(storage, shape, [1, 700], 0);
  let most = 0, sum = 0;
  const source: Source = {
    ...all,
    read(file, offset, into) {
      most = Math.max(most, into.length);
      sum += into.length;
      return all.read(file, offset, into);
    },
  };
  const tensor = (await readStateDict(source, "a.pt")).get("t")!;
  assert(most < 1000 + 65535 + 22 && sum < 70_000, `${most} of ${sum} bytes`); // the end of an archive may have a comment
  most = 0;
  await valuesOf(tensor);
  assert(most <= 4 * (2 ** 18 + 2 ** 10) && most > 1000, `${most} bytes at once`);
});

// ---- folders of Hugging Face ----------------------------------------------------------------------------------------

const gpt2Folder = new URL("gpt2/", golden), gpt2Config = Deno.readFileSync(new URL("config.json", gpt2Folder));
const ids = readJson<{ input_ids: number[][] }>(new URL("inputs.json", gpt2Folder)).input_ids[0];

for (const name of ["gpt2.pytorch_model.bin", "gpt2.legacy.pt"]) {
  Deno.test({
    name: `${name}, as PyTorch saved it, gives the bits that the safetensors file gives`,
    ignore: !hasFixture(`golden/formats/${name}`),
    async fn() {
      const expected = Deno.readFileSync(new URL("model.safetensors", gpt2Folder));
      assertSameBits(
        await logitsOf(
          { "config.json": gpt2Config, "pytorch_model.bin": Deno.readFileSync(fixture(name)) },
          undefined,
          ids,
        ),
        await logitsOf({ "config.json": gpt2Config, "model.safetensors": expected }, undefined, ids),
        "logits",
      );
    },
  });
}

Deno.test({
  name: "gpt2.nanogpt_ckpt.pt, whose arguments have other names, is refused by what it lacks",
  ignore: !hasFixture("golden/formats/gpt2.nanogpt_ckpt.pt"),
  async fn() {
    const name = "gpt2.nanogpt_ckpt.pt";
    const { message } = await assertRejects(() => loadModel(runtime, fixture(name), { plugins }), CheckpointError);
    assertEquals(
      message,
      `Cannot load ${name}: it has no model_args, expected the model and model_args of nanoGPT, or a folder with ` +
        "config.json and pytorch_model.bin",
    );
  },
});

const legacyAndToday = { "an archive": torchArchive, "pickles of before 1.6": torchPickles };

for (const [what, save] of Object.entries(legacyAndToday)) {
  Deno.test(`a folder with ${what} gives what one with safetensors gives, in one file and in shards`, async () => {
    const expected = await logitsOf(llamaFolder()),
      tensors = stateDict(llamaShapes),
      config = json(readConfig(llamaFolder()));
    assertEquals(await logitsOf({ "config.json": config, "pytorch_model.bin": save(tensors) }), expected);
    const names = [...tensors.keys()], pick = (part: string[]) => save(new Map(part.map((n) => [n, tensors.get(n)!])));
    const [first, second] = [1, 2].map((n) => `pytorch_model-0000${n}-of-00002.bin`);
    const map = Object.fromEntries(names.map((name, i) => [name, i < 5 ? first : second]));
    const shards = { [first]: pick(names.slice(0, 5)), [second]: pick(names.slice(5)) };
    const index = json({ metadata: {}, weight_map: map });
    assertEquals(await logitsOf({ "config.json": config, ...shards, "pytorch_model.bin.index.json": index }), expected);
    assertEquals(
      (await assertRejects(
        () => load({ "config.json": config, ...shards, [second]: pick([]), "pytorch_model.bin.index.json": index }),
        CheckpointError,
      )).message,
      `Cannot read ${second}: it has no ${names[5]}, which pytorch_model.bin.index.json says it has`,
    );
  });
}

function readConfig(files: Files): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files["config.json"]));
}

Deno.test("safetensors come first, unless another file is named", async () => {
  const zeros = Object.fromEntries(
    Object.entries(llamaShapes).map(([name, shape]) => [
      name,
      new TensorToSave(new StorageToSave(name, new Uint8Array(4 * size(shape))), shape),
    ]),
  );
  const files = { ...llamaFolder(), "pytorch_model.bin": torchArchive(zeros) };
  assertEquals(await logitsOf(files), await logitsOf(llamaFolder()));
  assertEquals(await logitsOf(files, "model.safetensors"), await logitsOf(llamaFolder()));
  assert((await logitsOf(files, "pytorch_model.bin")).every((v) => v === 0));
  assert((await logitsOf({ ...files, ...llama2cFiles() }, "model.bin")).some((v) => v !== 0), "llama2.c's, still");
});

Deno.test("buffers of integers and copies of what is tied are left out; weights of integers are refused", async () => {
  const byte = (name: string, shape: number[]) =>
    new TensorToSave(new StorageToSave(name, new Uint8Array(size(shape)), "ByteStorage", 1), shape);
  const tensors = stateDict(llamaShapes), config = llamaFolder()["config.json"];
  const rotary = "model.layers.0.self_attn.rotary_emb.inv_freq";
  const more = new Map<string, Pickled>([
    ...tensors,
    ["lm_head.weight", tensors.get("model.embed_tokens.weight")!],
    [rotary, byte("r", [2])],
  ]);
  assertEquals(
    await logitsOf({ "config.json": config, "pytorch_model.bin": torchArchive(more) }),
    await logitsOf(llamaFolder()),
  );
  const refusal = async (value: Pickled) => {
    const files = {
      "config.json": config,
      "pytorch_model.bin": torchArchive(new Map([...more, ["model.norm.weight", value]])),
    };
    return (await assertRejects(() => load(files), CheckpointError)).message;
  };
  const start = "Cannot read pytorch_model.bin: model.norm.weight: ";
  assertEquals(
    await refusal(byte("n", [8])),
    `${start}its dtype is uint8, expected one of float32, float16, bfloat16, float64`,
  );
  assertEquals(await refusal(new Call("mine", "Scaled", [])), `${start}it is made by mine.Scaled, expected a tensor`);
  assertEquals(await refusal(3), `${start}it is 3, expected a tensor`);
  const strange = new TensorToSave(new StorageToSave("s", new Uint8Array(32), "QUInt4x2Storage", 4), [8]);
  assertEquals(await refusal(strange), `${start}it is made by torch.QUInt4x2Storage, expected a tensor`);
});

Deno.test("names of OPT and BLOOM with and without what they may begin with", async () => {
  for (const [name, prefix] of [["opt", "model."], ["bloom", "transformer."]]) {
    const folder = new URL(`${name}/`, golden), config = Deno.readFileSync(new URL("config.json", folder));
    const stored = readGolden(new URL("model.safetensors", folder)), storages = new Map<string, Pickled>();
    for (const [path, { shape, values }] of stored) {
      const bytes = new Uint8Array(Float32Array.from(values).buffer);
      assert(path.startsWith(prefix), path);
      storages.set(path.slice(prefix.length), new TensorToSave(new StorageToSave(path, bytes), shape));
    }
    const expected = Deno.readFileSync(new URL("model.safetensors", folder));
    assertSameBits(
      await logitsOf({ "config.json": config, "pytorch_model.bin": torchArchive(storages) }),
      await logitsOf({ "config.json": config, "model.safetensors": expected }),
      name,
    );
  }
});

// ---- nanoGPT --------------------------------------------------------------------------------------------------------

Deno.test("a nanoGPT gives the bits of the same GPT-2 in a folder, whose products are stored transposed", async () => {
  const stored = readGolden(new URL("model.safetensors", gpt2Folder)), weights = new Map<string, Pickled>();
  for (const [name, { shape, values }] of stored) {
    const storage = new StorageToSave(String(weights.size), new Uint8Array(Float32Array.from(values).buffer));
    const transposed = /\.c_(attn|fc|proj)\.weight$/.test(name);
    weights.set(
      `_orig_mod.${name}`,
      transposed ? new TensorToSave(storage, [shape[1], shape[0]], [1, shape[1]]) : new TensorToSave(storage, shape),
    );
  }
  weights.set("_orig_mod.lm_head.weight", weights.get("_orig_mod.transformer.wte.weight")!);
  const model_args = { n_layer: 2, n_head: 4, n_embd: 48, block_size: 64, bias: true, vocab_size: 131, dropout: 0 };
  const config = { ...readConfig({ "config.json": gpt2Config }), activation_function: "gelu" };
  const expected = await logitsOf(
    {
      "config.json": json(config),
      "model.safetensors": Deno.readFileSync(new URL("model.safetensors", gpt2Folder)),
    },
    undefined,
    ids,
  );
  for (const save of [torchArchive, torchPickles]) {
    assertSameBits(
      await logitsOf({ "ckpt.pt": save({ model: weights, model_args }) }, "ckpt.pt", ids),
      expected,
      "logits",
    );
  }
});

Deno.test("a nanoGPT has the biases, sizes and head that its file says", async () => {
  for (const bias of [true, false]) {
    for (const large of [true, false]) {
      const file = torchArchive(nanogptCheckpoint({ bias }), { large });
      const { model, checkpoint } = await load({ "ckpt.pt": file }, "ckpt.pt");
      const { config } = model;
      model.close();
      assertEquals([checkpoint.format, checkpoint.notes], ["nanoGPT checkpoint", []]);
      assertEquals([config.vocab, config.context, config.dim, config.depth, config.heads, config.tied], [
        13,
        16,
        8,
        1,
        2,
        true,
      ]);
      assertEquals(model.params.size, Object.keys(nanogptShapes({ bias })).length + (bias ? 4 : 2), "q, k and v apart");
    }
  }
  const untied = nanogptCheckpoint({}, (weights) => {
    weights.set(
      "_orig_mod.lm_head.weight",
      new TensorToSave(new StorageToSave("h", new Uint8Array(4 * 13 * 8)), [13, 8]),
    );
  });
  assert((await logitsOf({ "ckpt.pt": torchArchive(untied) }, "ckpt.pt")).every((v) => v === 0), "a head of its own");
  const masked = nanogptCheckpoint({}, (weights) => {
    const mask = new StorageToSave("m", new Uint8Array(256 * 4));
    weights.set("_orig_mod.transformer.h.0.attn.bias", new TensorToSave(mask, [1, 1, 16, 16]));
  });
  const plain = await logitsOf({ "ckpt.pt": torchArchive(nanogptCheckpoint()) }, "ckpt.pt");
  assertEquals(await logitsOf({ "ckpt.pt": torchArchive(masked) }, "ckpt.pt"), plain);
});

Deno.test("what was saved beside a nanoGPT, of classes that are not known, does not matter", async () => {
  const { model, model_args } = nanogptCheckpoint(), args = new Call("argparse", "Namespace");
  const file = torchPickles({ args, model, model_args, run: new Call("wandb", "Run", [args]) });
  assertEquals((await logitsOf({ "ckpt.pt": file }, "ckpt.pt")).length, 39);
  // Pickles that are longer than what is read at first.
  const notes = Array.from({ length: 50 }, (_, i) => String(i).repeat(30_000));
  assert(torchPickles({ notes, model, model_args }).length > 2 ** 21);
  assertEquals((await logitsOf({ "ckpt.pt": torchPickles({ notes, model, model_args }) }, "ckpt.pt")).length, 39);
});

/** Python's pickle of `{vocab_size, itos, stoi}` for "\n !abc", as nanoGPT writes it. */
const META =
  "gASVZgAAAAAAAAB9lCiMCnZvY2FiX3NpemWUSwaMBGl0b3OUfZQoSwCMAQqUSwGMASCUSwKMASGUSwOMAWGUSwSMAWKUSwWMAWOUdYwEc3RvaZR9" +
  "lChoBEsAaAVLAWgGSwJoB0sDaAhLBGgJSwV1dS4=";

Deno.test("generate.ts continues a text with a nanoGPT and its meta.pkl, and says what is missing without", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const run = (...args: string[]) => finish(spawn(`${root}generate.ts`, folder, ["--model", "ckpt.pt", ...args]));
    Deno.writeFileSync(`${folder}/ckpt.pt`, torchArchive(nanogptCheckpoint()));
    const { code, out, err } = await run("--prompt", "ab");
    assertEquals([code, out, err.split("\n")[0]], [
      2,
      "",
      "generate.ts: ckpt.pt has no tokenizer beside it: name one with --tokenizer",
    ]);
    Deno.writeFileSync(`${folder}/chars.pkl`, Uint8Array.fromBase64(META));
    const named = await run("--prompt", "ab", "--tokenizer", "chars.pkl", "--max-tokens", "0");
    assertEquals([named.code, named.out], [0, "ab\n"], named.err);
    Deno.renameSync(`${folder}/chars.pkl`, `${folder}/meta.pkl`);
    const { model, checkpoint } = await loadModel(runtime, `${folder}/ckpt.pt`, { plugins });
    model.close();
    const tokenizer = (await checkpoint.tokenizer())!;
    assertEquals(tokenizer.encode("a c!\nb"), [3, 1, 5, 2, 0, 4]);
    assertEquals(tokenizer.decode([3, 1, 5, 2, 0, 4]), "a c!\nb");
    Deno.writeFileSync(`${folder}/meta.pkl`, pickle({ itos: ["a"] }));
    assertEquals(
      (await assertRejects(() => checkpoint.tokenizer("meta.pkl"), CheckpointError)).message,
      "Cannot read meta.pkl: its itos is a list, expected a dictionary",
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

// ---- what is refused ------------------------------------------------------------------------------------------------

const missing = "expected the model and model_args of nanoGPT, or a folder with config.json and pytorch_model.bin";
const pt = (value: Pickled, options = {}): Bytes => torchArchive(value, options);
const stateOf = (bytes: number, shape: number[], strides?: number[]) => ({
  model: { "transformer.wte.weight": new TensorToSave(new StorageToSave("0", new Uint8Array(bytes)), shape, strides) },
  model_args: nanogptArgs,
});

const refused: [what: string, file: () => Bytes, message: string | RegExp][] = [
  [
    "tensors without a config",
    () => pt(stateDict(llamaShapes)),
    `Cannot load a.pt: it has tensors and nothing that says of what model, ${missing}`,
  ],
  ["a whole module", () => pt(new Call("mine", "Net")), "Cannot load a.pt: it holds mine.Net, expected a dictionary"],
  [
    "weights of a class",
    () => pt({ model: new Call("mine", "Net"), model_args: {} }),
    `Cannot load a.pt: its model was made by mine.Net, ${missing}`,
  ],
  ["no model_args", () => pt({ model: stateDict(llamaShapes) }), `Cannot load a.pt: it has no model_args, ${missing}`],
  [
    "no width",
    () => pt({ model: {}, model_args: { n_layer: 1 } }),
    "Cannot read a.pt: model_args: n_embd is missing, expected a whole number from 1",
  ],
  [
    "a depth of many digits",
    () => pt(nanogptCheckpoint({ n_layer: 2n ** 70n })),
    'Cannot read a.pt: model_args: n_layer is "1180591620717411303424", expected a whole number from 1',
  ],
  [
    "an option of a fork",
    () => pt(nanogptCheckpoint({ n_kv_head: 1 })),
    "Cannot read a.pt: model_args: n_kv_head is 1, expected no field beside n_layer, n_head, n_embd, block_size, bias, vocab_size, dropout",
  ],
  [
    "a tensor of a fork",
    () => pt(nanogptCheckpoint({}, (w) => w.set("transformer.extra", 1))),
    "Cannot load a.pt: transformer.extra: nanoGPT has no tensor of that name",
  ],
  [
    "a missing tensor",
    () => pt(nanogptCheckpoint({}, (w) => w.delete("_orig_mod.transformer.wpe.weight"))),
    "Cannot load a.pt: it has no tensor for position.table [16,8]",
  ],
  [
    "two names of a tensor",
    () =>
      pt(nanogptCheckpoint({}, (w) => w.set("transformer.ln_f.weight", w.get("_orig_mod.transformer.ln_f.weight")!))),
    "Cannot load a.pt: transformer.ln_f.weight: a.pt: _orig_mod.transformer.ln_f.weight is norm.weight too",
  ],
  [
    "a name that is a number",
    () => pt({ model: new Call("collections", "OrderedDict", [[["a", 1]]]) }),
    /^Cannot read a.pt: the pickle at byte \d+ makes a dictionary of what was there before, expected an empty one$/,
  ],
  [
    "a storage that is too short",
    () => pt(stateOf(32, [13, 8])),
    /^Cannot read a.pt: the pickle at byte \d+ makes a tensor up to element 103 of storage "0", which has 8$/,
  ],
  [
    "strides that lead out of it",
    () => pt(stateOf(416, [13, 8], [8, 2])),
    /makes a tensor up to element 110 of storage "0", which has 104$/,
  ],
  [
    "too few strides",
    () => pt(stateOf(416, [13, 8], [8])),
    /offset, sizes or strides are not numbers, expected as many sizes as strides, at most 64$/,
  ],
  [
    "a negative size",
    () => pt(stateOf(416, [-13, 8], [8, 1])),
    /offset, sizes or strides are not numbers, expected as many sizes as strides, at most 64$/,
  ],
  [
    "another byte order",
    () => pt(nanogptCheckpoint(), { byteorder: "big" }),
    'Cannot read a.pt: archive/byteorder is "big", expected "little"',
  ],
  [
    "another byte order, before 1.6",
    () => torchPickles(nanogptCheckpoint(), { little: false }),
    "Cannot read a.pt: little_endian is false, expected true",
  ],
  [
    "another version, before 1.6",
    () => torchPickles(nanogptCheckpoint(), { version: 1002 }),
    "Cannot read a.pt: its version is 1002, expected 1001",
  ],
  [
    "another magic number",
    () => pickle(5n),
    /^Cannot read a.pt: the pickle at byte \d+ begins an instruction of 1 bytes, which goes on after byte \d+$/,
  ],
  [
    "half of its storages, before 1.6",
    () => torchPickles(nanogptCheckpoint()).slice(0, -500),
    /^Cannot read a.pt: storage \d+ at byte \d+ has \d+ elements of 4 bytes, expected \d+ bytes$/,
  ],
  [
    "half of an archive",
    () => pt(nanogptCheckpoint()).slice(0, -500),
    /^Cannot read a.pt: at byte \d+ it ends without the directory of a ZIP archive: it may not be whole$/,
  ],
  [
    "files that are compressed",
    () => archive({ "a/data.pkl": pickle({}) }, false, 8),
    'Cannot read a.pt: at byte 70 is "a/data.pkl", which is compressed or encrypted, expected it as it is',
  ],
  [
    "no pickle",
    () => archive({ "a/b.txt": text("hello") }),
    "Cannot read a.pt: it is an archive with no data.pkl, expected one",
  ],
  [
    "a program",
    () => archive({ "a/data.pkl": pickle({}), "a/constants.pkl": pickle([]) }),
    "Cannot read a.pt: it is a program of TorchScript, expected what torch.save writes",
  ],
  [
    "no storage",
    () => archive({ "a/data.pkl": pickle(stateOf(416, [13, 8])) }),
    "Cannot read a.pt: it has no a/data/0, in which there should be 104 of float32",
  ],
  [
    "a storage of fewer bytes",
    () => archive({ "a/data.pkl": pickle(stateOf(416, [13, 8])), "a/data/0": new Uint8Array(100) }),
    "Cannot read a.pt: a/data/0 has 100 bytes, expected 104 of float32",
  ],
];

for (const [what, file, message] of refused) {
  Deno.test(`a file of torch.save with ${what} is refused`, async () => {
    const used = runtime.backend.memory.used;
    const error = await assertRejects(() => load({ "a.pt": file() }, "a.pt"), CheckpointError);
    if (typeof message === "string") assertEquals(error.message, message);
    else assert(message.test(error.message), error.message);
    assertEquals(runtime.backend.memory.used, used, "a failed load takes no memory");
  });
}

Deno.test("a pytorch_model.bin that is no such file, or no dictionary, is refused", async () => {
  const config = llamaFolder()["config.json"];
  for (
    const [bytes, message] of [
      [text("version https://git-lfs"), "it does not begin as files do that torch.save writes"],
      [new Uint8Array(0), "it does not begin as files do that torch.save writes"],
      [pt([1, 2]), "it holds a list, expected a dictionary of tensors"],
      [pt(new Call("transformers", "Model")), "it holds transformers.Model, expected a dictionary of tensors"],
      [safetensors(llamaShapes), "it does not begin as files do that torch.save writes"],
    ] as const
  ) {
    const error = await assertRejects(
      () => load({ "config.json": config, "pytorch_model.bin": bytes }),
      CheckpointError,
    );
    assertEquals(error.message, `Cannot read pytorch_model.bin: ${message}`);
  }
});
