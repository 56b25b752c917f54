/** Small models of the families that GGUF has architectures for, as Tenon's configs. */
import { type ModelConfig, tokenizerOf, trainTokenizer } from "../mod.ts";
import { createRandom } from "../model/random.ts";
import { memorySource } from "../model/source.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { readTokenizer } from "../plugins/huggingface/tokenizer.ts";
import { story } from "../plugins/stories/mod.ts";
import { llamaTokenizerJson, type Vocabulary } from "./gguf_vocabulary.ts";

/** A model of a family, and the architecture that it is saved as. */
export interface GgufFamily {
  readonly name: string;
  readonly architecture: string;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
}

/** A byte-level tokenizer of stories, and one of SentencePiece's kind with the same words. */
async function tokenizers(): Promise<Pick<GgufFamilies, "bytes" | "pieces" | "vocabulary">> {
  const random = createRandom(1, "stories"), stories = Array.from({ length: 40 }, () => story(random));
  const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 512 }, stories);
  const words = Object.entries(json.model.vocab).sort(([, a], [, b]) => a - b).map(([word]) => word);
  const learned = words.filter((word) => /^Ġ?[\x21-\x7e]*$/.test(word) && word).map((word) => word.replace("Ġ", "▁"));
  const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
  const marks = ["<unk>", "<s>", "</s>"], own = learned.filter((word) => !word.startsWith("<"));
  const vocabulary: Vocabulary = {
    tokens: [...marks, ...bytes, ...own],
    scores: [...marks, ...bytes].map(() => 0).concat(own.map((_, i) => -i)),
    types: [2, 3, 3, ...bytes.map(() => 6), ...own.map(() => 1)],
    merges: [],
  };
  const file = new TextEncoder().encode(JSON.stringify(llamaTokenizerJson(vocabulary)));
  const pieces = await readTokenizer(memorySource({ "tokenizer.json": file }), { eos_token_id: 2 });
  return { bytes: tokenizerOf(json), pieces: pieces!, vocabulary };
}

/** What there is to save. */
export interface GgufFamilies {
  readonly cases: readonly GgufFamily[];
  /** Tokenizers: of bytes, and of SentencePiece's kind. */
  readonly bytes: Tokenizer;
  readonly pieces: Tokenizer;
  /** What the latter is made of. */
  readonly vocabulary: Vocabulary;
}

