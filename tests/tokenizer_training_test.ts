/** Tokenizers made here: beside a naive trainer, beside Hugging Face's library on the same file, and there and back. */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import fc from "fast-check";
import { byteSymbols, wordPattern } from "../components/tokenizers/byte_level.ts";
import { bpeJson, END_OF_TEXT, lastBreak, type TokenizerJson } from "../components/tokenizers/tokenizer.ts";
import { resolveComponent } from "../model/config.ts";
import { memorySource } from "../model/source.ts";
import { tokenizerOf } from "../model/tokenizer_of.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import { readTokenizer } from "../plugins/huggingface/tokenizer.ts";
import { builtins } from "../components/builtins.ts";
import { CheckpointError } from "../model/source.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { fixtures, hasFixture, readJson } from "./support.ts";

/** Texts that tell tokenizers apart: white space that JavaScript and Rust see differently, marks, pairs, specials. */
const fragments = [
  ..."ab'\t\n\r\0\x1f\x85\xa0\ufeff\u200b\u2028\u3000é²½٣日本ªǅ_-!",
  "the",
  " th",
  "  ",
  "'ll",
  "'S",
  "e\u0301",
  "👩‍👩‍👧",
  "🍎",
  "\ud83d",
  "\udf4e",
  END_OF_TEXT,
  "<|",
  "|>",
  "Ġ",
  "__proto__",
  "123",
  "\r\n",
];
const anyText = fc.oneof(
  fc.array(fc.constantFrom(...fragments), { maxLength: 20 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);
/** Words over few letters: many pairs, many ties. */
const corpusText = fc.array(fc.string({ unit: fc.constantFrom(..."aabbc é"), maxLength: 12 }), { maxLength: 8 });

const story =
  "The cat sat on the mat. The cat's hat — it's the cat's! 123 1234 the then there 日本語 日本 🍎🍎\n\n  def __proto__";
const bpe = await trainTokenizer({ type: "byteLevelBpe", vocab: 300 }, [story, story]);
const byte = await trainTokenizer("bytes", []);
const libraryIds = (json: TokenizerJson) => {
  const library = new Library(json, {});
  return {
    encode: (text: string) => library.encode(text).ids,
    decode: (ids: number[]) =>
      ids.length ? library.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false }) : "",
  };
};

/** As one would write it without a thought for time: count all pairs anew for each merge. */
function naiveMerges(texts: readonly string[], vocab: number): string[] {
  const alphabet = [...byteSymbols].sort(), ids = new Map([END_OF_TEXT, ...alphabet].map((t, id) => [t, id]));
  let words = texts.flatMap((text) => text.match(wordPattern()) ?? [])
    .map((word) => Array.from(new TextEncoder().encode(word), (b) => byteSymbols[b]));
  const merges: string[] = [];
  while (ids.size < vocab) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]} ${word[i]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const order = (pair: string) => pair.split(" ").map((t) => ids.get(t)!);
    const [best] = [...counts].filter(([, count]) => count >= 2).sort(([a, m], [b, n]) =>
      n - m || order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]
    );
    if (!best) break;
    const [left, right] = best[0].split(" ");
    merges.push(best[0]);
    if (!ids.has(left + right)) ids.set(left + right, ids.size);
    words = words.map((word) => {
      const out: string[] = [];
      for (let i = 0; i < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) out.push(left + word[++i]);
        else out.push(word[i]);
      }
      return out;
    });
  }
  return merges;
}

Deno.test("byteLevelBpe learns the merges of a naive trainer", async () => {
  await fc.assert(fc.asyncProperty(corpusText, fc.integer({ min: 257, max: 280 }), async (texts, vocab) => {
    fc.pre(texts.some((t) => t));
    const json = await trainTokenizer({ type: "byteLevelBpe", vocab }, texts);
    assertEquals(json.model.merges, naiveMerges(texts, vocab));
    assertEquals(Object.keys(json.model.vocab).length, 257 + json.model.merges.length);
  }));
  assertEquals(bpe.model.merges, naiveMerges([story, story], 300));
});

