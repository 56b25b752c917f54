/** Tensors in the order and the form of files, and back. Nothing is read before it is asked for. */
import type { ModelConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { rowsOfStored } from "../../model/quantized/stored.ts";
import { CheckpointError } from "../../model/source.ts";
import { widened } from "../../runtime/load_blocks.ts";
import { elementBytes, size } from "../../runtime/tensor.ts";
import { joined } from "../huggingface/views.ts";

/** Weights and biases of queries and keys, whose channels turn. */
const TURNED = /\.attention\.[qk]\.(weight|bias)$/;

/**
 * Rows of queries and keys in the order of checkpoints elsewhere. In some architectures of GGUF channels `2i` and
 * `2i + 1` of a head turn together, elsewhere `i` and `i + half`: the numbers are the same, and a model that is saved is a
 * Llama to all.
 */
export function halves(path: string, tensor: StoredTensor, config: ModelConfig): StoredTensor {
  if (!TURNED.test(path)) return tensor;
  const headDim = headDimOf(config), half = headDim / 2;
  return rowsOfStored(tensor, tensor.shape[0], (row) => {
    const channel = row % headDim;
    return row - channel + (channel < half ? 2 * channel : 2 * (channel - half) + 1);
  });
}

/** The other way: rows of queries and keys as such architectures have them. */
export function neighbours(path: string, tensor: StoredTensor, config: ModelConfig): StoredTensor {
  if (!TURNED.test(path)) return tensor;
  const headDim = headDimOf(config);
  return rowsOfStored(tensor, tensor.shape[0], (row) => {
    const channel = row % headDim;
    return row - channel + (channel % 2 ? headDim / 2 : 0) + (channel >> 1);
  });
}

function headDimOf({ dim, heads, attention }: ModelConfig): number {
  const [first] = [attention].flat() as ({ readonly headDim?: number | null } | undefined)[];
  return first?.headDim ?? dim / heads;
}

/** Values and a number more, as f32. */
export function plus(tensor: StoredTensor, more: number): StoredTensor {
  const { where, shape, dtype, read } = tensor, width = elementBytes[dtype];
  return {
    where,
    shape,
    dtype: "f32",
    async read(offset, into) {
      const first = Math.floor(offset / 4), end = Math.ceil((offset + into.length) / 4);
      const raw = new Uint8Array((end - first) * width);
      await read(first * width, raw);
      const bytes = new Uint8Array(widened(raw.buffer, dtype).map((value) => value + more).buffer);
      into.set(bytes.subarray(offset - 4 * first, offset - 4 * first + into.length));
    },
  };
}

/** Tensors one after another: rows of one, or matrices of one. */
export function together(parts: readonly StoredTensor[], stacked: boolean): StoredTensor {
  const [first] = parts, { shape, ...rest } = joined(parts.map(({ blocks: _, ...part }) => upright(part)));
  return { ...rest, shape: stacked ? [parts.length, ...first.shape] : shape };
}

/** A tensor `[out, in]` of what is stored as `[in, out]`. It is held from its first byte until its last is read. */
export function upright({ transposed, ...tensor }: StoredTensor): StoredTensor {
  if (!transposed) return tensor;
  const { where, shape: [k, n], dtype, read } = tensor, width = elementBytes[dtype];
  let held: Uint8Array<ArrayBuffer> | undefined;
  return {
    where,
    shape: [n, k],
    dtype,
    async read(offset, into) {
      held ??= await transposedBytes(read, k, n, width);
      into.set(held.subarray(offset, offset + into.length));
      if (offset + into.length === held.length) held = undefined;
    },
  };
}

async function transposedBytes(read: StoredTensor["read"], k: number, n: number, width: number) {
  const bytes = new Uint8Array(k * n * width), Numbers = width === 4 ? Uint32Array : Uint16Array;
  await read(0, bytes);
  const values = new Numbers(bytes.buffer), turned = new Numbers(k * n);
  for (let row = 0; row < k; row++) for (let j = 0; j < n; j++) turned[j * k + row] = values[row * n + j];
  return new Uint8Array(turned.buffer);
}

/** A tensor with its values in other sizes. */
export function reshaped(tensor: StoredTensor, shape: readonly number[]): StoredTensor {
  if (size(shape) === size(tensor.shape)) return { ...tensor, shape };
  throw new CheckpointError(
    `Cannot read ${tensor.where}: its shape is [${tensor.shape.join(", ")}], expected [${shape.join(", ")}]`,
  );
}