/** Every family, with a tokenizer such as it has. */
export async function ggufFamilies(): Promise<GgufFamilies> {
  const { bytes, pieces, vocabulary } = await tokenizers();
  const sizes = { context: 128, dim: 64, depth: 2, heads: 4 } as const, eps = 1e-5;
  const grouped = { type: "groupedQuery", kvHeads: 2 } as const, rope = { type: "rope", base: 10000 } as const;
  const layerNorm = { type: "layerNorm", eps } as const, gemmaNorm = { type: "rmsNorm", eps: 1e-6, offset: 1 } as const;
  const gelu = { type: "gelu", approximate: "tanh", hidden: 128, bias: true } as const;
  const exact = { type: "gelu", hidden: 128, bias: true } as const, part = { ...rope, dims: 8 } as const;
  const yarn = {
    type: "yarn",
    factor: 4,
    originalContext: 32,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    attentionFactor: 0.1 * Math.log(4) + 1,
  } as const;
  const longrope = {
    type: "longrope",
    shortFactors: [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
    longFactors: [1, 2, 3, 4, 5, 6, 7, 8],
    originalContext: 64,
    attentionFactor: Math.sqrt(1 + Math.log(2) / Math.log(64)),
  } as const;
  const geglu = { type: "geglu", approximate: "tanh", hidden: 96 } as const;
  const swiglu = { type: "swiglu", hidden: 192 } as const;
  const all: [
    name: string,
    tokenizer: Tokenizer,
    config: Omit<ModelConfig, "vocab" | "context" | "dim" | "heads" | "depth"> & { depth?: number },
  ][] = [
    ["llama", pieces, { attention: grouped, tied: false, feedForward: { type: "swiglu", hidden: 96 } }],
    ["llama, interleaved", pieces, { position: { type: "rope", layout: "interleaved" } }],
    ["llama, byte-level", bytes, { attention: grouped }],
    ["llama, bytes", tokenizerOf(await trainTokenizer("bytes", "")), { attention: grouped }],
    ["llama, linear", pieces, { position: { ...rope, scaling: { type: "linear", factor: 4 } } }],
    ["llama 3", bytes, {
      attention: grouped,
      position: {
        ...rope,
        base: 500000,
        scaling: { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 16 },
      },
    }],
    ["llama, yarn", pieces, { position: { ...rope, scaling: yarn } }],
    ["llama, yarn, a factor", pieces, { position: { ...rope, scaling: { ...yarn, attentionFactor: 1.5 } } }],
    ["llama, longrope", pieces, { position: { ...rope, scaling: longrope } }],
    ["mistral, a window", pieces, { attention: { ...grouped, window: 100 }, tied: false }],
    ["qwen2", bytes, { attention: { ...grouped, bias: "qkv" }, norm: { type: "rmsNorm", eps: 1e-6 } }],
    ["qwen3", bytes, { attention: { ...grouped, headDim: 32 }, queryKey: "headNorm" }],
    ["gemma", pieces, {
      stem: { type: "plain", scale: "sqrtDim" },
      norm: gemmaNorm,
      attention: { type: "groupedQuery", kvHeads: 1, headDim: 32 },
      feedForward: geglu,
    }],
    ["gemma2", pieces, {
      stem: { type: "plain", scale: "sqrtDim" },
      norm: gemmaNorm,
      depth: 4,
      attention: [{ ...grouped, headDim: 32, window: 9 }, { ...grouped, headDim: 32 }],
      scores: { type: "softcap", cap: 20 },
      feedForward: geglu,
      block: "sandwich",
      head: { type: "linear", softcap: 25 },
    }],
    ["gemma3", pieces, {
      stem: { type: "plain", scale: "sqrtDim" },
      norm: gemmaNorm,
      depth: 7,
      position: [...Array.from({ length: 5 }, () => rope), { ...rope, base: 1e6 }, rope],
      attention: [
        ...Array.from({ length: 5 }, () => ({ ...grouped, headDim: 32, window: 9 })),
        { ...grouped, headDim: 32 },
        { ...grouped, headDim: 32, window: 9 },
      ],
      queryKey: "headNorm",
      feedForward: geglu,
      block: "sandwich",
    }],
    ["phi3, part of the channels", pieces, { position: { ...rope, dims: 12 }, tied: false }],
    ["phi3, longrope of a part", pieces, {
      position: {
        ...rope,
        dims: 12,
        scaling: {
          ...longrope,
          shortFactors: longrope.shortFactors.slice(2),
          longFactors: longrope.longFactors.slice(2),
        },
      },
      tied: false,
    }],
    ["starcoder2", bytes, { norm: layerNorm, attention: { ...grouped, bias: "all" }, feedForward: gelu }],
    ["olmo2", bytes, { queryKey: "fullNorm", block: "afterNorm", tied: false }],
    ["gpt2", bytes, {
      position: "learned",
      norm: layerNorm,
      attention: { type: "multiHead", bias: "all" },
      feedForward: gelu,
    }],
    ["mixtral", pieces, {
      attention: grouped,
      feedForward: { type: "experts", experts: 4, active: 2, hidden: 96, kind: "swiglu" },
      tied: false,
    }],
    ["stablelm", bytes, { norm: layerNorm, position: part, attention: { ...grouped, bias: "qkv" }, tied: false }],
    ["stablelm, parallel", bytes, {
      norm: layerNorm,
      position: part,
      attention: grouped,
      queryKey: { type: "perHeadNorm", eps },
      block: "parallel",
      tied: false,
    }],
    ["phi2", bytes, {
      norm: layerNorm,
      position: part,
      attention: { type: "multiHead", bias: "all" },
      feedForward: gelu,
      block: "parallel",
      head: { type: "linear", bias: true },
      tied: false,
    }],
    ["gptneox", bytes, {
      norm: layerNorm,
      position: part,
      attention: { type: "multiHead", bias: "all" },
      feedForward: exact,
      block: { type: "parallel", sharedNorm: false },
      tied: false,
    }],
    ["gptneox, one after the other", bytes, {
      norm: layerNorm,
      position: part,
      attention: { type: "multiHead", bias: "all" },
      feedForward: exact,
      tied: false,
    }],
    ["falcon, one key head", bytes, {
      norm: layerNorm,
      attention: { type: "groupedQuery", kvHeads: 1 },
      feedForward: { ...exact, hidden: 256, bias: false },
      block: "parallel",
    }],
    ["falcon, a norm each", bytes, {
      norm: layerNorm,
      attention: grouped,
      feedForward: { ...exact, hidden: 256, bias: false },
      block: { type: "parallel", sharedNorm: false },
    }],
    ["granite", bytes, {
      stem: { type: "plain", scale: 12 },
      attention: { ...grouped, scale: 0.125 },
      block: { type: "preNorm", residual: 0.22 },
      head: { type: "linear", scale: 0.25 },
    }],
    ["command-r", bytes, {
      position: { ...rope, layout: "interleaved" },
      norm: { ...layerNorm, bias: false },
      attention: grouped,
      block: "parallel",
      head: { type: "linear", scale: 0.0625 },
    }],
    ["olmo", bytes, {
      norm: { ...layerNorm, weight: false, bias: false },
      queryKey: { type: "clip", limit: 2 },
      tied: false,
    }],
    ["starcoder", bytes, {
      position: "learned",
      norm: layerNorm,
      attention: { type: "multiQuery", bias: "all" },
      feedForward: gelu,
    }],
    ["nemotron", bytes, {
      position: part,
      norm: { ...layerNorm, offset: 1 },
      attention: grouped,
      feedForward: { type: "reluSquared", hidden: 128 },
      tied: false,
    }],
    ["smollm3", bytes, { depth: 5, position: [rope, rope, rope, { type: "none" }, rope], attention: grouped }],
    ["bloom", bytes, {
      stem: { type: "plain", norm: true },
      position: "alibi",
      norm: layerNorm,
      attention: { type: "multiHead", bias: "all" },
      feedForward: gelu,
    }],
    ["mpt", bytes, {
      position: "alibi",
      norm: { ...layerNorm, bias: false },
      queryKey: { type: "clip", limit: 2 },
      feedForward: { ...exact, bias: false },
    }],
  ];
  const cases = all.map(([name, tokenizer, config]) => ({
    name,
    architecture: name === "llama 3" || /^mi[sx]tral/.test(name) ? "llama" : name.split(",")[0],
    tokenizer,
    // Rows of whole blocks: others are F32 in files, but in blocks in models.
    config: { ...sizes, vocab: tokenizer.vocab, feedForward: swiglu, ...config },
  }));
  return { cases, bytes, pieces, vocabulary };
}
