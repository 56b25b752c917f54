/** Text to token files, batches by step, evaluation windows. */
import fc from "fast-check";
import { END_OF_TEXT } from "../components/tokenizers/tokenizer.ts";
import { batches, evaluationWindows } from "../model/data/batches.ts";
import { type DataInfo, openData, tokenizerHash } from "../model/data/data_info.ts";
import { corpus, readDocuments } from "../model/data/documents.ts";
import { listTextFiles, readUtf8 } from "../model/data/files.ts";
import { permutation } from "../model/data/permutation.ts";
import { prepareData } from "../model/data/prepare.ts";
import { memoryTokens, openTokenFile, type TokenFile } from "../model/data/token_file.ts";
import { createRandom } from "../model/random.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { tokenizerOf } from "../model/tokenizer_of.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import { loadModel } from "../model/checkpoint.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { fixtures, hasFixture, readJson } from "./support.ts";

const bytes = tokenizerOf(await trainTokenizer("bytes", []));
const shakespeare = new URL("text/tinyshakespeare.txt", fixtures);
const hasShakespeare = hasFixture("text/tinyshakespeare.txt") && hasFixture("golden/train_shakespeare/train.json");

/** Runs `f` in a folder with `files`, which is removed afterwards. */
async function inFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  f: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, content] of Object.entries(files)) {
      Deno.mkdirSync(`${folder}/${name}`.replace(/[^/]*$/, ""), { recursive: true });
      if (typeof content === "string") Deno.writeTextFileSync(`${folder}/${name}`, content);
      else Deno.writeFileSync(`${folder}/${name}`, content);
    }
    await f(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Whole documents. */
function documentsOf(files: readonly string[]): string[] {
  const documents: string[] = [];
  for (const { document, text } of readDocuments(files)) documents[document] = (documents[document] ?? "") + text;
  return documents;
}

function all(tokens: TokenFile): number[] {
  const into = new Int32Array(tokens.length);
  tokens.read(0, into);
  return [...into];
}

Deno.test("folders give their .txt and .md files in order, named files as they are, each once", () =>
  inFolder({
    "b.txt": "b",
    "a/z.md": "z",
    "a/B.TXT": "B",
    "a.txt": "a",
    "a/no.json": "{}",
    ".hidden/x.txt": "x",
    ".x.txt": "x",
    "data.csv": "1,2",
  }, (folder) => {
    Deno.symlinkSync(`${folder}/a`, `${folder}/link.txt`);
    Deno.symlinkSync(`${folder}/b.txt`, `${folder}/c.txt`);
    const names = (...paths: string[]) =>
      listTextFiles(paths.map((p) => `${folder}/${p}`)).map((f) => f.slice(folder.length + 1));
    assertEquals(names(""), ["/a/B.TXT", "/a/z.md", "/a.txt", "/b.txt"].map((n) => n.slice(1)));
    assertEquals(names("b.txt", "data.csv", "a/"), ["b.txt", "data.csv", "a/B.TXT", "a/z.md"]);
    assertThrows(() => names("missing"), CheckpointError, "missing: there is no such file or folder");
    assertThrows(() => names(".hidden", ".hidden/none"), CheckpointError, "none: there is no such");
    assertThrows(() => listTextFiles([]), RangeError, "no path is given");
    Deno.mkdirSync(`${folder}/empty`);
    assertThrows(() => names("empty"), CheckpointError, "it has no .txt or .md file");
  }));

Deno.test("text is read whole in whatever pieces it comes; a mark of byte order is left out", () => {
  const text = "aé日🍎".repeat(150_000); // characters of 1 to 4 bytes across the borders of pieces
  return inFolder({ "a.txt": text, "b.txt": "\ufeffa\ufeff", "c.txt": "" }, (folder) => {
    const pieces = [...readUtf8(`${folder}/a.txt`)];
    assert(pieces.length > 1);
    assert(pieces.join("") === text);
    assert(pieces.every((p) => p.isWellFormed()));
    assertEquals([...readUtf8(`${folder}/b.txt`)].join(""), "a\ufeff");
    assertEquals([...readUtf8(`${folder}/c.txt`)], []);
  });
});

const invalid: [what: string, bytes: number[], at: number][] = [
  ["a byte that begins nothing", [0x61, 0xff, 0x62], 1],
  ["a character cut by the end", [0x61, 0x62, 0xe2, 0x82], 2],
  ["a character cut by another", [0xc3, 0xa9, 0xc3, 0x41], 2],
  ["a lone surrogate", [0x61, 0xed, 0xa0, 0x80], 1],
  ["an overlong zero", [0xc0, 0x80], 0],
  ["bytes that only go on", [0x61, 0x80, 0x80, 0x80, 0x80], 1],
];
for (const [what, tail, at] of invalid) {
  Deno.test(`a file with ${what} is refused with file and byte`, async () => {
    for (const before of [0, 2 ** 20 - 2, 3_000_001]) {
      const content = new Uint8Array(before + tail.length).fill(0x61);
      content.set(tail, before);
      await inFolder({ "x.txt": content }, (folder) => {
        const error = assertThrows(() => [...readUtf8(`${folder}/x.txt`)], CheckpointError);
        assertEquals(
          error.message,
          `Cannot read ${folder}/x.txt: byte ${before + at} is not UTF-8, expected a text file`,
        );
      });
    }
  });
}

Deno.test("lines that are exactly <|endoftext|> separate documents", () =>
  inFolder({
    "a.txt": `one\n${END_OF_TEXT}\ntwo ${END_OF_TEXT}\n${END_OF_TEXT} x\n${END_OF_TEXT}\r\nthree`,
    "b.txt": `${END_OF_TEXT}\n${END_OF_TEXT}\nfour\n${END_OF_TEXT}`,
    "c.txt": "",
    "d.txt": `${END_OF_TEXT}`,
    "e.txt": "<|endoftext|",
  }, (folder) => {
    const files = listTextFiles([folder]);
    const documents = ["one\n", `two ${END_OF_TEXT}\n${END_OF_TEXT} x\n`, "three", "four\n", "<|endoftext|"];
    assertEquals(documentsOf(files), documents);
    assertEquals([...readDocuments(files)].map((p) => p.file.at(-5)), ["a", "a", "a", "b", "e"]);
    assertEquals([...corpus([folder])].join(""), documents.join(END_OF_TEXT));
  }));

Deno.test("separators are found wherever pieces end", async () => {
  const separator = `\n${END_OF_TEXT}\n`;
  for (let shift = 0; shift <= separator.length; shift++) {
    const first = "x".repeat(2 ** 20 - shift);
    await inFolder({ "a.txt": `${first}${separator}b` }, (folder) => {
      const documents = documentsOf(listTextFiles([folder]));
      assertEquals(documents.map((d) => d.length), [first.length + 1, 1], `shift ${shift}`);
    });
  }
  // Within a line it is none, even where a piece begins with it.
  await inFolder({ "a.txt": `${"x".repeat(2 ** 20)}${END_OF_TEXT}\nb` }, (folder) => {
    assertEquals(documentsOf(listTextFiles([folder])).length, 1);
  });
});

Deno.test("documents are what splitting the whole text gives", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", " b", "\n", "\r\n", END_OF_TEXT, `\n${END_OF_TEXT}\n`, "<|end"), { maxLength: 12 }),
      (parts) =>
        inFolder({ "a.txt": parts.join("") }, (folder) => {
          const expected: string[] = [""];
          for (const line of parts.join("").match(/[^\n]*\n|[^\n]+/g) ?? []) {
            if (line.replace(/\r?\n$|\r$/, "") === END_OF_TEXT) expected.push("");
            else expected[expected.length - 1] += line;
          }
          assertEquals(documentsOf([`${folder}/a.txt`]), expected.filter((d) => d));
        }),
    ),
    { numRuns: 60 },
  ));

