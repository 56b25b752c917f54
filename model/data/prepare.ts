import type { Tokenizer } from "../tokenizer.ts";
import { type DataInfo, tokenizerHash } from "./data_info.ts";
import { addTo, encodeFiles, noCounts } from "./encode.ts";
import { listTextFiles } from "./files.ts";
import { planSplit, type Side } from "./split.ts";
import { tokenDType, TokenWriter, writeTextAtomic } from "./token_file.ts";

/** What {@linkcode prepareData} is given. */
export interface PrepareOptions {
  /** Text files and folders of them, see {@linkcode listTextFiles}. */
  readonly paths: readonly string[];
  /** Turns them into tokens. */
  readonly tokenizer: Tokenizer;
  /** Where to write; made if it is not there. */
  readonly directory: string;
  /** Part of the data that is held back for validation, from 0, below 1. Default: 0.1. */
  readonly validation?: number;
  /** Decides which documents are. Default: 0. */
  readonly seed?: number;
  /** Tokens of a window: each side must have one more. Default: 1. */
  readonly context?: number;
  /** Told now and then how many bytes of text are encoded, and of how many. */
  progress?(done: number, total: number): void;
}

/**
 * Encodes text once, into `train.bin` and `validation.bin` in `directory`, with `data.json` beside them, and returns
 * what that says. Files are written whole or not at all. Text is read in pieces, twice: to divide it and to encode it;
 * only a tokenizer without {@linkcode Tokenizer.cut} needs whole documents in memory.
 *
 * One document is divided at a character, as nanoGPT does it: the first 90 % are for training. Of several, whole ones
 * are chosen for validation by a hash of their index and the seed. Each of several ends with the tokenizer's first stop
 * id, unless its texts begin with an id of their own. Documents are files, and within files what lines that are exactly
 * `<|endoftext|>` separate.
 *
 * Throws a {@linkcode CheckpointError} for files that cannot be read or are not UTF-8, a `RangeError` for data that is
 * empty or shorter than `context + 1` tokens on a side, a `TypeError` for a tokenizer that cannot tell documents apart.
 *
 * @example
 * ```ts ignore
 * import { batches, corpus, openData, prepareData, tokenizerOf, trainTokenizer } from "@tenon/tenon";
 *
 * const tokenizer = tokenizerOf(await trainTokenizer("characters", corpus(["shakespeare.txt"])));
 * const { describe } = await prepareData({ paths: ["shakespeare.txt"], tokenizer, directory: "data" });
 * console.log(describe);
 * using data = await openData("data");
 * const { inputs, targets } = batches(data.train, { batch: 16, context: 64 }).at(0);
 * ```
 */
export async function prepareData(options: PrepareOptions): Promise<DataInfo> {
  const { tokenizer, directory, validation = 0.1, seed = 0, context = 1 } = options;
  if (!(validation >= 0 && validation < 1)) {
    throw new RangeError(`Cannot prepare data: validation is ${validation}, expected a number from 0, below 1`);
  }
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(`Cannot prepare data with seed ${seed}, expected a whole number`);
  }
  const hash = await tokenizerHash(tokenizer), dtype = tokenDType(tokenizer.vocab);
  const files = listTextFiles(options.paths), split = planSplit(files, validation, seed);
  Deno.mkdirSync(directory, { recursive: true });
  const writerOf = (side: Side) => new TokenWriter(`${directory}/${side}.bin`, dtype);
  const writers = { train: writerOf("train"), validation: writerOf("validation") };
  try {
    const counts = encodeFiles(files, split, tokenizer, writers, options.progress);
    const sum = (side: Side) => counts.map((file) => file[side]).reduce(addTo, noCounts());
    const train = sum("train"), held = sum("validation");
    const info: DataInfo = {
      version: 1,
      dtype,
      vocab: tokenizer.vocab,
      tokenizer: hash,
      ...addTo(addTo(noCounts(), train), held),
      documents: split.total.documents, // one that is divided is on both sides
      split: { by: split.by, validation, seed },
      describe: split.describe,
      train,
      validation: held,
      files: counts,
    };
    for (const side of validation ? ["train", "validation"] as const : ["train"] as const) {
      if (info[side].tokens <= context) {
        throw new RangeError(
          `Cannot prepare data: ${info[side].tokens} tokens are for ${side}, expected at least ${context + 1} for ` +
            `context ${context}. ${split.describe}`,
        );
      }
    }
    for (const side of ["train", "validation"] as const) writers[side].finish();
    for (const side of ["train", "validation"] as const) writers[side].publish();
    writeTextAtomic(`${directory}/data.json`, `${JSON.stringify(info, null, 2)}\n`);
    return info;
  } finally {
    for (const writer of Object.values(writers)) writer.discard();
  }
}
