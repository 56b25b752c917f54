/** Thousands of damaged `tokenizer.json`: each is used as far as it goes, or refused in one clear line. */
import fc from "fast-check";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { readTokenizer } from "../plugins/huggingface/tokenizer.ts";
import { assert } from "./assert.ts";
import { apply, damage } from "./damage.ts";
import { llamaTokenizerJson } from "./gguf_vocabulary.ts";

const RUNS = 2000, TEXT = "abc ab cab <s> Ünïcode 🙂\n  12345 it's";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A small vocabulary as SentencePiece makes them: bytes, then pieces that merge. */
const pieces = [
  "<unk>",
  "<s>",
  "</s>",
  ...Array.from({ length: 256 }, (_, i) => `<0x${hex(i)}>`),
  ..."▁abcit'",
  "▁a",
  "ab",
  "▁ab",
  "abc",
];
const llama = llamaTokenizerJson({
  tokens: pieces,
  scores: pieces.map((_, i) => i < 259 ? 0 : -i),
  types: pieces.map((_, i) => i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1),
  merges: [],
}) as Json;
const learned = await trainTokenizer({ type: "byteLevelBpe", vocab: 300 }, [
  "abc ab cab abc it's 12345 it's",
]) as unknown as Json;
const words: Json = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [{
    id: 0,
    content: "[UNK]",
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }],
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: null,
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[UNK]": 0, ab: 1, "##c": 2, it: 3, "'": 4, s: 5, "1": 6, "##2": 7 },
  },
};
const unigram: Json = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [{
    id: 0,
    content: "<unk>",
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }],
  normalizer: null,
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  post_processor: null,
  decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  model: {
    type: "Unigram",
    unk_id: 0,
    vocab: [["<unk>", 0], ["▁ab", -1], ["c", -2], ["▁", -3], ["a", -4], ["b", -4.5]],
    byte_fallback: false,
  },
};

function hex(i: number): string {
  return i.toString(16).toUpperCase().padStart(2, "0");
}

/** Values that a field may suddenly have. */
const junk = fc.constantFrom<Json>(null, true, 0, -1, 1.5, 1e99, "", "x", "▁", [], [1], ["a", "b"], {}, { type: "x" }, {
  id: 1,
});

/** A copy in which the `nth` value of all, counted through, is another, or gone. */
function changed(json: Json, nth: number, value: Json | undefined): Json {
  const copy = structuredClone(json), places: [holder: Record<string, Json>, key: string][] = [];
  const visit = (holder: Record<string, Json>) => {
    // The first few entries of a vocabulary stand for all.
    for (const key of Object.keys(holder).slice(0, 12)) {
      places.push([holder, key]);
      if (typeof holder[key] === "object" && holder[key] !== null) visit(holder[key] as Record<string, Json>);
    }
  };
  visit(copy as Record<string, Json>);
  const [holder, key] = places[nth % places.length];
  if (value === undefined) delete holder[key];
  else holder[key] = value;
  return copy;
}

for (const [name, json] of Object.entries({ learned, llama, words, unigram })) {
  Deno.test(`${RUNS} damaged copies of a tokenizer.json are used, or refused in a line: ${name}`, async () => {
    const text = new TextEncoder().encode(JSON.stringify(json)), ends = { used: 0, refused: 0 };
    const field = fc.record({ nth: fc.nat(200), value: fc.option(junk, { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(fc.oneof(field, damage), async (change) => {
        const bytes = "nth" in change && "value" in change
          ? new TextEncoder().encode(JSON.stringify(changed(json, change.nth, change.value)))
          : apply(text, change as never);
        try {
          const tokenizer = await readTokenizer(memorySource({ "tokenizer.json": bytes }), {});
          const ids = tokenizer!.encode(TEXT);
          tokenizer!.decode(ids);
          tokenizer!.decode([0, 5, 1e6]);
          ends.used++;
        } catch (error) {
          const { message } = error as Error;
          assert(error instanceof CheckpointError || error instanceof RangeError, `${(error as Error).stack}`);
          assert(/^Cannot read tokenizer\.json: .*(, expected |it is not JSON)|^Cannot encode /.test(message), message);
          assert(!message.includes("\n"), message);
          ends.refused++;
        }
      }),
      { seed: 7, numRuns: RUNS },
    );
    console.log(`${name}: ${ends.used} used, ${ends.refused} refused`);
    assert(ends.used > RUNS / 8 && ends.refused > RUNS / 8);
  });
}