Deno.test("one document: the first 90 % of the characters train, as nanoGPT has it", () => {
  const text = "é🍎abcdefgh".repeat(10) + "xyz"; // 103 characters
  return inFolder({ "a.txt": text, "out/keep": "" }, async (folder) => {
    const options = { paths: [`${folder}/a.txt`], tokenizer: bytes, directory: `${folder}/out` };
    const info = await prepareData(options);
    using data = await openData(`${folder}/out`);
    const cut = Array.from(text).slice(0, 92).join(""); // ⌊103 · 0.9⌋
    assertEquals(bytes.decode(all(data.train)), cut);
    assertEquals(bytes.decode(all(data.validation)), text.slice(cut.length));
    const size = new TextEncoder().encode(text).length;
    assertEquals([info.characters, info.bytes, info.tokens, info.documents], [103, size, size, 1]);
    assertEquals(info.train.characters, 92);
    assertEquals(
      info.describe,
      `${folder}/a.txt is one document of 103 characters: the first 92 are for training, the last 11 for validation.`,
    );
    assertEquals([data.info, info.dtype, info.vocab, info.tokenizer], [info, "u16", 257, await tokenizerHash(bytes)]);
    assertEquals([...Deno.readDirSync(`${folder}/out`)].map((e) => e.name).sort(), [
      "data.json",
      "keep",
      "train.bin",
      "validation.bin",
    ]);
    // The bytes on disk are little-endian, without a header.
    assertEquals([...Deno.readFileSync(`${folder}/out/train.bin`).slice(0, 4)], [0xc4, 0, 0xaa, 0]);
  });
});

