import type { TokenizerJson } from "../components/tokenizers/tokenizer.ts";

/** Turns text into token ids and back. Models and the generator work on ids only. */
export interface Tokenizer {
  /** Number of ids. */
  readonly vocab: number;
  /** Ids that end a text. */
  readonly stopIds: readonly number[];
  /** Ids of `text`, with the id that begins a text in front where the model expects one. */
  encode(text: string): number[];
  /** Ids of `text` alone, nothing in front and nothing behind. Absent where {@linkcode encode} adds nothing. */
  encodeAlone?(text: string): number[];
  /** Text of `ids`; ids that only mark begin or end give nothing. */
  decode(ids: readonly number[]): string;
  /**
   * The last place, `from` or later, where `text` may be cut: the ids of the parts are the ids of the whole, whatever
   * follows. 0 if there is none. Absent where only whole documents can be encoded.
   */
  cut?(text: string, from?: number): number;
  /** The file that it was made from, where it can be told. */
  readonly json?: TokenizerJson;
  /** The pieces that it goes by, where they have scores. */
  readonly pieces?: ScoredPieces;
}

/** A vocabulary of SentencePiece's BPE: of neighbours, those merge first whose text has the best score. */
export interface ScoredPieces {
  /** Text of each id: spaces as they are, `<0x0A>` for a byte, `<s>` for a mark. */
  readonly texts: readonly string[];
  /** Score of each. */
  readonly scores: readonly number[];
  /** What each is. */
  readonly kinds: readonly ("normal" | "unknown" | "control" | "byte")[];
  /** The id of what has none. */
  readonly unknown: number;
  /** The id that ends a text. */
  readonly end: number;
}

/** Turns ids into text one by one, holding back what is not yet a whole character. */
export interface TextStream {
  /** The text that became certain with this id; often a word, sometimes nothing. */
  push(id: number): string;
  /** What was held back. */
  flush(): string;
}

/**
 * A {@linkcode TextStream} over any tokenizer. Only a short tail is decoded each time: the ids since the last whole
 * text, after those before them, since many tokenizers treat the first id of a text in a special way.
 *
 * `before` are the ids that the text continues.
 */
export function textStream(tokenizer: Pick<Tokenizer, "decode">, before: readonly number[] = []): TextStream {
  let context = before.slice(-8), pending: number[] = [];
  const fresh = () => tokenizer.decode([...context, ...pending]).slice(tokenizer.decode(context).length);
  return {
    push(id) {
      pending.push(id);
      const text = fresh();
      if (text.endsWith("\ufffd") && pending.length < 8) return ""; // inside a character
      context = [...context, ...pending].slice(-8);
      pending = [];
      return text;
    },
    flush() {
      const text = pending.length ? fresh() : "";
      pending = [];
      return text;
    },
  };
}
