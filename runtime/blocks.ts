/**
 * Making blocks of weights: f32 values, or blocks as GGML files hold them, into panels of a {@linkcode BlockType}. On the
 * host for every backend, so that all of them hold the same numbers. The formulas are those of `quantize_row_q8_0_ref`
 * and `quantize_row_q4_0_ref` in https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c, with their rounding.
 */
import { BLOCK, blockBytes, type BlockType, PANEL, panelBytes, panelsOf } from "./tensor.ts";

/** Panels of a weight `[n, k]` in blocks, being filled. */
export interface BlockWriter {
  /** Quantises rows `first …` of the weight, row-major. `first` is a multiple of 8. */
  rows(values: Float32Array, first: number): void;
  /** Quantises columns `first …` of the weight, given as rows `[columns, n]`. `first` is a multiple of 32. */
  columns(values: Float32Array, first: number): void;
  /** Takes rows `first …` over as blocks of GGML: row after row, a scale in f16 and then integers. */
  stored(blocks: Uint8Array<ArrayBufferLike>, first: number): void;
}

/** Bytes of a block in a file: one scale in f16, and the integers. */
export const storedBlockBytes: Readonly<Record<BlockType, number>> = { q8_0: 34, q4_0: 18 };

/** A writer to the bytes of a weight `[n, k]`. What fills up its last panel is zero once its last row was written. */
export function blockWriter(
  bytes: Uint8Array<ArrayBufferLike>,
  type: BlockType,
  [n, k]: readonly number[],
): BlockWriter {
  const scales = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const blocks = Math.ceil(k / BLOCK), panel = panelBytes(k, type), size = blockBytes[type];
  const q = new Int32Array(BLOCK), x = new Float32Array(BLOCK), quantize = quantizers[type], put = putters[type];
  /** Stores `q` and its scale as block `block` of row `row`. */
  const store = (row: number, block: number, scale: number) => {
    const at = (row >>> 3) * panel + block * size, column = row % PANEL;
    put(bytes, at, column, q);
    scales[(at + size) / 4 - PANEL + column] = scale;
  };
  /** Zeros for the rows that fill up the last panel. */
  const fillUp = (block: number) => {
    q.fill(0);
    for (let row = n; row < panelsOf(n) * PANEL; row++) store(row, block, 0);
  };
  return {
    rows(values, first) {
      const count = values.length / k;
      for (let row = 0; row < count; row++) {
        for (let block = 0; block < blocks; block++) {
          const from = row * k + block * BLOCK, filled = Math.min(BLOCK, k - block * BLOCK);
          for (let i = 0; i < BLOCK; i++) x[i] = i < filled ? values[from + i] : 0;
          store(first + row, block, quantize(x, q));
        }
      }
      if (first + count === n) { for (let block = 0; block < blocks; block++) fillUp(block); }
    },
    columns(values, first) {
      const count = values.length / n;
      for (let done = 0; done < count; done += BLOCK) {
        const block = (first + done) / BLOCK, filled = Math.min(BLOCK, count - done);
        for (let row = 0; row < n; row++) {
          for (let i = 0; i < BLOCK; i++) x[i] = i < filled ? values[(done + i) * n + row] : 0;
          store(row, block, quantize(x, q));
        }
        fillUp(block);
      }
    },
    stored(raw, first) {
      const view = new DataView(raw.buffer, raw.byteOffset, raw.length), width = storedBlockBytes[type];
      const count = raw.length / (blocks * width);
      for (let row = 0, at = 0; row < count; row++) {
        for (let block = 0; block < blocks; block++, at += width) {
          read[type](raw, at + 2, q);
          store(first + row, block, view.getFloat16(at, true));
        }
      }
      if (first + count === n) { for (let block = 0; block < blocks; block++) fillUp(block); }
    },
  };
}

/** f32 values as blocks of GGML, one after another; `values` are whole blocks. */
export function storedBlocks(type: BlockType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const width = storedBlockBytes[type], count = values.length / BLOCK, out = new Uint8Array(count * width);
  const view = new DataView(out.buffer), q = new Int32Array(BLOCK);
  for (let block = 0, at = 0; block < count; block++, at += width) {
    view.setFloat16(at, quantizers[type](values.subarray(block * BLOCK, (block + 1) * BLOCK), q), true);
    if (type === "q8_0") { for (let i = 0; i < BLOCK; i++) out[at + 2 + i] = q[i]; }
    else for (let i = 0; i < BLOCK / 2; i++) out[at + 2 + i] = q[i] + 8 | q[i + BLOCK / 2] + 8 << 4;
  }
  return out;
}