Deno.test("several documents stay whole, and each ends with <|endoftext|>", () => {
  const stories = Array.from({ length: 40 }, (_, i) => `Story ${i} é.\n`);
  return inFolder({
    "a.txt": stories.slice(0, 30).join(`${END_OF_TEXT}\n`),
    "b.txt": stories.slice(30).join(`${END_OF_TEXT}\n`),
  }, async (folder) => {
    const prepare = async (seed: number, validation = 0.1) => {
      const directory = `${folder}/out${seed}`;
      const info = await prepareData({ paths: [folder], tokenizer: bytes, directory, seed, validation });
      using data = await openData(directory);
      const texts = (tokens: TokenFile) =>
        all(tokens).map((id) => id === 0 ? "|" : String.fromCharCode(id - 1)).join("").split("|");
      return { info, train: texts(data.train), validation: texts(data.validation) };
    };
    const { info, train, validation } = await prepare(1);
    assertEquals([train.pop(), validation.pop()], ["", ""]); // both end with a separator
    assertEquals([train.length, validation.length, info.train.documents, info.validation.documents], [36, 4, 36, 4]);
    const number = (text: string) => Number(/Story (\d+)/.exec(text)![1]);
    assertEquals([...train, ...validation].map(number).sort((a, b) => a - b), stories.map((_, i) => i));
    assertEquals(train.map(number), train.map(number).sort((a, b) => a - b)); // the order of the files
    assertEquals((await prepare(1)).validation, [...validation, ""]);
    assert(String((await prepare(2)).validation) !== String([...validation, ""]));
    assertEquals(info.tokens, info.bytes + 40);
    assertEquals(
      info.files.map((f) => f.train.documents + f.validation.documents),
      [30, 10],
    );
    const sum = (key: "tokens" | "bytes" | "characters") => info.files.reduce((s, f) => s + f.validation[key], 0);
    assertEquals([sum("tokens"), sum("bytes")], [info.validation.tokens, info.validation.bytes]);
    assertEquals(
      info.describe,
      "40 documents in 2 files: 36 are for training, 4 for validation, chosen by a hash of their index and seed 1.",
    );
    assertEquals((await prepare(3, 0)).info.validation.tokens, 0);
    assertEquals((await prepare(3, 0.999)).info.train.documents, 1); // never none
    assertEquals((await prepare(3, 0.001)).info.validation.documents, 1);
  });
});

