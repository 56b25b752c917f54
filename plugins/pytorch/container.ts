import { CheckpointError, readFile, type Source } from "../../model/source.ts";
import { readPickle, Short, type Unpickled, type Window } from "./pickle.ts";
import { describe, type Storage, type Value } from "./values.ts";
import { readZip, type Zip } from "./zip.ts";

/** The number that the files of the first versions begin with. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
/** Their version. */
const VERSION = 1001;
/** Longest pickle. */
const PICKLE_LIMIT = 2 ** 28;
/** Bytes of a pickle of unknown length that are read at first. */
const PREFIX = 2 ** 20;

/** What a file of `torch.save` holds. */
export interface TorchFile {
  /** What was saved. */
  readonly value: Value;
  /** Where the first byte of a storage is. */
  begin(storage: Storage): number;
}

/** Whether a file begins as those of `torch.save` do. */
export async function looksLikeTorch(source: Source, file: string): Promise<boolean> {
  if (source.size(file) < 4) return false;
  const bytes = new Uint8Array(4);
  await source.read(file, 0, bytes);
  return isZip(bytes) || (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5 && [0x8a, 0x95].includes(bytes[2]));
}

function isZip(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes) === "PK\x03\x04";
}

/**
 * Reads a file of `torch.save`: an archive, or the pickles one after another that were written before PyTorch 1.6. No
 * element of a tensor is read. https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
 */
export async function readTorchFile(source: Source, file: string): Promise<TorchFile> {
  if (!await looksLikeTorch(source, file)) {
    throw new CheckpointError(`Cannot read ${file}: it does not begin as files do that torch.save writes`);
  }
  const start = new Uint8Array(4);
  await source.read(file, 0, start);
  return isZip(start) ? await readArchive(source, file) : await readPickles(source, file);
}

async function readArchive(source: Source, file: string): Promise<TorchFile> {
  const zip = await readZip(source, file),
    wrong = (text: string) => new CheckpointError(`Cannot read ${file}: ${text}`);
  const [name, ...others] = [...zip.entries.keys()].filter((entry) => /^([^/]+\/)?data\.pkl$/.test(entry));
  if (name === undefined || others.length) {
    throw wrong(`it is an archive with ${name === undefined ? "no" : "more than one"} data.pkl, expected one`);
  }
  const folder = name.slice(0, -"data.pkl".length), { entries } = zip, size = entries.get(name)!.size;
  if (entries.has(`${folder}constants.pkl`)) {
    throw wrong("it is a program of TorchScript, expected what torch.save writes");
  }
  await expectLittle(source, file, zip, `${folder}byteorder`);
  if (size > PICKLE_LIMIT) throw wrong(`${name} has ${size} bytes, expected at most ${PICKLE_LIMIT}`);
  const base = await zip.begin(name, entries.get(name)!), bytes = new Uint8Array(size);
  await source.read(file, base, bytes);
  const { value, storages } = readPickle(windowOf(file, bytes, base, base + size), 0),
    begins = new Map<string, number>();
  for (const storage of storages) {
    const path = `${folder}data/${storage.key}`, entry = entries.get(path);
    if (!entry) throw wrong(`it has no ${path}, in which there should be ${sizeText(storage)}`);
    if ((storage.first + storage.count) * storage.type.bytes > entry.size) {
      throw wrong(`${path} has ${entry.size} bytes, expected ${sizeText(storage)}`);
    }
    if (!begins.has(storage.key)) begins.set(storage.key, await zip.begin(path, entry));
  }
  return placed(value, begins);
}

/** Files of processors that write the last byte first have no reader here. Before PyTorch 2.1 nothing was said. */
async function expectLittle(source: Source, file: string, zip: Zip, name: string): Promise<void> {
  const entry = zip.entries.get(name);
  if (!entry) return;
  const bytes = new Uint8Array(Math.min(entry.size, 16));
  await source.read(file, await zip.begin(name, entry), bytes);
  const order = new TextDecoder().decode(bytes);
  if (order !== "little") {
    throw new CheckpointError(`Cannot read ${file}: ${name} is ${describe(order)}, expected "little"`);
  }
}

