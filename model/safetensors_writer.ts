import { elementBytes, size } from "../runtime/tensor.ts";
import type { TensorToStore } from "./format.ts";

/**
 * The bytes of a safetensors file, piece by piece: eight bytes with the length of the header, the header in JSON, filled
 * up with spaces so that values begin at a multiple of 8, then values in the order of names, as the format's own
 * library orders them. The same tensors give the same bytes. https://huggingface.co/docs/safetensors/index#format
 *
 * Throws a `TypeError` for a name that the format keeps for itself, and for a tensor that gives fewer or more values than
 * its shape says.
 */
export async function* safetensorsPieces(tensors: ReadonlyMap<string, TensorToStore>): AsyncGenerator<Uint8Array> {
  const ordered = [...tensors].sort(([a], [b]) => a < b ? -1 : 1);
  yield headerOf(ordered);
  for (const [name, tensor] of ordered) {
    let left = bytesOf(tensor);
    for await (const piece of tensor.pieces()) {
      if ((left -= piece.byteLength) < 0) break;
      yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    }
    const { shape } = tensor;
    if (left) throw new TypeError(`Cannot write ${name} [${shape}]: it gave other than ${size(shape)} values`);
  }
}

function bytesOf({ shape, dtype = "f32" }: TensorToStore): number {
  return elementBytes[dtype] * size(shape);
}

function headerOf(tensors: readonly (readonly [name: string, tensor: TensorToStore])[]): Uint8Array {
  let at = 0;
  const entries: [string, unknown][] = tensors.map(([name, tensor]) => {
    if (name === "__metadata__") throw new TypeError(`Cannot write a tensor named ${name}: the format uses that name`);
    const { shape, dtype = "f32" } = tensor;
    return [name, { dtype: dtype.toUpperCase(), shape, data_offsets: [at, at += bytesOf(tensor)] }];
  });
  entries.unshift(["__metadata__", { format: "pt" }]);
  // Joined by hand: an object would put names that are numbers first.
  const json = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  const text = new TextEncoder().encode(`{${json}}`), length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return header;
}