Deno.test("which documents are for validation is stated: these indexes for these seeds", () =>
  inFolder(
    { "a.txt": Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i)).join(`\n${END_OF_TEXT}\n`) },
    async (folder) => {
      for (const [seed, expected] of [[0, "adegv"], [1, "efluz"], [-5, "adefq"]] as const) {
        await prepareData({ paths: [folder], tokenizer: bytes, directory: `${folder}/o`, validation: 0.2, seed });
        using data = await openData(`${folder}/o`);
        assertEquals(bytes.decode(all(data.validation)).replaceAll("\n", ""), expected);
      }
    },
  ));

Deno.test("pieces change nothing: tokens are those of whole documents", async () => {
  const story = "The cat's hat, 123 cats;\n\n  it sat there — 日本 ";
  const tokenizer = tokenizerOf(await trainTokenizer({ type: "byteLevelBpe", vocab: 300 }, story + "a zzzz zzzz"));
  const documents = [story.repeat(40_000), `a${"z".repeat(1_200_000)}`, story];
  await inFolder(
    Object.fromEntries(documents.map((d, i) => [`${i}.txt`, d])),
    async (folder) => {
      await prepareData({ paths: [folder], tokenizer, directory: `${folder}/out`, validation: 0 });
      using data = await openData(`${folder}/out`);
      assertEquals(documentsOf(listTextFiles([folder])).map((d) => d.length), documents.map((d) => d.length));
      const expected = documents.flatMap((d) => [...tokenizer.encode(d), 0]);
      assert(String(all(data.train)) === String(expected));
      const texts = [...corpus([folder])];
      assert(texts.length > 4);
      assert(texts.join("") === documents.join(END_OF_TEXT));
      assertEquals(
        (await trainTokenizer({ type: "byteLevelBpe", vocab: 290 }, texts)).model.merges,
        (await trainTokenizer({ type: "byteLevelBpe", vocab: 290 }, documents)).model.merges,
      );
    },
  );
});

Deno.test("any tokenizer will do: one that begins texts itself, one that ends them, one of many ids", () =>
  inFolder({ "a.txt": "ab", "b.txt": "c" }, async (folder) => {
    const letters = (extra: Partial<Tokenizer>): Tokenizer => ({
      vocab: 10,
      stopIds: [],
      encode: (text) => Array.from(text, (c) => c.charCodeAt(0) - 97),
      decode: (ids) => String.fromCharCode(...ids.map((id) => id + 97)),
      ...extra,
    });
    const prepared = async (tokenizer: Tokenizer) => {
      const info = await prepareData({ paths: [folder], tokenizer, directory: `${folder}/o`, validation: 0 });
      using data = await openData(`${folder}/o`);
      return { info, ids: all(data.train) };
    };
    assertEquals((await prepared(letters({ stopIds: [7, 8] }))).ids, [0, 1, 7, 2, 7]);
    const begins = letters({ stopIds: [9], encode: (text) => [9, ...letters({}).encode(text)] });
    assertEquals((await prepared(begins)).ids, [9, 0, 1, 9, 2]);
    const large = letters({ vocab: 70_000, stopIds: [69_999] }), { info, ids } = await prepared(large);
    assertEquals([info.dtype, ids], ["u32", [0, 1, 69_999, 2, 69_999]]);
    assertEquals([...Deno.readFileSync(`${folder}/o/train.bin`).slice(8, 12)], [0x6f, 0x11, 1, 0]);
    await assertRejects(() => prepared(letters({})), TypeError, "the tokenizer has no token that ends one");
    assert(await tokenizerHash(letters({})) !== await tokenizerHash(letters({ decode: () => "" })));
  }));