/** Writes 32 integers to `q` and returns their scale, a number of f16. */
type Quantize = (x: Float32Array, q: Int32Array) => number;

const quantizers: Readonly<Record<BlockType, Quantize>> = {
  q8_0(x, q) {
    let most = 0;
    for (let i = 0; i < BLOCK; i++) {
      const size = Math.abs(x[i]);
      if (size > most) most = size;
    }
    const scale = Math.fround(most / 127), factor = scale ? Math.fround(1 / scale) : 0;
    for (let i = 0; i < BLOCK; i++) {
      // C's roundf: halves away from zero.
      const v = Math.fround(x[i] * factor), size = Math.abs(v), down = Math.floor(size);
      const rounded = size - down >= 0.5 ? down + 1 : down;
      q[i] = v < 0 ? -rounded : rounded;
    }
    return Math.f16round(scale);
  },
  q4_0(x, q) {
    let most = 0, largest = 0;
    for (let i = 0; i < BLOCK; i++) {
      const size = Math.abs(x[i]);
      if (size > most) most = size, largest = x[i];
    }
    const scale = Math.fround(largest / -8), factor = scale ? Math.fround(1 / scale) : 0;
    for (let i = 0; i < BLOCK; i++) {
      q[i] = Math.min(15, Math.trunc(Math.fround(Math.fround(x[i] * factor) + 8.5))) - 8;
    }
    return Math.f16round(scale);
  },
};

/** Writes the 32 integers of a column to the block at byte `at`; columns of a q4_0 block in ascending order. */
type Put = (bytes: Uint8Array<ArrayBufferLike>, at: number, column: number, q: Int32Array) => void;

const putters: Readonly<Record<BlockType, Put>> = {
  q8_0(bytes, at, column, q) {
    for (let i = 0; i < BLOCK; i++) bytes[at + (i >> 2) * 32 + column * 4 + (i & 3)] = q[i];
  },
  q4_0(bytes, at, column, q) {
    const low = column < PANEL / 2;
    for (let i = 0; i < BLOCK; i++) {
      const to = at + (i >> 2) * 16 + (column & 3) * 4 + (i & 3), code = q[i] + 8;
      bytes[to] = low ? code : bytes[to] & 15 | code << 4;
    }
  },
};

/** Reads the 32 integers of a block of GGML. */
const read: Readonly<Record<BlockType, (raw: Uint8Array<ArrayBufferLike>, at: number, q: Int32Array) => void>> = {
  q8_0(raw, at, q) {
    for (let i = 0; i < BLOCK; i++) q[i] = raw[at + i] << 24 >> 24;
  },
  q4_0(raw, at, q) {
    for (let i = 0; i < BLOCK / 2; i++) {
      q[i] = (raw[at + i] & 15) - 8;
      q[i + BLOCK / 2] = (raw[at + i] >> 4) - 8;
    }
  },
};

/** Element `[row, i]` of a weight in blocks: `d · q`, rounded to f32. */
export function blockValue(bytes: DataView, type: BlockType, k: number, row: number, i: number): number {
  return Math.fround(blockScale(bytes, type, k, row, i) * blockInteger(bytes, type, k, row, i));
}

/** The integer of element `[row, i]`. */
export function blockInteger(bytes: DataView, type: BlockType, k: number, row: number, i: number): number {
  const at = (row >>> 3) * panelBytes(k, type) + (i >>> 5) * blockBytes[type], within = i % BLOCK, column = row % PANEL;
  if (type === "q8_0") return bytes.getInt8(at + (within >> 2) * 32 + column * 4 + (within & 3));
  const pair = bytes.getUint8(at + (within >> 2) * 16 + (column & 3) * 4 + (within & 3));
  return (column < PANEL / 2 ? pair & 15 : pair >> 4) - 8;
}

/** The scale of element `[row, i]`. */
export function blockScale(bytes: DataView, type: BlockType, k: number, row: number, i: number): number {
  const at = (row >>> 3) * panelBytes(k, type) + (i >>> 5) * blockBytes[type];
  return bytes.getFloat32(at + blockBytes[type] - 4 * PANEL + 4 * (row % PANEL), true);
}
