import type { Tokenizer } from "../tokenizer.ts";
import type { DataCounts, DataFile } from "./data_info.ts";
import { readDocuments } from "./documents.ts";
import { addText, type Side, type Split } from "./split.ts";
import type { TokenWriter } from "./token_file.ts";

/** Counts that can change. */
export type Counts = { -readonly [K in keyof DataCounts]: DataCounts[K] };

/** Nothing counted yet. */
export function noCounts(): Counts {
  return { documents: 0, characters: 0, bytes: 0, tokens: 0 };
}

/** `sum`, with `counts` added to it. */
export function addTo(sum: Counts, counts: DataCounts): Counts {
  for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key];
  return sum;
}

/** Encodes every document of `files` into the writer of its side, and counts what came from which file. */
export function encodeFiles(
  files: readonly string[],
  split: Split,
  tokenizer: Tokenizer,
  writers: Readonly<Record<Side, TokenWriter>>,
  progress?: (done: number, total: number) => void,
): DataFile[] {
  const counts = new Map(files.map((file) => [file, { train: noCounts(), validation: noCounts() }]));
  const end = split.by === "documents" ? endOf(tokenizer) : undefined;
  const sinks = {
    train: sinkOf(tokenizer, writers.train, end),
    validation: sinkOf(tokenizer, writers.validation, end),
  };
  let current = -1, done = 0;
  const finish = () => Object.values(sinks).forEach((sink) => sink.end());
  for (const piece of readDocuments(files)) {
    if (piece.document !== current) finish();
    current = piece.document;
    for (const { side, text } of split.parts(piece)) {
      const count = counts.get(piece.file)![side], before = count.bytes;
      addText(count, text);
      sinks[side].add(text, piece.file, count);
      done += count.bytes - before;
    }
    progress?.(done, split.total.bytes);
  }
  finish();
  if (done !== split.total.bytes) {
    throw new Error(`Cannot prepare data: it has ${done} bytes now, and had ${split.total.bytes} before`);
  }
  return [...counts].map(([path, sides]) => ({ path, ...sides }));
}

/** The id that ends each document; nothing where an id of its own begins each text. */
function endOf(tokenizer: Tokenizer): number | undefined {
  if (tokenizer.encode("").length) return undefined;
  if (tokenizer.stopIds.length) return tokenizer.stopIds[0];
  throw new TypeError(
    "Cannot prepare several documents: the tokenizer has no token that ends one, expected one that was trained on " +
      "several documents, or a single document",
  );
}

/** Gathers the text of a document until it can be cut, and writes its ids. */
function sinkOf(tokenizer: Tokenizer, writer: TokenWriter, end: number | undefined) {
  let held = "", file = "", counts: Counts | undefined; // undefined between documents
  const write = (text: string) => {
    let ids: number[];
    try {
      ids = tokenizer.encode(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`Cannot prepare ${file}: ${error.message}`, { cause: error });
    }
    writer.write(ids);
    counts!.tokens += ids.length;
  };
  return {
    add(text: string, from: string, into: Counts) {
      if (!counts) into.documents++;
      [file, counts] = [from, into];
      const before = held.length;
      held += text;
      const at = tokenizer.cut?.(held, before) ?? 0;
      if (at) write(held.slice(0, at));
      held = held.slice(at);
    },
    end() {
      if (!counts) return;
      if (held) write(held);
      if (end !== undefined) {
        writer.write([end]);
        counts.tokens++;
      }
      [held, counts] = ["", undefined];
    },
  };
}
