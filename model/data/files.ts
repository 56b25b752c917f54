import { CheckpointError, unreadable } from "../source.ts";

/** Bytes read from a file at a time. */
const PIECE = 1 << 20;

/**
 * The text files that `paths` name: files as they are, folders by all of their `.txt` and `.md` files, those of folders
 * within included, in the order of their names. Names that begin with a dot and links to folders are passed over. A
 * file that is named twice counts once. Throws a {@linkcode CheckpointError} for what is not there, may not be read, or
 * holds no text files.
 */
export function listTextFiles(paths: readonly string[]): string[] {
  if (!paths.length) throw new RangeError("Cannot read data: no path is given, expected files or folders");
  const files = new Map<string, string>();
  for (const path of paths) {
    const found = guarded(path, () => Deno.statSync(path).isDirectory) ? textFilesIn(path) : [path];
    if (!found.length) throw new CheckpointError(`Cannot read data from ${path}: it has no .txt or .md file`);
    for (const file of found) {
      const real = guarded(file, () => Deno.realPathSync(file));
      if (!files.has(real)) files.set(real, file);
    }
  }
  return [...files.values()];
}

/**
 * The text of a UTF-8 file in pieces, none of which ends within a character. A mark of byte order at its beginning is
 * left out. Throws a {@linkcode CheckpointError} that says at which byte it is not UTF-8.
 */
export function* readUtf8(file: string): Generator<string> {
  using handle = guarded(file, () => Deno.openSync(file));
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }), buffer = new Uint8Array(PIECE);
  let held = 0, offset = 0;
  for (;;) {
    const count = guarded(file, () => handle.readSync(buffer.subarray(held)));
    const bytes = buffer.subarray(0, held + (count ?? 0)), whole = count === null ? bytes.length : wholeLength(bytes);
    let text: string;
    try {
      text = decoder.decode(bytes.subarray(0, whole));
    } catch {
      const at = offset + invalidAt(bytes.subarray(0, whole));
      throw new CheckpointError(`Cannot read ${file}: byte ${at} is not UTF-8, expected a text file`);
    }
    if (offset === 0 && text.startsWith("\ufeff")) text = text.slice(1);
    if (text) yield text;
    if (count === null) return;
    offset += whole;
    held = bytes.length - whole;
    buffer.copyWithin(0, whole, bytes.length);
  }
}

function textFilesIn(folder: string): string[] {
  const base = folder.replace(/(?<=.)[/\\]$/, "");
  const entries = guarded(folder, () => [...Deno.readDirSync(folder)]).filter(({ name }) => !name.startsWith("."));
  return entries.sort((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name, isDirectory, isSymlink }) => {
    const path = `${base}/${name}`;
    if (isDirectory) return textFilesIn(path);
    if (!/\.(txt|md)$/i.test(name)) return [];
    return isSymlink && guarded(path, () => Deno.statSync(path).isDirectory) ? [] : [path];
  });
}

/** Bytes up to the last character, if that one may go on in the next piece. */
function wholeLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue; // within a character: its first byte is further ahead
    return sequenceLength(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Where the first character that is not valid UTF-8 begins. */
function invalidAt(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at]);
    try {
      decoder.decode(bytes.subarray(at, at + length));
    } catch {
      return at;
    }
    at += length;
  }
  return bytes.length;
}

/** Bytes of the character that begins with `byte`; 1 for a byte that begins none. */
function sequenceLength(byte: number): number {
  return byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc0 && byte < 0xe0 ? 2 : 1;
}

/** What `f` returns; what it throws becomes a {@linkcode CheckpointError} about `path`. */
function guarded<T>(path: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw unreadable(path, path, error);
  }
}