Deno.test("words are GPT-2's; U+0085 is white space and U+FEFF is not, as in Hugging Face's library", () => {
  const words = (text: string) => text.match(wordPattern());
  assertEquals(words("It's  the cats' 12x!?\n\n end "), [
    ..."It|'s| | the| cats|'| 12|x|!?|\n\n| end| ".split("|"),
  ]);
  assertEquals(words("a!\ufeff?\x85\x85b\u3000"), ["a", "!\ufeff?", "\x85", "\x85", "b", "\u3000"]);
});

Deno.test("byteLevelBpe: ties by ids, special id 0, words not crossed, separators not learned", async () => {
  const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 300 }, ["ab ab", `cd${END_OF_TEXT}cd`]);
  // "Ġ" comes after the letters; (a, b) and (c, d) occur twice, (Ġ, ab) once.
  assertEquals(json.model.merges, ["a b", "c d"]);
  assertEquals([json.model.vocab[END_OF_TEXT], json.model.vocab["!"], json.model.vocab.ab], [0, 1, 257]);
  assertEquals(json.added_tokens.map(({ id, content }) => [id, content]), [[0, END_OF_TEXT]]);
});

Deno.test({
  name: "byteLevelBpe learns what Hugging Face's own trainer (tokenizers 0.23.2, min_frequency 2) learns",
  ignore: !hasFixture("text/tinyshakespeare.txt"),
  async fn() {
    const text = Deno.readTextFileSync(new URL("text/tinyshakespeare.txt", fixtures));
    const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 2000 }, [text]), { merges } = json.model;
    assertEquals(merges.length, 1743);
    assertEquals(merges.slice(0, 5), ["Ġ t", "h e", "Ġ a", "o u", "Ġ s"]);
    assertEquals(merges.slice(-5), ["Ġconf ess", "Ġstre ng", "SE BAST", "ithe e", "SEBAST IAN"]);
    assertEquals(tokenizerOf(json).encode(text).length, 390480);
  },
});

Deno.test("characters: one id for each, in the order of code points; a separator only where there is one", async () => {
  const json = await trainTokenizer("characters", ["bä", "a\n🍎z"]);
  assertEquals(Object.entries(json.model.vocab), [["\n", 0], ["a", 1], ["b", 2], ["z", 3], ["ä", 4], ["🍎", 5]]);
  const two = tokenizerOf(await trainTokenizer("characters", ["ab", END_OF_TEXT, "bc"]));
  assertEquals([two.vocab, two.stopIds, two.encode(`ab${END_OF_TEXT}c`)], [4, [3], [0, 1, 3, 2]]);
  assertEquals(two.decode([0, 3, 2, 99]), "ac");
});

Deno.test({
  name: "characters: tinyshakespeare gives nanoGPT's 65",
  ignore: !hasFixture("text/tinyshakespeare.txt") || !hasFixture("golden/train_shakespeare/train.json"),
  async fn() {
    const text = Deno.readTextFileSync(new URL("text/tinyshakespeare.txt", fixtures));
    const { vocab } = readJson<{ vocab: string }>(new URL("golden/train_shakespeare/train.json", fixtures));
    const tokenizer = tokenizerOf(await trainTokenizer("characters", text));
    assertEquals([tokenizer.vocab, tokenizer.stopIds], [65, []]);
    assertEquals(tokenizer.encode(vocab), Array.from({ length: 65 }, (_, id) => id));
  },
});

Deno.test("characters: one that was not in the texts is refused by name", async () => {
  const tokenizer = tokenizerOf(await trainTokenizer("characters", "abc"));
  const error = assertThrows(() => tokenizer.encode("aé"), RangeError);
  assertEquals(
    error.message,
    'Cannot encode "é" (U+00E9): the tokenizer has no token for it, expected one of its 3 characters',
  );
});

Deno.test("nothing to learn from is refused; a choice that there is not, too", async () => {
  for (const type of ["characters", "byteLevelBpe"] as const) {
    await assertRejects(() => trainTokenizer(type, ["", END_OF_TEXT]), RangeError, "the texts are empty");
  }
  assertThrows(
    () => void trainTokenizer({ type: "byteLevelBpe", vocab: 256 }, ""),
    TypeError,
    "Cannot build tokenizer.vocab: current value is 256, expected a whole number from 257 up to 1048576",
  );
  // @ts-expect-error: no such tokenizer
  assertThrows(() => void trainTokenizer("wordPiece", ""), TypeError, 'unknown type "wordPiece"');
});

