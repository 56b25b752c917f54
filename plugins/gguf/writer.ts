/** Writing what {@linkcode readHeader} reads: version 3 of the format. */
import { size } from "../../runtime/tensor.ts";
import { numberOfType } from "./places.ts";
import { numberOfValue, type ValueType } from "./values.ts";

/** A metadata value on its way to a file: its type, and what it is, or the type of its items, and those. */
export type MetaValue =
  | readonly ["u32" | "f32", number]
  | readonly ["text", string]
  | readonly ["bool", boolean]
  | readonly ["list", "text", readonly string[]]
  | readonly ["list", "i32" | "f32", readonly number[]];

/** A tensor on its way to a file. */
export interface TensorToWrite {
  /** Its name. */
  readonly name: string;
  /** Its sizes, outermost axis first. */
  readonly shape: readonly number[];
  /** What it is stored as. */
  readonly type: "F32" | "Q8_0" | "Q4_0";
  /** Its bytes. */
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** Bytes of 32 values. */
const widths = { F32: 128, Q8_0: 34, Q4_0: 18 } as const;

/** Bytes that grow. */
function byteWriter() {
  let bytes = new Uint8Array(1 << 12), view = new DataView(bytes.buffer), length = 0;
  const room = (more: number) => {
    if (length + more > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, length + more));
      larger.set(bytes);
      bytes = larger;
      view = new DataView(bytes.buffer);
    }
    length += more;
    return length - more;
  };
  // Room first: it may put other bytes in place of those that there are.
  const number = (width: number, set: (at: number) => void) => set(room(width));
  const writer = {
    u32: (value: number) => number(4, (at) => view.setUint32(at, value, true)),
    u64: (value: number) => number(8, (at) => view.setBigUint64(at, BigInt(value), true)),
    f32: (value: number) => number(4, (at) => view.setFloat32(at, value, true)),
    byte: (value: number) => number(1, (at) => view.setUint8(at, value)),
    text(value: string) {
      const encoded = new TextEncoder().encode(value);
      writer.u64(encoded.length);
      number(encoded.length, (at) => bytes.set(encoded, at));
    },
    type: (type: ValueType) => writer.u32(numberOfValue(type)),
    done: () => bytes.slice(0, length),
  };
  return writer;
}

/** A key and its value. */
export function metadataEntry(key: string, value: MetaValue): Uint8Array<ArrayBuffer> {
  const writer = byteWriter();
  writer.text(key);
  writer.type(value[0]);
  switch (value[0]) {
    case "u32":
    case "f32":
      writer[value[0]](value[1]);
      break;
    case "text":
      writer.text(value[1]);
      break;
    case "bool":
      writer.byte(value[1] ? 1 : 0);
      break;
    case "list":
      writer.type(value[1]);
      writer.u64(value[2].length);
      if (value[1] === "text") value[2].forEach(writer.text);
      else if (value[1] === "f32") value[2].forEach(writer.f32);
      else value[2].forEach(writer.u32); // of its 32 bits
  }
  return writer.done();
}

/** A file of `count` metadata entries and these tensors, which begin at multiples of `align`. */
export async function* filePieces(
  entries: readonly Uint8Array[],
  tensors: readonly TensorToWrite[],
  align: number,
): AsyncGenerator<Uint8Array, void> {
  const head = byteWriter();
  for (const letter of "GGUF") head.byte(letter.charCodeAt(0));
  head.u32(3);
  head.u64(tensors.length);
  head.u64(entries.length);
  yield head.done();
  yield* entries;
  const table = byteWriter(), padding = (bytes: number) => (align - bytes % align) % align;
  let offset = 0;
  for (const { name, shape, type } of tensors) {
    table.text(name);
    table.u32(shape.length);
    for (const n of shape.toReversed()) table.u64(n);
    table.u32(numberOfType(type));
    table.u64(offset);
    const bytes = size(shape) / 32 * widths[type];
    offset += bytes + padding(bytes);
  }
  const places = table.done();
  yield places;
  yield new Uint8Array(padding(24 + places.length + entries.reduce((sum, entry) => sum + entry.length, 0)));
  for (const { shape, type, pieces } of tensors) {
    yield* pieces();
    yield new Uint8Array(padding(size(shape) / 32 * widths[type]));
  }
}
