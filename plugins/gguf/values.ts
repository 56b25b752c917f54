import { CheckpointError, type Source } from "../../model/source.ts";
import type { ByteReader } from "./bytes.ts";

/** By their numbers. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
const types = ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "text", "list", "u64", "i64", "f64"] as const;
/** Types of metadata values. */
export type ValueType = typeof types[number];

/** The number of a type. */
export function numberOfValue(type: ValueType): number {
  return types.indexOf(type);
}

/** Bytes of a value of each type; of the length that a text begins with. */
const widths: Readonly<Record<Exclude<ValueType, "list">, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  text: 8,
  u64: 8,
  i64: 8,
  f64: 8,
};

/** Bytes of the longest list that is read: a vocabulary of 256,000 tokens has five million. */
const LONGEST = 2 ** 28;
/** Most texts of a list. */
const MOST_TEXTS = 2 ** 24;

/** A list in the metadata. What is in it stays in the file until {@linkcode readTexts} or {@linkcode readNumbers}. */
export interface StoredList {
  /** Type of its items. */
  readonly items: Exclude<ValueType, "list">;
  /** Number of them. */
  readonly count: number;
  /** First byte. */
  readonly begin: number;
  /** Byte after the last. */
  readonly end: number;
}

/** A metadata value. */
export type Value = number | boolean | string | StoredList;

/** The value of `key`, after its type. */
export async function readValue(reader: ByteReader, key: string): Promise<Value> {
  const type = await readType(reader, key);
  if (type === "text") return await reader.text(key);
  if (type !== "list") return numberAt(reader, reader.at(), type, await reader.take(widths[type], key), 0);
  const place = reader.at(), items = await readType(reader, `the items of ${key}`);
  if (items === "list") throw reader.fail(place, `${key} is a list of lists, expected one of numbers or texts`);
  const limit = items === "text" ? MOST_TEXTS : Infinity; // others are not gone over one by one
  const count = await reader.count(`items of ${key}`, widths[items], limit), begin = reader.at();
  if (items === "text") await reader.skipTexts(count, key);
  else reader.skip(count * widths[items], key);
  return { items, count, begin, end: reader.at() };
}

/** The texts of a list. Bytes that are not UTF-8 become U+FFFD. */
export async function readTexts(source: Source, file: string, key: string, list: StoredList): Promise<string[]> {
  if (list.items !== "text") throw wrongItems(file, key, list, "text");
  const bytes = await readBytes(source, file, key, list), view = new DataView(bytes.buffer), texts: string[] = [];
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let i = 0, at = 0; i < list.count; i++) {
    const length = Number(view.getBigUint64(at, true)); // checked when the header was read
    texts.push(decoder.decode(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
  return texts;
}

/** The numbers of a list. */
export async function readNumbers(source: Source, file: string, key: string, list: StoredList): Promise<number[]> {
  const { items, count } = list;
  if (items === "text" || items === "bool") throw wrongItems(file, key, list, "numbers");
  const view = new DataView((await readBytes(source, file, key, list)).buffer);
  return Array.from({ length: count }, (_, i) => plainNumber(items, view, i * widths[items]));
}

async function readBytes(source: Source, file: string, key: string, { begin, end }: StoredList) {
  if (end - begin > LONGEST) {
    throw new CheckpointError(`Cannot read ${file}: ${key} has ${end - begin} bytes, expected at most ${LONGEST}`);
  }
  const bytes = new Uint8Array(end - begin);
  await source.read(file, begin, bytes);
  return bytes;
}

async function readType(reader: ByteReader, what: string): Promise<ValueType> {
  const place = reader.at(), type = await reader.u32(`the type of ${what}`);
  if (type < types.length) return types[type];
  throw reader.fail(place, `the type of ${what} is ${type}, expected 0 … ${types.length - 1}`);
}

function numberAt(
  reader: ByteReader,
  place: number,
  type: Exclude<ValueType, "list" | "text">,
  view: DataView,
  at: number,
): number | boolean {
  if (type !== "bool") return plainNumber(type, view, at);
  const byte = view.getUint8(at);
  if (byte > 1) throw reader.fail(place, `a value of yes or no is ${byte}, expected 0 or 1`);
  return byte === 1;
}

function plainNumber(type: Exclude<ValueType, "list" | "text" | "bool">, view: DataView, at: number): number {
  switch (type) {
    case "u8":
      return view.getUint8(at);
    case "i8":
      return view.getInt8(at);
    case "u16":
      return view.getUint16(at, true);
    case "i16":
      return view.getInt16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u64":
      return Number(view.getBigUint64(at, true));
    case "i64":
      return Number(view.getBigInt64(at, true));
    case "f32":
      return shortest(view.getFloat32(at, true));
    case "f64":
      return view.getFloat64(at, true);
  }
}

/** The shortest decimal that is this f32: 1e-5, not 0.000009999999747378752. Others save it as it was meant. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function wrongItems(file: string, key: string, { items, begin }: StoredList, expected: string): CheckpointError {
  return new CheckpointError(
    `Cannot read ${file}: ${key} at byte ${begin} is a list of ${items}, expected ${expected}`,
  );
}