Deno.test("data that cannot be used is refused, and nothing is left behind", () =>
  inFolder({
    "empty.txt": "",
    "only.txt": `${END_OF_TEXT}\n`,
    "short.txt": "abcdefghij",
    "bad.txt": Uint8Array.of(97, 98, 255),
    "new.txt": "abcé",
  }, async (folder) => {
    const directory = `${folder}/out`, tokenizer = bytes;
    const refused = (paths: string[], extra: object, kind: typeof RangeError, message: string) =>
      assertRejects(
        () => prepareData({ paths: paths.map((p) => `${folder}/${p}`), tokenizer, directory, ...extra }),
        kind,
        message,
      );
    await refused(["empty.txt"], {}, RangeError, "empty.txt is empty, expected text");
    await refused(["empty.txt", "only.txt"], {}, RangeError, "The text of 2 files is empty, expected text");
    await refused(["bad.txt"], {}, CheckpointError as never, `${folder}/bad.txt: byte 2 is not UTF-8`);
    await refused(
      ["short.txt"],
      { context: 9 },
      RangeError,
      "9 tokens are for train, expected at least 10 for context 9",
    );
    await refused(["short.txt"], {}, RangeError, "1 tokens are for validation, expected at least 2 for context 1");
    await refused(["short.txt"], { validation: 1 }, RangeError, "validation is 1, expected a number from 0, below 1");
    await refused(["short.txt"], { seed: 0.5 }, RangeError, "with seed 0.5, expected a whole number");
    const letters = tokenizerOf(await trainTokenizer("characters", "abcdefghij"));
    const message = `Cannot prepare ${folder}/new.txt: Cannot encode "é" (U+00E9)`;
    await refused(["new.txt"], { tokenizer: letters, validation: 0 }, RangeError, message);
    assertEquals([...Deno.readDirSync(directory)], []);
    // What was there stays.
    await prepareData({ paths: [`${folder}/short.txt`], tokenizer, directory, validation: 0.5 });
    await refused(["bad.txt"], {}, CheckpointError as never, "not UTF-8");
    using data = await openData(directory);
    assertEquals(bytes.decode(all(data.train)), "abcde");
  }));

Deno.test("progress is told in bytes", () =>
  inFolder({ "a.txt": "é".repeat(600_000), "b.txt": "b" }, async (folder) => {
    const told: number[] = [];
    const progress = (done: number, total: number) => told.push(done, total);
    await prepareData({ paths: [folder], tokenizer: bytes, directory: `${folder}/o`, validation: 0, progress });
    assertEquals(told.slice(-4), [1_200_000, 1_200_001, 1_200_001, 1_200_001]);
    assert(told.length > 4);
  }));

Deno.test("folders that are no prepared data are refused", () =>
  inFolder({ "a.txt": "abcdefghij".repeat(4) }, async (folder) => {
    await assertRejects(() => openData(folder), CheckpointError, "it has no data.json");
    const directory = `${folder}/o`, file = `${directory}/data.json`;
    await prepareData({ paths: [folder], tokenizer: bytes, directory });
    const text = Deno.readTextFileSync(file);
    const refused = async (change: (info: Record<string, unknown>) => void, message: string) => {
      const info = JSON.parse(text);
      change(info);
      Deno.writeTextFileSync(file, JSON.stringify(info));
      await assertRejects(() => openData(directory), CheckpointError, message);
    };
    await refused((i) => i.version = 2, "version is 2, expected 1");
    await refused((i) => i.dtype = "i8", 'dtype is "i8", expected "u16" or "u32"');
    await refused((i) => delete i.tokenizer, "tokenizer is undefined, expected a hash");
    await refused((i) => delete i.train, "train.tokens is undefined, expected 36, which train.bin has");
    await refused((i) => i.validation = { tokens: 3 }, "validation.tokens is 3, expected 4, which validation.bin has");
    Deno.writeTextFileSync(file, text);
    Deno.writeFileSync(`${directory}/validation.bin`, new Uint8Array(7));
    await assertRejects(() => openData(directory), CheckpointError, "it has 7 bytes, expected a multiple of 2");
    Deno.removeSync(`${directory}/validation.bin`);
    await assertRejects(() => openData(directory), CheckpointError, "validation.bin: there is no such file");
  }));

