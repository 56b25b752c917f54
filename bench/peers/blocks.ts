/** Weights in blocks: the numbers that they stand for, and the form in which ONNX Runtime takes them. */
import { blockFormats } from "../../model/quantized/blocks.ts";
import { storedBlockBytes, storedBlocks } from "../../runtime/blocks.ts";

/** Values of a block. */
export const BLOCK = 32;

/** A type of blocks that is measured. */
export type BlockWeights = "q8_0" | "q4_0";

/** What `values`, whole blocks, are once they are stored in blocks. Stored again, they are the same blocks. */
export function inBlocks(type: BlockWeights, values: Float32Array): Float32Array<ArrayBuffer> {
  const { unpack, bytes } = blockFormats[type === "q8_0" ? "Q8_0" : "Q4_0"];
  const stored = new DataView(storedBlocks(type, values).buffer), out = new Float32Array(values.length);
  for (let block = 0; block < values.length / BLOCK; block++) unpack(stored, block * bytes, out, block * BLOCK);
  return out;
}

/** Blocks as MatMulNBits takes them: whole numbers without a sign, and scales apart. */
export interface NBits {
  /** Bits of a value: 8, or 4, the first of a pair in the lower half of its byte. */
  readonly bits: 4 | 8;
  /** Values, plus half of what their bits can hold. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** A scale for each block. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/**
 * The blocks of `values`, with the very numbers that Tenon and llama.cpp have, as MatMulNBits takes them.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */
export function nBits(type: BlockWeights, values: Float32Array): NBits {
  const stored = storedBlocks(type, values), view = new DataView(stored.buffer);
  const bits = type === "q8_0" ? 8 : 4, width = BLOCK * bits / 8, count = values.length / BLOCK;
  const codes = new Uint8Array(count * width), scales = new Float32Array(count);
  for (let block = 0, at = 0, to = 0; block < count; block++, at += storedBlockBytes[type], to += width) {
    scales[block] = view.getFloat16(at, true);
    const q = at + 2;
    if (bits === 8) { for (let i = 0; i < BLOCK; i++) codes[to + i] = stored[q + i] ^ 128; }
    else {
      // GGML pairs values i and i + 16, ONNX Runtime neighbours.
      for (let i = 0; i < 8; i++) {
        const first = stored[q + 2 * i], second = stored[q + 2 * i + 1];
        codes[to + i] = first & 15 | (second & 15) << 4;
        codes[to + 8 + i] = first >> 4 | second & 240;
      }
    }
  }
  return { bits, codes, scales };
}
