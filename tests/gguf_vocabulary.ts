/** Vocabularies of GGUF files, by a reader of the tests' own, as the files that other programs keep them in. */

/** A vocabulary. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  /** 1 normal, 2 unknown, 3 control, 6 byte. */
  readonly types: readonly number[];
  readonly merges: readonly string[];
}

/** Reads the metadata of a GGUF file. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export function readVocabulary(url: URL): Vocabulary {
  const file = Deno.readFileSync(url),
    view = new DataView(file.buffer),
    decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let at = 8;
  const u32 = () => view.getUint32((at += 4) - 4, true), u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const text = () => {
    const length = u64();
    return decoder.decode(file.subarray(at, at += length));
  };
  const value = (type: number): unknown => {
    if (type === 8) return text();
    if (type === 9) {
      const inner = u32(), count = u64();
      return Array.from({ length: count }, () => value(inner));
    }
    if (type === 4) return u32();
    if (type === 5) return view.getInt32((at += 4) - 4, true);
    if (type === 6) return view.getFloat32((at += 4) - 4, true);
    if (type === 7) return view.getUint8(at++) === 1;
    if (type === 10) return u64();
    throw new Error(`${url}: type ${type} at byte ${at}`);
  };
  u64(); // tensors
  const fields = new Map<string, unknown>();
  for (let left = u64(); left > 0; left--) {
    const key = text();
    fields.set(key, value(u32()));
  }
  const list = <T>(name: string) => (fields.get(`tokenizer.ggml.${name}`) ?? []) as T[];
  return {
    tokens: list<string>("tokens"),
    scores: list<number>("scores"),
    types: list<number>("token_type"),
    merges: list<string>("merges"),
  };
}

/** Control and unknown tokens as `added_tokens`. */
function addedTokens({ tokens, types }: Vocabulary): unknown[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return tokens.map((content, id) => ({ id, content, ...flags })).filter(({ id }) =>
    types[id] === 2 || types[id] === 3
  );
}

const vocab = ({ tokens }: Vocabulary) => Object.fromEntries(tokens.map((token, id) => [token, id]));

/**
 * The `tokenizer.json` that transformers makes of a SentencePiece vocabulary for Llama: merges are all pairs of tokens
 * that make a token, in the order of its score, longer left and then right parts first.
 */
export function llamaTokenizerJson(from: Vocabulary): Record<string, unknown> {
  const { tokens, scores } = from, ids = new Map(tokens.map((token, id) => [token, id]));
  const pairs = tokens.flatMap((token, id) => {
    const found: { left: string; right: string; score: number }[] = [];
    for (let i = 1; i < token.length; i++) {
      const left = token.slice(0, i), right = token.slice(i);
      if (ids.has(left) && ids.has(right)) found.push({ left, right, score: scores[id] });
    }
    return found.sort((a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!);
  });
  pairs.sort((a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length);
  const begin = { id: "<s>", ids: [1], tokens: ["<s>"] };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(from),
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "<s>": begin },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: vocab(from),
      merges: pairs.map(({ left, right }) => `${left} ${right}`),
    },
  };
}

/** The `tokenizer.json` of Falcon. */
export function falconTokenizerJson(from: Vocabulary): Record<string, unknown> {
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(from),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Punctuation", behavior: "Contiguous" },
        bytes,
        { type: "Digits", individual_digits: false },
        { type: "Split", pattern: { Regex: "[0-9][0-9][0-9]" }, behavior: "Isolated", invert: false },
      ],
    },
    post_processor: null,
    decoder: { ...bytes, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      vocab: vocab(from),
      merges: from.merges,
    },
  };
}

/** The `tokenizer.bin` that llama2.c makes of a SentencePiece vocabulary: `▁` is a space, the marks stand on lines. */
export function llama2cTokenizerBin({ tokens, scores }: Vocabulary): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder(), marks = new Map([["<s>", "\n<s>\n"], ["</s>", "\n</s>\n"]]);
  const pieces = tokens.map((token) => encoder.encode((marks.get(token) ?? token).replaceAll("▁", " ")));
  const file = new Uint8Array(4 + pieces.reduce((sum, p) => sum + 8 + p.length, 0)), view = new DataView(file.buffer);
  view.setUint32(0, Math.max(...pieces.map((p) => p.length)), true);
  let at = 4;
  for (const [id, piece] of pieces.entries()) {
    view.setFloat32(at, scores[id], true);
    view.setUint32(at + 4, piece.length, true);
    file.set(piece, at + 8);
    at += 8 + piece.length;
  }
  return file;
}