Deno.test("token files are read anywhere, and not beyond", () =>
  inFolder({ "t.bin": new Uint8Array(Uint16Array.of(1, 2, 3, 65535).buffer) }, (folder) => {
    using file = openTokenFile(`${folder}/t.bin`, "u16");
    for (const tokens of [file, memoryTokens([1, 2, 3, 65535])]) {
      const into = new Int32Array(2);
      tokens.read(2, into);
      assertEquals([...into], [3, 65535]);
      tokens.read(0, into);
      assertEquals([...into], [1, 2]);
      for (const offset of [3, -1, 0.5]) {
        assertThrows(() => tokens.read(offset, into), RangeError, `from ${offset}, expected at most 4 in all`);
      }
    }
    file.close();
    file.close();
  }));

Deno.test("permutations are bijections, differ by seed, and are no identity", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer(), (size, seed) => {
    const order = permutation(size, createRandom(seed, "p")), seen = new Set<number>();
    for (let i = 0; i < size; i++) {
      const at = order(i);
      assert(Number.isInteger(at) && at >= 0 && at < size);
      seen.add(at);
    }
    assertEquals(seen.size, size);
  }));
  const huge = permutation(2 ** 40 + 7, createRandom(1, "p"));
  assertEquals(new Set(Array.from({ length: 1000 }, (_, i) => huge(i))).size, 1000);
  assert(Array.from({ length: 1000 }, (_, i) => huge(i)).some((v) => v > 2 ** 39));
});

Deno.test("each place of a permutation is equally likely for each index", () => {
  for (const size of [2, 3, 5, 7, 16]) {
    const rounds = 4000, counts = Array.from({ length: size }, () => new Float64Array(size));
    for (let seed = 0; seed < rounds; seed++) {
      const order = permutation(size, createRandom(seed, "p"));
      for (let i = 0; i < size; i++) counts[i][order(i)]++;
    }
    for (const row of counts) {
      const expected = rounds / size, chi = row.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
      // Far outside of chi-square with size − 1 degrees of freedom: five deviations and some.
      assert(chi < size - 1 + 6 * Math.sqrt(2 * size), `size ${size}: ${chi}`);
    }
  }
});

const sizes = fc.record({
  length: fc.integer({ min: 2, max: 300 }),
  context: fc.integer({ min: 1, max: 40 }),
  batch: fc.integer({ min: 1, max: 9 }),
  seed: fc.integer(),
}).filter(({ length, context }) => length > context);

Deno.test("an epoch sees every window once, and every token but the rest once", () => {
  fc.assert(fc.property(sizes, ({ length, context, batch, seed }) => {
    const made = batches(memoryTokens(Array.from({ length }, (_, i) => i)), { batch, context, seed, order: "epoch" });
    const windows = Math.floor((length - 1) / context), rest = length - 1 - windows * context;
    assertEquals(made.stepsPerEpoch, Math.ceil(windows / batch));
    const starts: number[] = []; // three epochs, which do not end with a batch
    for (let step = 0; starts.length < 3 * windows; step++) {
      const { inputs, targets } = made.at(step);
      assertEquals([inputs.length, targets.length], [batch * context, batch * context]);
      inputs.forEach((id, i) => assertEquals([id - inputs[i - i % context], targets[i]], [i % context, id + 1]));
      for (let row = 0; row < batch; row++) starts.push(inputs[row * context]);
    }
    for (let epoch = 0; epoch < 3; epoch++) {
      const seen = starts.slice(epoch * windows, (epoch + 1) * windows).sort((a, b) => a - b), [first] = seen;
      assertEquals(seen, Array.from({ length: windows }, (_, w) => first + w * context));
      assert(first >= 0 && first <= rest);
    }
  }));
});

