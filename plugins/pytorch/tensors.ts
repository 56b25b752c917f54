import type { StoredTensor } from "../../model/format.ts";
import { CheckpointError, type Source } from "../../model/source.ts";
import { size } from "../../runtime/tensor.ts";
import { readTorchFile, type TorchFile } from "./container.ts";
import { describe, isKind, type TorchTensor, type Value } from "./values.ts";

/** Elements that are gathered or narrowed at a time. */
const PIECE = 2 ** 18;
/** Elements between two that are read along, where that is faster than reading twice. */
const GAP = 2 ** 10;
/** Elements that are read at most to gather some of them. */
const RUN = 2 ** 18;

/** What can become numbers here, and as what. */
const readable: Readonly<Record<string, StoredTensor["dtype"]>> = {
  float32: "f32",
  float16: "f16",
  bfloat16: "bf16",
  float64: "f32",
};

/** The tensors of a file that holds a dictionary of them, a `state_dict`. */
export async function readStateDict(source: Source, file: string): Promise<Map<string, StoredTensor>> {
  const torch = await readTorchFile(source, file), { value } = torch;
  if (!(value instanceof Map)) {
    throw new CheckpointError(`Cannot read ${file}: it holds ${describe(value)}, expected a dictionary of tensors`);
  }
  return tensorsOf(source, file, torch, value);
}

/** The tensors of a dictionary. What is not one has its place, too: it is refused when it is looked at. */
export function tensorsOf(
  source: Source,
  file: string,
  torch: TorchFile,
  dictionary: ReadonlyMap<Value, Value>,
): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of dictionary) {
    if (typeof name !== "string") {
      throw new CheckpointError(`Cannot read ${file}: ${describe(name)} is a name of a tensor, expected a text`);
    }
    const where = `${file}: ${name}`;
    tensors.set(
      name,
      isKind(value, "tensor") ? storedTensor(source, file, where, torch, value) : missing(where, value),
    );
  }
  return tensors;
}

/** What stands where a tensor should. */
function missing(where: string, value: Value): StoredTensor {
  const what = isKind(value, "inert") ? `made by ${value.name}` : describe(value);
  const error = () => new CheckpointError(`Cannot read ${where}: it is ${what}, expected a tensor`);
  return {
    where,
    dtype: "f32",
    get shape(): readonly number[] {
      throw error();
    },
    read() {
      throw error();
    },
  };
}

/** A view of a storage, as rows: read in place where its elements stand so, else gathered, a piece at a time. */
function storedTensor(
  source: Source,
  file: string,
  where: string,
  torch: TorchFile,
  tensor: TorchTensor,
): StoredTensor {
  const { storage, type, offset, shape } = tensor, dtype = readable[type.name];
  if (dtype === undefined) {
    return {
      where,
      shape,
      dtype: "f32",
      read() {
        const expected = Object.keys(readable).join(", ");
        throw new CheckpointError(`Cannot read ${where}: its dtype is ${type.name}, expected one of ${expected}`);
      },
    };
  }
  const begin = torch.begin(storage), width = type.bytes;
  const read: Read = async (first, into) => await source.read(file, begin + first * width, into);
  const rows: Read = isContiguous(tensor)
    ? (first, into) => read(offset + first, into)
    : inPieces(width, gathered(tensor, read));
  const narrowed = type.name === "float64" ? inPieces(4, narrow(rows)) : rows, bytes = width === 8 ? 4 : width;
  return { where, shape, dtype, read: (from, into) => narrowed(from / bytes, into) };
}

/** Reads elements from one on. */
type Read = (first: number, into: Uint8Array<ArrayBufferLike>) => Promise<void>;

function isContiguous({ shape, strides }: TorchTensor): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; step *= shape[axis--]) {
    if (shape[axis] > 1 && strides[axis] !== step) return false;
  }
  return true;
}

/** `read`, which is asked for so many elements of `width` bytes at most that its own memory is small. */
function inPieces(width: number, read: Read): Read {
  return async (first, into) => {
    for (let at = 0; at < into.length; at += PIECE * width) {
      await read(first + at / width, into.subarray(at, at + PIECE * width));
    }
  };
}

/** f64 as f32, which all models here are computed in. */
function narrow(read: Read): Read {
  return async (first, into) => {
    const wide = new Float64Array(into.length / 4);
    await read(first, new Uint8Array(wide.buffer));
    into.set(new Uint8Array(Float32Array.from(wide).buffer));
  };
}

/** Elements in the order of rows out of a storage where they are in another: read in the order in which they stand. */
function gathered({ type: { bytes: width }, shape, strides, offset }: TorchTensor, read: Read): Read {
  return async (first, into) => {
    const count = into.length / width, order = new Float64Array(count);
    // Place and number of each in one number: sorting them is sorting places.
    places(shape, strides, offset, first, order);
    const least = order.reduce((a, b) => Math.min(a, b), Infinity);
    for (let i = 0; i < count; i++) order[i] = (order[i] - least) * PIECE + i;
    order.sort();
    const placeOf = (i: number) => Math.floor(order[i] / PIECE);
    for (let i = 0; i < count;) {
      const begin = placeOf(i);
      let end = i + 1;
      while (end < count && placeOf(end) - placeOf(end - 1) <= GAP && placeOf(end) - begin < RUN) end++;
      const run = new Uint8Array((placeOf(end - 1) - begin + 1) * width);
      await read(least + begin, run);
      for (; i < end; i++) {
        const from = (placeOf(i) - begin) * width;
        into.set(run.subarray(from, from + width), (order[i] % PIECE) * width);
      }
    }
  };
}

/** Places in the storage of the elements from `first` on, in the order of rows. */
function places(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  first: number,
  into: Float64Array,
): void {
  const index = shape.map((n, axis) => Math.floor(first / size(shape.slice(axis + 1))) % n);
  let place = index.reduce((sum, i, axis) => sum + i * strides[axis], offset);
  for (let k = 0; k < into.length; k++) {
    into[k] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}
