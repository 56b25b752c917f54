import { hash } from "./permutation.ts";
import { type DocumentPiece, readDocuments } from "./documents.ts";

/** One side of the data. */
export type Side = "train" | "validation";

/** Text counted in several ways. */
export interface TextCounts {
  /** Documents; one that is divided counts on both sides. */
  documents: number;
  /** Characters (code points). */
  characters: number;
  /** Bytes of UTF-8. */
  bytes: number;
}

/** How data is divided. */
export interface Split {
  /** One document is divided at a character, several are kept whole. */
  readonly by: "characters" | "documents";
  /** For a person. */
  readonly describe: string;
  /** All of the text. */
  readonly total: Readonly<TextCounts>;
  /** The parts of a piece and where they go; pieces must come in order, from the first. */
  parts(piece: DocumentPiece): { readonly side: Side; readonly text: string }[];
}

/**
 * Reads all of `files` and decides. One document: the first `1 − validation` of its characters, rounded down, are for
 * training, the rest for validation, as nanoGPT does it. Several: those with the smallest hashes of their index and
 * `seed` are for validation, `validation` of their number, rounded, at least one and not all. Throws a `RangeError`
 * where there is no text.
 */
export function planSplit(files: readonly string[], validation: number, seed: number): Split {
  const total: TextCounts = { documents: 0, characters: 0, bytes: 0 };
  for (const { document, text } of readDocuments(files)) {
    total.documents = document + 1;
    addText(total, text);
  }
  if (!total.documents) throw new RangeError(`Cannot prepare data: ${nameOf(files)} is empty, expected text`);
  const by = total.documents === 1 ? "characters" : "documents";
  return { by, total, ...(by === "characters" ? atCharacter : byDocument)(files, total, validation, seed) };
}

/** Adds the characters and bytes of `text`, which is well-formed, to `counts`. */
export function addText(counts: TextCounts, text: string): void {
  let { characters, bytes } = counts;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    characters++;
    if (unit < 0x80) bytes++;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else { // a pair of surrogates
      bytes += 4;
      i++;
    }
  }
  counts.characters = characters;
  counts.bytes = bytes;
}

function atCharacter(
  files: readonly string[],
  total: TextCounts,
  validation: number,
): Pick<Split, "parts" | "describe"> {
  const train = Math.floor(total.characters * (1 - validation));
  let before = 0;
  return {
    describe:
      `${nameOf(files)} is one document of ${show(total.characters)} characters: the first ${show(train)} are ` +
      `for training, the last ${show(total.characters - train)} for validation.`,
    parts({ text }) {
      const counts = { documents: 0, characters: 0, bytes: 0 };
      addText(counts, text);
      const first = train - before;
      before += counts.characters;
      if (first >= counts.characters) return [{ side: "train", text }];
      if (first <= 0) return [{ side: "validation", text }];
      const at = unitsOf(text, first);
      return [{ side: "train", text: text.slice(0, at) }, { side: "validation", text: text.slice(at) }];
    },
  };
}

function byDocument(
  files: readonly string[],
  { documents }: TextCounts,
  validation: number,
  seed: number,
): Pick<Split, "parts" | "describe"> {
  const wanted = validation && Math.min(Math.max(Math.round(validation * documents), 1), documents - 1);
  const hashes = Float64Array.from({ length: documents }, (_, document) => place(seed, document));
  const limit = wanted ? hashes.slice().sort()[wanted - 1] : -1;
  const where = files.length === 1 ? files[0] : `${files.length} files`;
  return {
    describe:
      `${show(documents)} documents in ${where}: ${show(documents - wanted)} are for training, ${show(wanted)} ` +
      `for validation, chosen by a hash of their index and seed ${seed}.`,
    parts: ({ document, text }) => [{ side: hashes[document] <= limit ? "validation" : "train", text }],
  };
}

/** 53 bits, other ones for each document. */
function place(seed: number, document: number): number {
  const key = hash(0x5eed, seed);
  return (hash(key, document) >>> 11) * 2 ** 32 + hash(~key, document);
}

/** Code units of the first `characters` of `text`. */
function unitsOf(text: string, characters: number): number {
  let at = 0;
  for (let i = 0; i < characters; i++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

function nameOf(files: readonly string[]): string {
  return files.length === 1 ? files[0] : `The text of ${files.length} files`;
}

function show(count: number): string {
  return count.toLocaleString("en-US");
}
