import type { Component } from "../../components/component.ts";
import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import { tokenizerHash } from "../../model/data/data_info.ts";
import { corpus } from "../../model/data/documents.ts";
import { listTextFiles } from "../../model/data/files.ts";
import { hex } from "../../model/sha256.ts";
import { CheckpointError, openSource, readJson } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { tokenizerOf } from "../../model/tokenizer_of.ts";
import { trainTokenizer } from "../../model/train_tokenizer.ts";
import { readTokenizer } from "../huggingface/tokenizer.ts";
import { choose } from "./choose.ts";
import { UsageError } from "./flags.ts";

/** From this size of the text on, words are worth learning: a token then stands for three characters and more. */
const WORDS = 4e6;
/** More than this is not held back unless asked for: every evaluation reads all of it. */
const VALIDATION = 500_000;
const PIECE = 4 << 20;

/** A tokenizer and what chose it. */
export interface ChosenTokenizer {
  /** Ready for use. */
  readonly tokenizer: Tokenizer & { readonly json: TokenizerJson };
  /** The component, every default filled in; type `"file"` for a file. */
  readonly choice: Readonly<Record<string, unknown>>;
  /** What tells it apart from others. */
  readonly hash: string;
}

/** Bytes of all text files that `paths` name. */
export function sizeOfText(paths: readonly string[]): number {
  return listTextFiles(paths).reduce((sum, file) => sum + Deno.statSync(file).size, 0);
}

/** The share of so many bytes that is held back where none is asked for. */
export function defaultValidation(bytes: number): number {
  return Math.min(0.1, VALIDATION / bytes);
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
  const standard = sizeOfText(paths) < WORDS ? "characters" : "byteLevelBpe";
  const choice = choose("tokenizer", "tokenizer", given ?? standard, components);
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

/** SHA-256 of the contents of files, in pieces: of each piece after what came before it. */
export async function fingerprint(files: readonly string[]): Promise<string> {
  let sum = new Uint8Array(32);
  const buffer = new Uint8Array(32 + PIECE);
  for (const path of files) {
    using file = Deno.openSync(path);
    for (let count: number | null = 1; count !== null;) {
      let held = 0;
      while (held < PIECE && (count = file.readSync(buffer.subarray(32 + held)))) held += count;
      buffer.set(sum); // a file that ends adds a piece that is not full
      sum = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer.subarray(0, 32 + held)));
    }
  }
  return hex(sum);
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
