import { END_OF_TEXT, lastBreak } from "../../components/tokenizers/tokenizer.ts";
import { listTextFiles, readUtf8 } from "./files.ts";

/** A part of a document. */
export interface DocumentPiece {
  /** Index of the document among all. */
  readonly document: number;
  /** The file that it is in. */
  readonly file: string;
  /** The text, which goes on in the next piece. */
  readonly text: string;
}

const LONGEST_LINE = `${END_OF_TEXT}\r\n`;

/**
 * The documents of text files, in pieces: each file is one, and in a file a line that is exactly `<|endoftext|>`
 * separates two. The line belongs to neither; empty documents are passed over. Pieces may end anywhere between
 * characters.
 */
export function* readDocuments(files: readonly string[]): Generator<DocumentPiece> {
  let document = -1;
  for (const file of files) {
    let begun = false;
    for (const piece of separated(readUtf8(file))) {
      if (piece === undefined) begun = false;
      else {
        if (!begun) document++;
        begun = true;
        yield { document, file, text: piece };
      }
    }
  }
}

/**
 * The text of files as tokenizers are trained on it: pieces that end where no token could go on, and `<|endoftext|>`
 * between documents. See {@linkcode trainTokenizer}.
 *
 * @example
 * ```ts ignore
 * import { corpus, trainTokenizer } from "@tenon/tenon";
 *
 * const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 2000 }, corpus(["books/"]));
 * ```
 */
export function* corpus(paths: readonly string[]): Generator<string> {
  let document = 0, held = "";
  for (const piece of readDocuments(listTextFiles(paths))) {
    if (piece.document !== document) {
      if (held) yield held;
      yield END_OF_TEXT;
      held = "";
      document = piece.document;
    }
    const text = held + piece.text, at = lastBreak(text, held.length);
    if (at) yield text.slice(0, at);
    held = text.slice(at);
  }
  if (held) yield held;
}

/** Passes texts on without their separators, for each of which there is `undefined`. */
function* separated(texts: Iterable<string>): Generator<string | undefined> {
  let held = "", lineStart = true; // whether `held` begins a line
  function* take(end: boolean): Generator<string | undefined> {
    for (let found; (found = findSeparator(held, lineStart, end));) {
      if (found.begin) yield held.slice(0, found.begin);
      yield undefined;
      held = held.slice(found.end);
      lineStart = true;
    }
  }
  for (const text of texts) {
    held += text;
    yield* take(false);
    // The last line is kept as long as it may become a separator.
    const line = held.lastIndexOf("\n") + 1, open: boolean = line > 0 || lineStart;
    const keep: number = open && LONGEST_LINE.startsWith(held.slice(line)) ? line : held.length;
    if (!keep) continue;
    lineStart = held[keep - 1] === "\n";
    yield held.slice(0, keep);
    held = held.slice(keep);
  }
  yield* take(true);
  if (held) yield held;
}

/** The first line of `text` that is a separator. At the `end` of a file it may lack its line feed. */
function findSeparator(text: string, lineStart: boolean, end: boolean): { begin: number; end: number } | undefined {
  for (let at = text.indexOf(END_OF_TEXT); at >= 0; at = text.indexOf(END_OF_TEXT, at + 1)) {
    if (at ? text[at - 1] !== "\n" : !lineStart) continue;
    const after = at + END_OF_TEXT.length, rest = text.slice(after, after + 2);
    if (rest[0] === "\n") return { begin: at, end: after + 1 };
    if (rest === "\r\n" || (end && (rest === "" || rest === "\r"))) return { begin: at, end: after + rest.length };
  }
  return undefined;
}