Deno.test("epochs differ, and so do seeds; the rest lies elsewhere", () => {
  const tokens = memoryTokens(Array.from({ length: 100 }, (_, i) => i));
  const orders = [0, 1, 2, 3].flatMap((seed) => {
    const made = batches(tokens, { batch: 9, context: 10, seed, order: "epoch" });
    return [0, 1, 2].map((step) => made.at(step).inputs.filter((_, i) => i % 10 === 0));
  });
  assertEquals(new Set(orders.map(String)).size, 12);
  assert(new Set(orders.map((o) => Math.min(...o))).size > 3);
});

for (const order of ["random", "epoch"] as const) {
  Deno.test(`${order}: a batch depends on nothing but the step`, () => {
    fc.assert(fc.property(sizes, fc.array(fc.nat(1000), { maxLength: 20 }), (size, steps) => {
      const tokens = memoryTokens(Array.from({ length: size.length }, (_, i) => i * 7 % 11));
      const made = batches(tokens, { ...size, order }), inOrder = [...steps].sort((a, b) => a - b).map(made.at);
      const sorted = [...steps].sort((a, b) => a - b);
      steps.forEach((step) => assertEquals(made.at(step), inOrder[sorted.indexOf(step)]));
      steps.forEach((step) => assertEquals(batches(tokens, { ...size, order }).at(step), made.at(step)));
    }));
  });
}

Deno.test("random windows begin everywhere equally often, the last place included", () => {
  const length = 60, context = 10, places = length - context;
  const made = batches(memoryTokens(Array.from({ length }, (_, i) => i)), { batch: 50, context, seed: 3 });
  const counts = new Float64Array(places);
  for (let step = 0; step < 400; step++) {
    const { inputs, targets } = made.at(step);
    for (let row = 0; row < 50; row++) {
      counts[inputs[row * context]]++;
      assertEquals(targets[row * context + context - 1], inputs[row * context] + context);
    }
  }
  const expected = 20_000 / places, chi = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  assert(chi < places - 1 + 5 * Math.sqrt(2 * places), `${chi}`);
  assert(chi > places - 1 - 5 * Math.sqrt(2 * places), `${chi}`);
});

const firstSeen: [order: "random" | "epoch", seed: number, step: number, starts: number[]][] = [
  ["random", 0, 0, [747, 536, 470, 762]],
  ["random", 0, 1, [745, 693, 713, 199]],
  ["random", 7, 123456, [864, 380, 964, 595]],
  ["epoch", 0, 0, [309, 629, 179, 439]],
  ["epoch", 0, 1, [609, 489, 679, 819]],
  ["epoch", 7, 123456, [206, 776, 486, 546]],
];

Deno.test("batches are the same on every machine: these numbers for these seeds", () => {
  const tokens = memoryTokens(Array.from({ length: 1000 }, (_, i) => i));
  const starts = (order: "random" | "epoch", seed: number, step: number) =>
    [...batches(tokens, { batch: 4, context: 10, seed, order }).at(step).inputs].filter((_, i) => i % 10 === 0);
  for (const [order, seed, step, expected] of firstSeen) assertEquals(starts(order, seed, step), expected);
});

Deno.test("evaluation scores every token but the first once, in order", () => {
  fc.assert(fc.property(sizes, ({ length, context, batch }) => {
    const tokens = Array.from({ length }, (_, i) => i), scored: number[] = [];
    for (const { inputs, targets } of evaluationWindows(memoryTokens(tokens), context, batch)) {
      assertEquals([inputs.length, inputs.length % context], [targets.length, 0]);
      assert(inputs.length <= batch * context);
      targets.forEach((target, i) => {
        if (target < 0) return assertEquals([target, inputs[i]], [-1, 0]);
        assertEquals(inputs[i], target - 1);
        scored.push(target);
      });
    }
    assertEquals(scored, tokens.slice(1));
  }));
  const [only] = evaluationWindows(memoryTokens([5, 6, 7]), 8, 4); // shorter than a window
  assertEquals([[...only.inputs], [...only.targets]], [[5, 6, 0, 0, 0, 0, 0, 0], [6, 7, -1, -1, -1, -1, -1, -1]]);
});

