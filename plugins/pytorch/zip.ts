import { CheckpointError, type Source } from "../../model/source.ts";

/** Bytes of the record that ends an archive, without its comment. */
const END = 22;
/** Longest comment. */
const COMMENT = 0xffff;
/** Bytes of what points to the end record of large archives, which stands before the other. */
const LOCATOR = 20;
/** Bytes of an entry of the directory, and before the bytes of a file, without names. */
const ENTRY = 46, HEADER = 30;
/** Largest directory: a hundred thousand tensors take some ten megabytes. */
const DIRECTORY_LIMIT = 2 ** 26;

/** A file in an archive. */
export interface ZipEntry {
  /** Where its header is. */
  readonly header: number;
  /** Bytes. */
  readonly size: number;
}

/** An archive whose files are stored as they are. */
export interface Zip {
  /** Its files by name. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Where the bytes of a file begin. */
  begin(name: string, entry: ZipEntry): Promise<number>;
}

/**
 * The directory of a ZIP archive, with 64-bit places where it has them. Files that are compressed or encrypted are
 * refused. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export async function readZip(source: Source, file: string): Promise<Zip> {
  const bytes = source.size(file);
  const fail = (at: number, problem: string) => new CheckpointError(`Cannot read ${file}: at byte ${at} ${problem}`);
  const view = async (at: number, length: number, what: string) => {
    if (at < 0 || at + length > bytes) throw fail(at, `begins ${what} of ${length} bytes, of a file of ${bytes}`);
    const data = new Uint8Array(length);
    await source.read(file, at, data);
    return new DataView(data.buffer);
  };
  const { at, size, count } = await findDirectory(bytes, view, fail);
  if (size > DIRECTORY_LIMIT) {
    throw fail(at, `begins a directory of ${size} bytes, expected at most ${DIRECTORY_LIMIT}`);
  }
  const directory = await view(at, size, "a directory"), entries = new Map<string, ZipEntry>();
  let next = 0;
  for (let i = 0; i < count; i++) {
    const { name, entry, length } = readEntry(directory, next, (problem) => fail(at + next, problem));
    if (entry.header + HEADER + entry.size > at) {
      throw fail(at + next, `is ${JSON.stringify(name)} of ${entry.size} bytes at ${entry.header}, beyond byte ${at}`);
    }
    if (entries.has(name)) throw fail(at + next, `is ${JSON.stringify(name)} once more, expected one`);
    entries.set(name, entry);
    next += length;
  }
  return {
    entries,
    async begin(name, { header, size }) {
      const local = await view(header, HEADER, `the header of ${name}`);
      if (local.getUint32(0, true) !== 0x04034b50) throw fail(header, `is not the header of ${name}`);
      const begin = header + HEADER + local.getUint16(26, true) + local.getUint16(28, true);
      if (begin + size <= at) return begin;
      throw fail(begin, `begins ${name} of ${size} bytes, expected at most ${at - begin}, where the directory is`);
    },
  };
}

type View = (at: number, length: number, what: string) => Promise<DataView>;

/** Where the directory is, by the record at the end of the file. */
async function findDirectory(bytes: number, view: View, fail: (at: number, problem: string) => Error) {
  const tail = Math.min(bytes, END + COMMENT), base = bytes - tail, end = await view(base, tail, "the end");
  let at = tail - END;
  while (at >= 0 && (end.getUint32(at, true) !== 0x06054b50 || at + END + end.getUint16(at + 20, true) !== tail)) at--;
  if (at < 0) throw fail(bytes, "it ends without the directory of a ZIP archive: it may not be whole");
  const place = {
    count: end.getUint16(at + 10, true),
    size: end.getUint32(at + 12, true),
    at: end.getUint32(at + 16, true),
  };
  if (place.count === 0xffff || place.size === 0xffffffff || place.at === 0xffffffff) {
    const locator = await view(base + at - LOCATOR, LOCATOR, "the place of the directory");
    if (locator.getUint32(0, true) !== 0x07064b50) throw fail(base + at - LOCATOR, "is not the place of the directory");
    const large = Number(locator.getBigUint64(8, true)), record = await view(large, 56, "the end of the directory");
    if (record.getUint32(0, true) !== 0x06064b50) throw fail(large, "is not the end of the directory");
    const [count, size, from] = [32, 40, 48].map((field) => Number(record.getBigUint64(field, true)));
    Object.assign(place, { count, size, at: from });
  }
  if (place.count * ENTRY <= place.size && place.at + place.size <= base + at) return place;
  throw fail(
    base + at,
    `ends a directory of ${place.count} files in ${place.size} bytes at ${place.at}, which do not fit`,
  );
}

/** An entry of a directory, and its bytes there. */
function readEntry(directory: DataView, at: number, fail: (problem: string) => Error) {
  const left = directory.byteLength - at;
  if (left < ENTRY || directory.getUint32(at, true) !== 0x02014b50) throw fail("is not an entry of a directory");
  const [flags, method] = [8, 10].map((field) => directory.getUint16(at + field, true));
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
  const length = ENTRY + nameBytes + extraBytes + commentBytes;
  if (length > left) throw fail(`is an entry of ${length} bytes, expected at most ${left}`);
  const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + ENTRY, nameBytes));
  const [packed, size, header] = large(directory, at, at + ENTRY + nameBytes, extraBytes, fail);
  if (method !== 0 || flags & 1 || packed !== size) {
    throw fail(`is ${JSON.stringify(name)}, which is compressed or encrypted, expected it as it is`);
  }
  return { name, entry: { header, size }, length };
}

/** Sizes and place of an entry: numbers of 64 bits stand behind the name, those that need them, in this order. */
function large(directory: DataView, at: number, extra: number, extraBytes: number, fail: (problem: string) => Error) {
  const end = extra + extraBytes;
  let field = extra;
  while (field + 4 <= end && directory.getUint16(field, true) !== 1) field += 4 + directory.getUint16(field + 2, true);
  const stop = field + 4 <= end ? Math.min(end, field + 4 + directory.getUint16(field + 2, true)) : end;
  let next = field + 4;
  const [size, packed, header] = [24, 20, 42].map((place) => {
    const short = directory.getUint32(at + place, true);
    if (short !== 0xffffffff) return short;
    if (next + 8 > stop) throw fail("is an entry whose sizes are missing");
    next += 8;
    return Number(directory.getBigUint64(next - 8, true));
  });
  return [packed, size, header];
}
