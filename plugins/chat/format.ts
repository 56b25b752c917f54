import type { Tokenizer } from "../../model/tokenizer.ts";

/** One message of a conversation. */
export interface ChatMessage {
  /** Who says it. */
  readonly role: "system" | "user" | "assistant";
  /** What is said. */
  readonly content: string;
}

/** How a conversation becomes what a model continues. */
export interface ChatFormat {
  /** For people. */
  readonly name: string;
  /** Texts that end an answer. */
  readonly stop: readonly string[];
  /** The conversation as text, up to where the next answer begins. */
  render(messages: readonly ChatMessage[]): string;
  /** Its ids. */
  encode(tokenizer: Tokenizer, messages: readonly ChatMessage[]): readonly number[];
  /** Ids that end an answer, beside those of the tokenizer. */
  stopIds(tokenizer: Tokenizer): readonly number[];
}
