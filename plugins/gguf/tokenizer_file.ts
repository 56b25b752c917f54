import type { MetaValue } from "./writer.ts";

/** Metadata of a tokenizer, and what is worth knowing about it. */
export interface TokenizerMetadata {
  /** By key. */
  readonly metadata: readonly (readonly [key: string, value: MetaValue])[];
  /** What could not be kept. */
  readonly notes: readonly string[];
}

/** A `tokenizer.json`, of which nothing is known. */
export type Json = Readonly<Record<string, unknown>>;

/** A token beside the vocabulary. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

/** The tokens beside the vocabulary. */
export function addedTokens(json: Json): readonly AddedToken[] {
  return (json.added_tokens ?? []) as readonly AddedToken[];
}
