import { WORD_PATTERN, wordPattern } from "../../components/tokenizers/byte_level.ts";

/** How texts are cut into words. */
export interface Words {
  /** Each in turn cuts what those before have left into its matches and what lies between. */
  readonly cuts: readonly RegExp[];
  /** A word that is a token becomes that token. */
  readonly whole: boolean;
  /** Whether texts begin with the begin token, where metadata does not say. */
  readonly begin: boolean;
}

const PUNCTUATION = "[\\p{P}$+<=>^~|]+", THREE_DIGITS = "[0-9][0-9][0-9]", NUMBER = "\\p{N}";
/** Contractions in either case. */
const CONTRACTION = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const SPACE = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/** Letters with what stands before them, numbers in groups of so many digits, other characters, line breaks, space. */
const modern = (digits: string) =>
  `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACE}`;
/** As Mistral's Tekken: capital and small letters are told apart. */
const tekken = (() => {
  const before = "[^\\r\\n\\p{L}\\p{N}]?", upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  return `${before}${upper}*${lower}+|${before}${upper}+${lower}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACE}`;
})();

/** Names that `tokenizer.ggml.pre` may have, patterns, and what else is special about them. */
const kinds: readonly (readonly [names: string, patterns: readonly string[], rest?: Partial<Words>])[] = [
  ["default", [PUNCTUATION, WORD_PATTERN, "\\p{N}+", THREE_DIGITS]],
  ["gpt-2 phi-2 mpt olmo jais trillion gigachat exaone4", [WORD_PATTERN]],
  ["llama-bpe llama3 llama-v3 falcon3 pixtral", [modern("\\p{N}{1,3}")], { whole: true, begin: true }],
  ["dbrx smaug-bpe chatglm-bpe glm4", [modern("\\p{N}{1,3}")]],
  ["qwen2 stablelm2 deepseek-r1-qwen megrez hunyuan", [modern(NUMBER)]],
  ["smollm starcoder refact command-r codeshell minerva-7b exaone", [NUMBER, WORD_PATTERN]],
  ["falcon", [PUNCTUATION.replace("|", "|`"), WORD_PATTERN, THREE_DIGITS]],
  ["tekken", [tekken], { whole: true, begin: true }],
];

/**
 * The pre-tokenizers that can be computed, by the names that `tokenizer.ggml.pre` has for them.
 * https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
 */
export const preTokenizers: ReadonlyMap<string, Words> = new Map(
  kinds.flatMap(([names, patterns, rest]) => {
    const words = { cuts: patterns.map((pattern) => wordPattern(pattern)), whole: false, begin: false, ...rest };
    return names.split(" ").map((name) => [name, words] as const);
  }),
);
