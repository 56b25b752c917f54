import type { ReadBytes } from "../../runtime/runtime.ts";
import type { StoredTensor } from "../format.ts";
import type { BlockFormat } from "./blocks.ts";

/** Values that are unpacked at a time, at most: a megabyte. */
const PIECE = 1 << 18;

/** A tensor in blocks. It reads as f32; the blocks themselves can be had, too. */
export interface QuantizedTensor extends StoredTensor {
  /** What its rows are stored as. Rows are whole blocks. */
  readonly blocks: {
    /** Format of a block. */
    readonly format: BlockFormat;
    /** Reads the bytes of the blocks. */
    readonly read: ReadBytes;
  };
}

/**
 * A tensor whose blocks `read` reads, row after row, as f32: each piece is unpacked when it is asked for, and nothing is
 * kept. The innermost axis must be whole blocks.
 */
export function quantizedTensor(
  where: string,
  shape: readonly number[],
  format: BlockFormat,
  read: ReadBytes,
): QuantizedTensor {
  return { where, shape, dtype: "f32", read: unpacked(format, read), blocks: { format, read } };
}

/** Reads the f32 values of blocks. Pieces may begin and end inside a block. */
function unpacked({ values, bytes, unpack }: BlockFormat, read: ReadBytes): ReadBytes {
  return async (offset, into) => {
    for (let done = 0; done < into.length;) {
      const first = Math.floor((offset + done) / (4 * values)), skipped = offset + done - 4 * values * first;
      const count = Math.min(Math.ceil((skipped + into.length - done) / (4 * values)), PIECE / values);
      const raw = new DataView(new ArrayBuffer(count * bytes)), out = new Float32Array(count * values);
      await read(first * bytes, new Uint8Array(raw.buffer));
      for (let block = 0; block < count; block++) unpack(raw, block * bytes, out, block * values);
      const piece = new Uint8Array(out.buffer, skipped).subarray(0, into.length - done);
      into.set(piece, done);
      done += piece.length;
    }
  };
}

/**
 * `count` rows of a stored tensor: row `i` is row `rowOf(i)` of `tensor`. In blocks where it is, but for vectors, which
 * count as rows of one value.
 */
export function rowsOfStored(
  tensor: StoredTensor | QuantizedTensor,
  count: number,
  rowOf: (row: number) => number,
): StoredTensor | QuantizedTensor {
  const { where, shape, dtype, read } = tensor, [, columns = 1, ...rest] = shape, vector = shape.length < 2;
  const width = columns * (dtype === "f32" ? 4 : 2);
  const rows: StoredTensor = {
    where,
    shape: vector ? [count] : [count, columns, ...rest],
    dtype,
    read: readRows(read, width, rowOf),
  };
  if (!isQuantized(tensor) || vector) return rows;
  const { format, read: readBlocks } = tensor.blocks, bytes = columns / format.values * format.bytes;
  return { ...rows, blocks: { format, read: readRows(readBlocks, bytes, rowOf) } } as QuantizedTensor;
}

function isQuantized(tensor: StoredTensor | QuantizedTensor): tensor is QuantizedTensor {
  return tensor.blocks !== undefined && "values" in tensor.blocks.format;
}

/** Rows of `width` bytes in another order; those that lie one after another are read at once. */
function readRows(read: ReadBytes, width: number, rowOf: (row: number) => number): ReadBytes {
  return async (offset, into) => {
    for (let done = 0; done < into.length;) {
      const row = Math.floor((offset + done) / width), within = offset + done - row * width, first = rowOf(row);
      let run = 1;
      while (run * width - within < into.length - done && rowOf(row + run) === first + run) run++;
      const part = into.subarray(done, done + run * width - within);
      await read(first * width + within, part);
      done += part.length;
    }
  };
}
