import type { Json } from "../options.ts";

/** Separates documents: in texts to train on, in data files, and as a token where a tokenizer has it. */
export const END_OF_TEXT = "<|endoftext|>";

/** What a tokenizer may use while it is trained. */
export interface TokenizerContext {
  /** Told now and then how many tokens there are and how many are wanted. */
  progress?(tokens: number, wanted: number): void;
}

/** Learns a vocabulary. */
export interface TokenizerTrainer {
  /**
   * Reads all of `texts` once and returns what is stored as `tokenizer.json`. Each text is read on its own: no token
   * reaches from one into the next. {@linkcode END_OF_TEXT} within them separates documents and is not itself learned.
   */
  train(texts: AsyncIterable<string>): Promise<TokenizerJson>;
}

/** A token that is found in texts before anything else. */
export interface AddedTokenJson {
  /** Its id. */
  readonly id: number;
  /** Its text. */
  readonly content: string;
  /** Found only where it is a word of its own. */
  readonly single_word: boolean;
  /** Takes the space before it along. */
  readonly lstrip: boolean;
  /** Takes the space after it along. */
  readonly rstrip: boolean;
  /** Found in the text as normalised. */
  readonly normalized: boolean;
  /** Left out when ids become text. */
  readonly special: boolean;
}

/** The model of a {@linkcode TokenizerJson}. */
export interface TokenizerModelJson {
  /** `BPE` and others. */
  readonly type: string;
  /** Id of each token. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Pairs that become one token, `left right`, the first learned first. */
  readonly merges: readonly string[];
  /** Settings of the type. */
  readonly [setting: string]: Json;
}

/**
 * A `tokenizer.json` in the format of Hugging Face's tokenizers, which read it in Python, Rust and JavaScript.
 * https://huggingface.co/docs/tokenizers
 */
export interface TokenizerJson {
  /** Of the format. */
  readonly version: "1.0";
  /** Texts are not cut. */
  readonly truncation: null;
  /** Texts are not filled up. */
  readonly padding: null;
  /** Special tokens. */
  readonly added_tokens: readonly AddedTokenJson[];
  /** Changes texts before anything else. */
  readonly normalizer: Json;
  /** Cuts texts into words. */
  readonly pre_tokenizer: Json;
  /** Adds tokens around a text. */
  readonly post_processor: Json;
  /** Turns tokens into text. */
  readonly decoder: Json;
  /** Turns words into tokens. */
  readonly model: TokenizerModelJson;
}

/**
 * A BPE `tokenizer.json` of `tokens`, whose ids are their places, and `merges`. If {@linkcode END_OF_TEXT} is among
 * them, it is special.
 */
export function bpeJson(
  tokens: readonly string[],
  merges: readonly string[],
  stages: Pick<TokenizerJson, "pre_tokenizer" | "decoder">,
): TokenizerJson {
  const end = tokens.indexOf(END_OF_TEXT);
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: end < 0 ? [] : [{ id: end, content: END_OF_TEXT, ...special }],
    normalizer: null,
    post_processor: null,
    ...stages,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      // Not an assignment for each: a token may be called __proto__.
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/**
 * The last place, `from` or later, where a word can not go on, with any of the tokenizers here: before white space that
 * follows something else. A text cut there has the ids of its parts. 0 if there is none.
 */
export function lastBreak(text: string, from = 0): number {
  for (let at = text.length - 1; at >= Math.max(from, 1); at--) {
    if (isSpace(text, at) && !isSpace(text, at - 1)) return at;
  }
  return 0;
}

function isSpace(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit < 128 ? unit === 32 || (unit >= 9 && unit <= 13) : /\p{White_Space}/u.test(text[at]);
}
