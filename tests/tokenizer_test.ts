/** Tokenizers beside the programs whose files they read: every golden text, id for id. */
import { memorySource, openSource } from "../model/source.ts";
import { textStream, type Tokenizer } from "../model/tokenizer.ts";
import { readTokenizer } from "../plugins/huggingface/tokenizer.ts";
import { parseTokenizer } from "../plugins/llama2c/tokenizer.ts";
import { assert, assertEquals } from "./assert.ts";
import { falconTokenizerJson, llama2cTokenizerBin, llamaTokenizerJson, readVocabulary } from "./gguf_vocabulary.ts";
import { fixtures, hasFixture, readJson } from "./support.ts";

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly decoded?: string;
}

function goldenCases(name: string): Case[] {
  const { cases } = readJson<{ cases: Case[] }>(new URL(`golden/tok/${name}.json`, fixtures));
  assert(cases.length > 50);
  return cases;
}

/** What a reader of the stream sees, token after token, must be the whole text in the end. */
function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const stream = textStream(tokenizer, []);
  return ids.map((id) => stream.push(id)).join("") + stream.flush();
}

Deno.test({
  name: "llama2.c's tokenizer.bin: ids are run.c's",
  ignore: !hasFixture("real/stories260K/tok512.bin") || !hasFixture("golden/tok/runc_tok512.json"),
  fn() {
    const file = Deno.readFileSync(new URL("real/stories260K/tok512.bin", fixtures));
    const tokenizer = parseTokenizer(file, 512, "tok512.bin");
    for (const { text, ids } of goldenCases("runc_tok512")) {
      assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
      // Every byte has a piece, so nothing is lost.
      assertEquals(tokenizer.decode(ids), text, JSON.stringify(text));
    }
  },
});

Deno.test({
  name: "a tokenizer.json: GPT-2's ids and text",
  ignore: !hasFixture("tokenizers/gpt2/tokenizer.json") || !hasFixture("golden/tok/gpt2.json"),
  async fn() {
    using source = openSource(new URL("tokenizers/gpt2", fixtures).pathname);
    const tokenizer = (await readTokenizer(source, {}))!;
    for (const { text, ids, decoded: whole } of goldenCases("gpt2")) {
      const decoded = whole!.replaceAll("<|endoftext|>", ""); // ids that only mark an end give no text
      assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
      assertEquals(tokenizer.decode(ids), decoded, JSON.stringify(text));
      assertEquals(streamed(tokenizer, ids), decoded, JSON.stringify(text));
    }
  },
});

// ---- tokenizer.json and tokenizer.bin made of the vocabularies in GGUF files, as people have them -------------------

const vocabularies = (name: string) => `tokenizers/ggml/ggml-vocab-${name}.gguf`;

/** The tokenizer of a folder with this file. */
async function tokenizerOfJson(json: Record<string, unknown>): Promise<Tokenizer> {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return (await readTokenizer(memorySource({ "tokenizer.json": bytes }), {}))!;
}

/** llama.cpp's texts and ids for a vocabulary. */
function llamaCppCases(name: string): Case[] {
  const read = (kind: string) => Deno.readTextFileSync(new URL(`${vocabularies(name)}.${kind}`, fixtures));
  const texts = read("inp").split("\n__ggml_vocab_test__\n"), lines = read("out").split("\n");
  assertEquals(texts.length, 47);
  assert(lines.length >= texts.length);
  return texts.map((text, i) => ({ text, ids: lines[i].split(" ").filter(Boolean).map(Number) }));
}

Deno.test({
  name: "a tokenizer.json as transformers makes it for Llama: SentencePiece's ids, with <s> in front and without",
  ignore: !hasFixture(vocabularies("llama-spm")) || !hasFixture("golden/tok/llama2_spm.json"),
  async fn() {
    const json = llamaTokenizerJson(readVocabulary(new URL(vocabularies("llama-spm"), fixtures)));
    const tokenizer = await tokenizerOfJson(json);
    for (const { text, ids } of [...goldenCases("llama2_spm"), ...llamaCppCases("llama-spm")]) {
      assertEquals(tokenizer.encodeAlone!(text), ids, JSON.stringify(text));
      assertEquals(tokenizer.encode(text), [1, ...ids], JSON.stringify(text));
    }
    for (const { text, ids, decoded } of goldenCases("llama2_spm")) {
      assertEquals(tokenizer.decode(ids), decoded, JSON.stringify(text));
      assertEquals(streamed(tokenizer, ids), decoded, JSON.stringify(text));
    }
  },
});

Deno.test({
  name: "llama2.c's tokenizer.bin of Llama's vocabulary: ids are run.c's",
  ignore: !hasFixture(vocabularies("llama-spm")) || !hasFixture("golden/tok/runc_llama32000.json"),
  fn() {
    const vocabulary = readVocabulary(new URL(vocabularies("llama-spm"), fixtures));
    const tokenizer = parseTokenizer(llama2cTokenizerBin(vocabulary), 32_000, "tokenizer.bin");
    for (const { text, ids } of goldenCases("runc_llama32000")) {
      assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
      assertEquals(tokenizer.decode(ids), text, JSON.stringify(text));
    }
  },
});

Deno.test({
  name: "GPT-2's tokenizer.json and one like Falcon's: ids are llama.cpp's",
  ignore: !hasFixture(vocabularies("gpt-2")) || !hasFixture(vocabularies("falcon")),
  async fn() {
    using source = openSource(new URL("tokenizers/gpt2", fixtures).pathname);
    const gpt2 = (await readTokenizer(source, {}))!;
    const falcon = await tokenizerOfJson(
      falconTokenizerJson(readVocabulary(new URL(vocabularies("falcon"), fixtures))),
    );
    for (const [name, tokenizer] of [["gpt-2", gpt2], ["falcon", falcon]] as const) {
      for (const { text, ids } of llamaCppCases(name)) {
        assertEquals(tokenizer.encode(text), ids, `${name} ${JSON.stringify(text)}`);
        assertEquals(tokenizer.decode(ids), text, `${name} ${JSON.stringify(text)}`);
      }
    }
  },
});

Deno.test("equal scores merge from the left, better ones first", () => {
  const pieces = [
    "<unk>",
    "<s>",
    "</s>",
    ...Array.from({ length: 256 }, (_, i) => `<0x${i}>`),
    " ",
    "a",
    "b",
    "aa",
    "ab",
  ];
  const scores = new Map([["aa", -1], ["ab", -2]]), encoder = new TextEncoder();
  const records = pieces.map((piece) => {
    const bytes = encoder.encode(piece), record = new Uint8Array(8 + bytes.length), view = new DataView(record.buffer);
    view.setFloat32(0, scores.get(piece) ?? -9, true);
    view.setInt32(4, bytes.length, true);
    record.set(bytes, 8);
    return record;
  });
  const file = Uint8Array.from([9, 0, 0, 0, ...records.flatMap((record) => [...record])]);
  const tokenizer = parseTokenizer(file, pieces.length, "tokenizer.bin");
  const encoded = (text: string) => tokenizer.encode(text).slice(2).map((id) => pieces[id]);
  assertEquals(encoded("aaa"), ["aa", "a"]);
  assertEquals(encoded("aab"), ["aa", "b"]);
  assertEquals(encoded("bab"), ["b", "ab"]);
});