for (const [name, json] of [["byteLevelBpe", bpe], ["bytes", byte]] as const) {
  const own = tokenizerOf(json), library = libraryIds(json);

  Deno.test(`${name}: any text there and back, but for separators and lone surrogates`, () => {
    fc.assert(fc.property(anyText, (text) => {
      assertEquals(own.decode(own.encode(text)), text.replaceAll(END_OF_TEXT, "").toWellFormed());
    }));
  });

  Deno.test(`${name}: ids and text are the library's for the same file`, () => {
    fc.assert(fc.property(anyText, (text) => {
      const ids = own.encode(text);
      assertEquals(ids, library.encode(text));
      assertEquals(own.decode(ids), library.decode(ids));
    }));
    fc.assert(fc.property(fc.array(fc.nat(own.vocab - 1)), (ids) => {
      assertEquals(own.decode(ids), library.decode(ids)); // characters cut in two as well
    }));
  });

  Deno.test(`${name}: a text may be cut where cut() says`, () => {
    fc.assert(fc.property(anyText, fc.nat(20), (text, from) => {
      const at = own.cut(text, from);
      assert(at === 0 || (at >= from && at < text.length));
      assertEquals([...own.encode(text.slice(0, at)), ...own.encode(text.slice(at))], own.encode(text));
    }));
  });
}

Deno.test("characters: ids and text are the library's for the same file", async () => {
  const letters = [..."a \n'éß日🍎", "e\u0301", END_OF_TEXT, "\ufffd"];
  const json = await trainTokenizer("characters", letters), own = tokenizerOf(json), library = libraryIds(json);
  fc.assert(fc.property(fc.array(fc.constantFrom(...letters, "\ud83d")).map((p) => p.join("")), (text) => {
    const ids = own.encode(text);
    assertEquals(ids, library.encode(text.toWellFormed()));
    assertEquals(own.decode(ids), library.decode(ids));
    assertEquals(own.decode(ids), text.toWellFormed().replaceAll(END_OF_TEXT, ""));
  }));
});

Deno.test({
  name: "whole texts: ids are the library's",
  ignore: !hasFixture("text/tinyshakespeare.txt") || !hasFixture("text/tinystories_944k.txt"),
  async fn() {
    for (const file of ["text/tinyshakespeare.txt", "text/tinystories_944k.txt"]) {
      const text = Deno.readTextFileSync(new URL(file, fixtures)), part = text.slice(0, 200_000);
      const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 1000 }, text);
      assertEquals(tokenizerOf(json).encode(part), libraryIds(json).encode(part));
      assertEquals(tokenizerOf(json).decode(tokenizerOf(json).encode(text)), text);
    }
  },
});

Deno.test({
  name: "GPT-2's tokenizer.json can be read: its ids and text",
  ignore: !hasFixture("tokenizers/gpt2/tokenizer.json") || !hasFixture("golden/tok/gpt2.json"),
  fn() {
    const tokenizer = tokenizerOf(readJson(new URL("tokenizers/gpt2/tokenizer.json", fixtures)));
    const { cases } = readJson<{ cases: { text: string; ids: number[]; decoded: string }[] }>(
      new URL("golden/tok/gpt2.json", fixtures),
    );
    assert(cases.length > 50);
    for (const { text, ids, decoded } of cases) {
      assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
      assertEquals(tokenizer.decode(ids), decoded.replaceAll(END_OF_TEXT, ""), JSON.stringify(text));
    }
    assertEquals([tokenizer.vocab, tokenizer.stopIds], [50257, [50256]]);
  },
});

Deno.test("a word of any length is encoded, and merges come in the order in which they were learned", () => {
  const own = tokenizerOf(bpe), library = libraryIds(bpe);
  for (const word of ["a".repeat(5000), "thecatsat".repeat(300), "🍎".repeat(500)]) {
    assertEquals(own.encode(word), library.encode(word));
  }
});

