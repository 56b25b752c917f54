import type { Component } from "../../components/component.ts";
import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import { tokenizerHash } from "../../model/data/data_info.ts";
import { corpus } from "../../model/data/documents.ts";
import { defaultTokenizer, sizeOfText } from "../../model/data/text_size.ts";
import { CheckpointError, openSource, readJson } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { tokenizerOf } from "../../model/tokenizer_of.ts";
import { trainTokenizer } from "../../model/train_tokenizer.ts";
import { readTokenizer } from "../huggingface/tokenizer.ts";
import { choose } from "./choose.ts";
import { UsageError } from "./flags.ts";

/** A tokenizer and what chose it. */
export interface ChosenTokenizer {
  /** Ready for use. */
  readonly tokenizer: Tokenizer & { readonly json: TokenizerJson };
  /** The component, every default filled in; type `"file"` for a file. */
  readonly choice: Readonly<Record<string, unknown>>;
  /** What tells it apart from others. */
  readonly hash: string;
}

/**
 * What `--tokenizer` asks for: a file, or a component, by default characters for less than 4 MB and else byte-level BPE.
 * A component is trained on all of the text.
 */
export async function chooseTokenizer(
  given: string | undefined,
  paths: readonly string[],
  components: readonly Component[],
  progress: (text: string) => void,
): Promise<ChosenTokenizer> {
  if (given !== undefined && isFile(given)) return await withHash(await openTokenizer(given), { type: "file" });
  const choice = choose("tokenizer", "tokenizer", given ?? defaultTokenizer(sizeOfText(paths)), components);
  progress(`training the tokenizer: ${choice.type}`);
  const json = await trainTokenizer<Component>(choice as never, corpus(paths), {
    components,
    progress: (tokens, wanted) => progress(`training the tokenizer: ${tokens} of ${wanted} tokens`),
  });
  return await withHash(tokenizerOf(json), choice);
}

/** Whether `--tokenizer` names a file. */
export function isFile(given: string): boolean {
  return !given.startsWith("{") && /[/\\.]/.test(given);
}

/** The tokenizer of a `tokenizer.json`; settings beside it count. */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  using source = openSource(path);
  const file = source.file ?? "tokenizer.json";
  if (!source.files.includes(file)) throw new CheckpointError(`Cannot open ${path}: it has no ${file}`);
  try {
    const own = tokenizerOf(await readJson(source, file), file);
    if (own.stopIds.length) return own;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
  }
  return (await readTokenizer(source, {}, file))!;
}

async function withHash(tokenizer: Tokenizer, choice: ChosenTokenizer["choice"]): Promise<ChosenTokenizer> {
  const { json } = tokenizer;
  if (!json) throw new TypeError(`Cannot train with ${choice.type}: its tokenizer cannot be stored as tokenizer.json`);
  return { tokenizer: { ...tokenizer, json }, choice, hash: await tokenizerHash(tokenizer) };
}

/** Throws a {@linkcode UsageError} where `given` is not the tokenizer of a training that was begun. */
export async function expectSameTokenizer(
  given: string,
  begun: Omit<ChosenTokenizer, "tokenizer">,
  components: readonly Component[],
): Promise<void> {
  const same = isFile(given)
    ? await tokenizerHash(await openTokenizer(given)) === begun.hash
    : JSON.stringify(choose("tokenizer", "tokenizer", given, components)) === JSON.stringify(begun.choice);
  if (!same) {
    throw new UsageError(
      `--tokenizer is ${JSON.stringify(given)}, which is not the one that the training was begun with ` +
        `(${JSON.stringify(begun.choice)}), expected that or nothing`,
    );
  }
}