Deno.test("sizes that make no batch are refused", () => {
  const tokens = memoryTokens([1, 2, 3], "three.bin"), options = { batch: 1, context: 2 };
  const refused = (f: () => unknown, message: string) => assertEquals(assertThrows(f, RangeError).message, message);
  refused(
    () => batches(tokens, { batch: 1, context: 3 }),
    "Cannot make batches of three.bin: it has 3 tokens, expected at least 4",
  );
  refused(
    () => batches(tokens, { ...options, batch: 0 }),
    "Cannot make batches with batch 0, expected a whole number from 1",
  );
  refused(
    () => [...evaluationWindows(tokens, 1.5, 1)],
    "Cannot make batches with context 1.5, expected a whole number from 1",
  );
  refused(
    () => [...evaluationWindows(memoryTokens([1], "one.bin"), 1, 1)],
    "Cannot make batches of one.bin: it has 1 tokens, expected at least 2",
  );
  refused(
    () => batches(tokens, options).at(-1),
    "Cannot make the batch of step -1, expected a whole number from 0",
  );
  refused(
    () => batches(tokens, { ...options, order: "shuffled" as never }),
    'Cannot make batches in the order "shuffled", expected "random" or "epoch"',
  );
});

interface GoldenRun {
  readonly config: Record<string, number>;
  readonly hyper: { readonly batch: number; readonly block: number };
  readonly vocab: string;
  readonly train_offsets: number[][];
  readonly val_offsets: number[];
  readonly loss: number[];
}

Deno.test({
  name: "tinyshakespeare is prepared as the golden run has it: its first loss",
  ignore: !hasShakespeare,
  async fn() {
    const at = new URL("golden/train_shakespeare/", fixtures), golden = readJson<GoldenRun>(new URL("train.json", at));
    const { batch, block } = golden.hyper, [offsets] = golden.train_offsets;
    const tokenizer = tokenizerOf(await trainTokenizer("characters", corpus([shakespeare.pathname])));
    assertEquals(tokenizer.decode(Array.from({ length: 65 }, (_, id) => id)), golden.vocab);
    const weights = Deno.readFileSync(new URL("init.safetensors", at));
    const source = memorySource({
      "config.json": new TextEncoder().encode(JSON.stringify(golden.config)),
      "model.safetensors": weights,
    });
    using runtime = await createRuntime({ threads: 1 });
    await inFolder({}, async (folder) => {
      const info: DataInfo = await prepareData({ paths: [shakespeare.pathname], tokenizer, directory: folder });
      assertEquals([info.train.tokens, info.validation.tokens], [1_003_854, 111_540]);
      using data = await openData(folder);
      // torch.randint(n − block): every offset leaves room for a window and its target.
      assert(Math.max(...golden.train_offsets.flat()) < data.train.length - block);
      assert(Math.max(...golden.val_offsets) < data.validation.length - block);
      const inputs: number[] = [], targets: number[] = [], window = new Int32Array(block + 1);
      for (const offset of offsets) {
        data.train.read(offset, window);
        inputs.push(...window.subarray(0, block));
        targets.push(...window.subarray(1));
      }
      const { model } = await loadModel(runtime, source, { plugins: [huggingface] });
      const scores = await runtime.scope(() =>
        runtime.read(runtime.ops.logSoftmaxAt(model.forward(inputs, { batch }), targets))
      );
      model.close();
      const loss = -scores.reduce((sum, v) => sum + v, 0) / scores.length;
      assert(Math.abs(loss - golden.loss[0]) < 1e-5, `loss ${loss}, expected ${golden.loss[0]}`);
    });
  },
});