Deno.test("training is the same each time, and for texts cut at breaks", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.string({ unit: fc.constantFrom(..."ab c\n'") })), async (texts) => {
    const text = texts.join("");
    fc.pre(text !== "");
    const at = lastBreak(text), choice = { type: "byteLevelBpe", vocab: 270 } as const;
    assertEquals(await trainTokenizer(choice, [text.slice(0, at), text.slice(at)]), await trainTokenizer(choice, text));
  }));
});

Deno.test("a token may have the name of an object's own fields", async () => {
  const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 300 }, "constructor constructor toString toString");
  const read = JSON.parse(JSON.stringify(json)), own = tokenizerOf(read);
  assertEquals(own.encode("constructor"), [read.model.vocab.constructor]);
  const odd = bpeJson(["__proto__", "a"], [], { pre_tokenizer: null, decoder: { type: "Fuse" } });
  assertEquals(Object.entries(JSON.parse(JSON.stringify(odd)).model.vocab), [["__proto__", 0], ["a", 1]]);
});

Deno.test("progress is told", async () => {
  const told: [number, number][] = [];
  await trainTokenizer({ type: "byteLevelBpe", vocab: 260 }, "ab ab ab abc abc", {
    progress: (tokens, wanted) => told.push([tokens, wanted]),
  });
  assertEquals(told, [[260, 260]]);
});

// Files that ask for something else are refused, field by field, so that the library reads them.
const refused: [what: string, change: (json: Record<string, unknown>) => void, message: string][] = [
  ["a normalizer", (j) => j.normalizer = { type: "NFC" }, 'normalizer is {"type":"NFC"}, expected null'],
  ["truncation", (j) => j.truncation = { max_length: 5 }, 'truncation is {"max_length":5}, expected null'],
  ["an unknown field", (j) => j.extra = 1, "extra is 1, expected no such field"],
  ["another model", (j) => model(j).type = "Unigram", 'model.type is "Unigram", expected "BPE"'],
  ["no model type", (j) => delete model(j).type, 'model.type is missing, expected "BPE"'],
  ["dropout", (j) => model(j).dropout = 0.1, "model.dropout is 0.1, expected null or 0"],
  ["byte fallback", (j) => model(j).byte_fallback = true, "model.byte_fallback is true, expected false"],
  ["an unknown token", (j) => model(j).unk_token = "?", 'model.unk_token is "?", expected null'],
  [
    "another pattern",
    (j) => stages(j)[0].pattern = { Regex: "\\s+" },
    'pretokenizers[0].pattern.Regex is "\\\\s+", expected',
  ],
  ["a space in front", (j) => stages(j)[1].add_prefix_space = true, "[1].add_prefix_space is true, expected false"],
  ["two patterns", (j) => stages(j)[1].use_regex = true, "[1].use_regex is true, expected false"],
  ["one stage", (j) => stages(j).pop(), "pretokenizers is a list of 1, expected Split, then ByteLevel"],
  ["no decoder", (j) => j.decoder = null, "decoder is null, expected an object"],
  ["another decoder", (j) => j.decoder = { type: "WordPiece" }, 'decoder.type is "WordPiece", expected "ByteLevel"'],
  ["a template", (j) => j.post_processor = { type: "TemplateProcessing" }, "post_processor.type is"],
  ["a vocabulary that is a list", (j) => model(j).vocab = [], "model.vocab is [], expected an object"],
  ["a gap", (j) => vocabOf(j).a = 999, 'the id of "a" is 999, expected a whole number below 300'],
  ["an id twice", (j) => vocabOf(j).a = vocabOf(j).b, 'the id of "b" is 66, expected not that of "a"'],
  ["an id that is text", (j) => vocabOf(j).a = "1" as never, 'the id of "a" is "1", expected a whole number'],
  ["no byte 97", (j) => rename(j, "a", "ab".repeat(9)), "model.vocab is without byte 97"],
  [
    "a token of no bytes",
    (j) => rename(j, bpeLast, "日"),
    'model.vocab is with "日", expected characters that stand for',
  ],
  ["merges that are missing", (j) => delete model(j).merges, "model.merges is undefined, expected a list"],
  ["a merge of three", (j) => mergesOf(j)[3] = "a b c", 'model.merges[3] is "a b c", expected two tokens'],
  ["a merge to nothing", (j) => mergesOf(j)[3] = "q x", 'model.merges[3] is "q x", expected "qx" in model.vocab'],
  ["a token that is not special", (j) => added(j).special = false, "added_tokens[0].special is false, expected true"],
  ["a token that strips", (j) => added(j).lstrip = true, "added_tokens[0].lstrip is true, expected false"],
  ["a special with another id", (j) => added(j).id = 5, "added_tokens[0].id is 5, expected 0"],
  [
    "a special byte",
    (j) => Object.assign(added(j), { content: "a", id: vocabOf(j).a }),
    "model.vocab is without byte 97",
  ],
];
// deno-lint-ignore no-explicit-any
const model = (j: any): Record<string, unknown> => j.model;
const vocabOf = (j: unknown) => model(j).vocab as Record<string, number>;
const mergesOf = (j: unknown) => model(j).merges as string[];
// deno-lint-ignore no-explicit-any
const stages = (j: any): Record<string, unknown>[] => j.pre_tokenizer.pretokenizers;
// deno-lint-ignore no-explicit-any
const added = (j: any): Record<string, unknown> => j.added_tokens[0];
const bpeLast = Object.keys(bpe.model.vocab).find((token) => bpe.model.vocab[token] === 299)!;
function rename(j: unknown, from: string, to: string): void {
  vocabOf(j)[to] = vocabOf(j)[from];
  delete vocabOf(j)[from];
}

