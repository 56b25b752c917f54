import { sha256 } from "../sha256.ts";
import { CheckpointError, openSource, readJson } from "../source.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Side, TextCounts } from "./split.ts";
import { openTokenFile, type TokenDType, type TokenFile } from "./token_file.ts";

/** Text and its tokens. */
export interface DataCounts extends Readonly<TextCounts> {
  /** Tokens, those that end documents included. */
  readonly tokens: number;
}

/** What of a file went where. */
export interface DataFile extends Readonly<Record<Side, DataCounts>> {
  /** As it was given or found. */
  readonly path: string;
}

/** The content of `data.json`. */
export interface DataInfo extends DataCounts, Readonly<Record<Side, DataCounts>> {
  /** Of this file. */
  readonly version: 1;
  /** How tokens are stored. */
  readonly dtype: TokenDType;
  /** Number of ids. */
  readonly vocab: number;
  /** See {@linkcode tokenizerHash}. */
  readonly tokenizer: string;
  /** How the text was divided. */
  readonly split: { readonly by: "characters" | "documents"; readonly validation: number; readonly seed: number };
  /** The same for a person. */
  readonly describe: string;
  /** Every file that was read. */
  readonly files: readonly DataFile[];
}

/** Data that has been prepared. Close it to close its files. */
export interface PreparedData extends Readonly<Record<Side, TokenFile>>, Disposable {
  /** What is in it. */
  readonly info: DataInfo;
  /** Closes both files. */
  close(): void;
}

/**
 * Opens what {@linkcode prepareData} has written. Throws a {@linkcode CheckpointError} if a file is not there, or not
 * what `data.json` says.
 */
export async function openData(directory: string): Promise<PreparedData> {
  using source = openSource(directory);
  if (!source.files.includes("data.json")) {
    throw new CheckpointError(`Cannot open ${directory}: it has no data.json, expected a folder of prepared data`);
  }
  const json = await readJson(source, "data.json"), where = `${directory.replace(/\/$/, "")}/`;
  const wrong = (field: string, value: unknown, expected: string) =>
    new CheckpointError(
      `Cannot read ${where}data.json: ${field} is ${JSON.stringify(value)}, expected ${expected}`,
    );
  if (json.version !== 1) throw wrong("version", json.version, "1");
  if (json.dtype !== "u16" && json.dtype !== "u32") throw wrong("dtype", json.dtype, '"u16" or "u32"');
  if (typeof json.tokenizer !== "string") throw wrong("tokenizer", json.tokenizer, "a hash");
  const info = json as unknown as DataInfo;
  const open = (side: Side) => {
    const file = openTokenFile(`${where}${side}.bin`, info.dtype), said = info[side]?.tokens;
    if (said === file.length) return file;
    file.close();
    throw wrong(`${side}.tokens`, said, `${file.length}, which ${side}.bin has`);
  };
  const train = open("train");
  let validation: TokenFile;
  try {
    validation = open("validation");
  } catch (error) {
    train.close();
    throw error;
  }
  const close = () => {
    train.close();
    validation.close();
  };
  return { info, train, validation, close, [Symbol.dispose]: close };
}

/**
 * What tells tokenizers apart: SHA-256, as hexadecimal digits, of the JSON that it was made from, or else of the text
 * of each of its ids. Data is made for one tokenizer: compare it with that of the model.
 */
export async function tokenizerHash(tokenizer: Pick<Tokenizer, "vocab" | "decode" | "json">): Promise<string> {
  const { json, vocab } = tokenizer;
  const text = JSON.stringify(json ?? Array.from({ length: vocab }, (_, id) => tokenizer.decode([id])));
  return await sha256(new TextEncoder().encode(text));
}
