import { blockWriter, storedBlockBytes } from "./blocks.ts";
import type { ReadBytes, StoredAs } from "./stored.ts";
import { BLOCK, type BlockType, elementBytes, PANEL } from "./tensor.ts";

/** Bytes of a tensor that are read at a time. */
const PIECE = 1 << 20;

/**
 * Fills the bytes of a weight `[n, k]` in blocks from a stored tensor, piece by piece. One that is stored as the same blocks
 * keeps them; any other is quantised.
 */
export async function loadBlocks(
  into: Uint8Array<ArrayBufferLike>,
  type: BlockType,
  [n, k]: readonly number[],
  read: ReadBytes,
  { dtype, transposed = false, blocks }: StoredAs,
): Promise<void> {
  const writer = blockWriter(into, type, [n, k]);
  if (blocks?.format.type.toLowerCase() === type && !transposed) {
    const row = k / BLOCK * storedBlockBytes[type], step = atATime(row, PANEL);
    for (let first = 0; first < n; first += step) {
      const raw = new Uint8Array(Math.min(step, n - first) * row);
      await blocks.read(first * row, raw);
      writer.stored(raw, first);
    }
    return;
  }
  const [outer, inner] = transposed ? [k, n] : [n, k], row = inner * elementBytes[dtype];
  const step = atATime(row, transposed ? BLOCK : PANEL);
  for (let first = 0; first < outer; first += step) {
    const raw = new Uint8Array(Math.min(step, outer - first) * row);
    await read(first * row, raw);
    writer[transposed ? "columns" : "rows"](widened(raw.buffer, dtype), first);
  }
}

/** How many rows of `bytes` bytes make a piece: a multiple of `grain`. */
function atATime(bytes: number, grain: number): number {
  return Math.max(grain, Math.floor(PIECE / bytes / grain) * grain);
}

/** Stored numbers as f32. */
export function widened(raw: ArrayBuffer, dtype: StoredAs["dtype"]): Float32Array<ArrayBuffer> {
  if (dtype === "f32") return new Float32Array(raw);
  if (dtype === "f16") return new Float32Array(new Float16Array(raw));
  const words = new Uint16Array(raw), bits = new Uint32Array(words.length);
  for (let i = 0; i < words.length; i++) bits[i] = words[i] << 16;
  return new Float32Array(bits.buffer);
}