for (const [what, change, message] of refused) {
  Deno.test(`tokenizerOf() refuses ${what}`, () => {
    const json = structuredClone(bpe) as unknown as Record<string, unknown>;
    tokenizerOf(json);
    change(json);
    assertThrows(() => tokenizerOf(json, "it.json"), CheckpointError, `Cannot read it.json: `);
    assertThrows(() => tokenizerOf(json, "it.json"), CheckpointError, message);
  });
}

Deno.test("damaged files are refused with a CheckpointError, or read", () => {
  const paths: (string | number)[][] = [];
  (function walk(value: unknown, path: (string | number)[]) {
    if (path.length) paths.push(path);
    if (typeof value !== "object" || value === null) return;
    for (const [key, v] of Object.entries(value).slice(0, 6)) walk(v, [...path, key]);
  })(bpe, []);
  const values = fc.constantFrom<unknown>(null, undefined, true, -1, 1.5, 1e9, "", "x", [], {}, [null], { type: 1 });
  fc.assert(fc.property(fc.constantFrom(...paths), values, (path, value) => {
    const json = structuredClone(bpe) as unknown as Record<string, unknown>;
    // deno-lint-ignore no-explicit-any
    const parent = path.slice(0, -1).reduce<any>((at, key) => at[key], json);
    parent[path.at(-1)!] = value;
    try {
      tokenizerOf(json).encode(story);
    } catch (error) {
      assert(error instanceof CheckpointError, String(error));
    }
  }));
});

Deno.test("a folder's tokenizer.json is read without the library if it can be, and by it if not", async () => {
  const folder = (json: unknown, settings = {}) =>
    memorySource(Object.fromEntries(
      Object.entries({ "tokenizer.json": json, "tokenizer_config.json": settings })
        .map(([name, value]) => [name, new TextEncoder().encode(JSON.stringify(value))]),
    ));
  const own = await readTokenizer(folder(bpe), { eos_token_id: 0 });
  assertEquals([own!.stopIds, typeof own!.cut, own!.vocab], [[0], "function", 300]);
  const other = await readTokenizer(folder({ ...bpe, normalizer: { type: "Lowercase" } }), {});
  assertEquals([other!.stopIds, typeof other!.cut], [[], "undefined"]);
  assertEquals(other!.encode("The CAT"), own!.encode("the cat"));
  const set = await readTokenizer(folder(bpe, { do_lowercase_and_remove_accent: true }), {});
  assertEquals(set!.encode("The CAT"), own!.encode("the cat"));
});

Deno.test("options of tokenizers are honoured or refused", () => {
  for (const { slot, type, options } of builtins) {
    if (slot !== "tokenizer") continue;
    for (const key of [...Object.keys(options), "other"]) {
      const wrong = { type, [key]: { not: "this" } };
      assertThrows(() => resolveComponent(builtins as never, slot, wrong, slot), TypeError, key);
    }
  }
});