async function readPickles(source: Source, file: string): Promise<TorchFile> {
  const wrong = (problem: string) => new CheckpointError(`Cannot read ${file}: ${problem}`);
  const bytes = source.size(file), [magic, version, system, saved, keys] = await unpickleAll(source, file, 5);
  if (magic.value !== MAGIC) throw wrong(`it begins with ${describe(magic.value)}, expected what torch.save writes`);
  if (version.value !== VERSION) throw wrong(`its version is ${describe(version.value)}, expected ${VERSION}`);
  const little = system.value instanceof Map ? system.value.get("little_endian") : undefined;
  if (little !== true) throw wrong(`little_endian is ${describe(little)}, expected true`);
  if (!Array.isArray(keys.value)) throw wrong(`its list of storages is ${describe(keys.value)}, expected texts`);
  // Each storage is its number of elements, in 64 bits, and the elements.
  const widths = new Map(saved.storages.map(({ key, type }) => [key, type.bytes])), begins = new Map<string, number>();
  const counts = new Map<string, number>();
  let at = keys.end;
  for (const value of keys.value) {
    const key = String(typeof value === "object" ? undefined : value), width = widths.get(key);
    if (width === undefined || begins.has(key)) {
      throw wrong(`its list of storages has ${describe(value)}, expected each once`);
    }
    if (at + 8 > bytes) throw wrong(`it ends before storage ${key} at byte ${at}`);
    const length = new DataView(new ArrayBuffer(8));
    await source.read(file, at, new Uint8Array(length.buffer));
    const count = Number(length.getBigUint64(0, true));
    begins.set(key, at += 8);
    counts.set(key, count);
    if (at + count * width > bytes) {
      throw wrong(`storage ${key} at byte ${at} has ${count} elements of ${width} bytes, expected ${bytes - at} bytes`);
    }
    at += count * width;
  }
  for (const { key, first, count, type } of saved.storages) {
    const there = counts.get(key);
    if (there === undefined) throw wrong(`its list of storages has no ${key}`);
    if (type.bytes !== widths.get(key) || first + count > there) {
      throw wrong(`storage ${key} has ${there} elements, expected ${first + count} of ${type.bytes} bytes`);
    }
  }
  return placed(saved.value, begins);
}

/** So many pickles from the beginning of a file on; as much is read as they turn out to need. */
async function unpickleAll(source: Source, file: string, count: number): Promise<Unpickled[]> {
  const size = source.size(file);
  for (let length = PREFIX;;) {
    length = Math.min(size, length);
    if (length > PICKLE_LIMIT) {
      throw new CheckpointError(`Cannot read ${file}: its pickles go on after byte ${PICKLE_LIMIT}, expected an end`);
    }
    const bytes = new Uint8Array(length), found: Unpickled[] = [];
    await source.read(file, 0, bytes);
    try {
      while (found.length < count) found.push(readPickle(windowOf(file, bytes, 0, size), found.at(-1)?.end ?? 0));
      return found;
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      length = Math.max(2 * length, error.needed);
    }
  }
}

/** What a pickle alone holds, in a file of its own. */
export async function readPickleFile(source: Source, file: string): Promise<Value> {
  const bytes = await readFile(source, file, PICKLE_LIMIT);
  return readPickle(windowOf(file, bytes, 0, bytes.length), 0).value;
}

function windowOf(file: string, bytes: Uint8Array<ArrayBuffer>, base: number, limit: number): Window {
  const fail = (at: number, problem: string) =>
    new CheckpointError(`Cannot read ${file}: the pickle at byte ${at} ${problem}`);
  return { bytes, base, limit, fail };
}

function placed(value: Value, begins: ReadonlyMap<string, number>): TorchFile {
  return { value, begin: ({ key, first, type }) => begins.get(key)! + first * type.bytes };
}

function sizeText({ count, first, type }: Storage): string {
  return `${first + count} of ${type.name}`;
}
