import type { ModelConfig, ResolvedConfig } from "../../model/config.ts";
import { show } from "../../model/json.ts";
import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { CheckpointError, type Source } from "../../model/source.ts";
import { size } from "../../runtime/tensor.ts";
import { MERGE_BYTES, MOST_MERGES, unpackTokenizer } from "./merges.ts";
import { dequantize, partsOf } from "./quantize.ts";

/** What a file begins with. */
export const MAGIC = "TNQ8";
/** Version of the format. */
export const VERSION = 1;
/** Bytes before the header: magic, version and the header's length, the latter two as u32. */
export const PREFIX = 12;
const NAME = "packed model";

/** How a tensor is packed: matrices as 8-bit codes with scales (`q8`), all else as `f32`. */
export interface PackedTensor {
  /** Element type in the file. */
  readonly dtype: "q8" | "f32";
  /** Its sizes. */
  readonly shape: readonly number[];
}

/** The header, as JSON. After it come the merges, then the tensors in the order in which it names them. */
export interface PackedHeader {
  /** The weights are random. */
  readonly placeholder?: true;
  /** What to build. */
  readonly config: ModelConfig | ResolvedConfig;
  /** How many merges the tokenizer has. */
  readonly merges: number;
  /** Tensors by parameter name. */
  readonly tensors: Readonly<Record<string, PackedTensor>>;
}

/**
 * A model with its tokenizer in one small file: `TNQ8`, version and header length (u32, little-endian), the
 * {@linkcode PackedHeader}, merges (pairs of u16), tensors. Made by `plugins/embedded/pack.ts`.
 */
export const packedFormat: CheckpointFormat = {
  name: NAME,
  async detect(source) {
    const { file } = source;
    if (file === undefined) return false;
    try {
      const magic = new Uint8Array(MAGIC.length);
      await source.read(file, 0, magic);
      return new TextDecoder().decode(magic) === MAGIC;
    } catch {
      return false; // shorter than that, or nothing that can be read
    }
  },
  async open(source): Promise<Checkpoint> {
    const file = source.file!, { header, end } = await readHeader(source, file), { config, merges } = header;
    return {
      format: NAME,
      config: config as ModelConfig,
      tensors: tensorsOf(source, file, header, end + MERGE_BYTES * merges),
      notes: header.placeholder ? [`${file} is a placeholder: its weights are random`] : [],
      async tokenizer(other) {
        if (other !== undefined) {
          throw new CheckpointError(`Cannot use ${other}: ${file} has a tokenizer of its own, expected no other`);
        }
        const packed = new Uint8Array(MERGE_BYTES * merges);
        await source.read(file, end, packed);
        const tokenizer = unpackTokenizer(packed, file), vocab = Number(config.vocab);
        if (tokenizer.vocab <= vocab) return tokenizer;
        throw new CheckpointError(
          `Cannot read ${file}: its tokenizer has ${tokenizer.vocab} tokens, expected at most the model's ${vocab}`,
        );
      },
    };
  },
};

/** Bytes of a packed tensor. */
export function packedBytes({ dtype, shape }: PackedTensor): number {
  return dtype === "q8" ? partsOf(shape).bytes : 4 * size(shape);
}

async function readHeader(source: Source, file: string): Promise<{ header: PackedHeader; end: number }> {
  const bytes = source.size(file), fail = (problem: string) => new CheckpointError(`Cannot read ${file}: ${problem}`);
  if (bytes < PREFIX) throw fail(`it has ${bytes} bytes, expected at least ${PREFIX}`);
  const prefix = new DataView(new ArrayBuffer(PREFIX));
  await source.read(file, 0, new Uint8Array(prefix.buffer));
  const version = prefix.getUint32(4, true), length = prefix.getUint32(8, true);
  if (version !== VERSION) throw fail(`its version at byte 4 is ${version}, expected ${VERSION}`);
  if (length > bytes - PREFIX) throw fail(`its header is ${length} bytes long, expected at most ${bytes - PREFIX}`);
  const text = new Uint8Array(length);
  await source.read(file, PREFIX, text);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  const header = checkHeader(json, fail);
  const tensors = Object.values(header.tensors).reduce((sum, tensor) => sum + packedBytes(tensor), 0);
  const expected = PREFIX + length + MERGE_BYTES * header.merges + tensors;
  if (bytes !== expected) throw fail(`it has ${bytes} bytes, expected ${expected} for what its header names`);
  return { header, end: PREFIX + length };
}

function checkHeader(json: unknown, fail: (problem: string) => Error): PackedHeader {
  const object = (value: unknown, what: string) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw fail(`${what} is ${show(value)}, expected an object`);
  };
  const { placeholder, config, merges, tensors, ...others } = object(json, "its header");
  for (const [key, value] of Object.entries(others)) {
    throw fail(`header.${key} is ${show(value)}, expected no such field`);
  }
  if (placeholder !== undefined && placeholder !== true) {
    throw fail(`header.placeholder is ${show(placeholder)}, expected true or nothing`);
  }
  object(config, "header.config"); // checked when the model is built
  if (!isCount(merges) || merges > MOST_MERGES) {
    throw fail(`header.merges is ${show(merges)}, expected a whole number up to ${MOST_MERGES}`);
  }
  for (const [name, tensor] of Object.entries(object(tensors, "header.tensors"))) {
    const at = `tensor ${show(name)}`, { dtype, shape, ...others } = object(tensor, at);
    for (const key of Object.keys(others)) throw fail(`${at} has ${show(key)}, expected dtype and shape`);
    if (dtype !== "q8" && dtype !== "f32") throw fail(`${at} has dtype ${show(dtype)}, expected q8 or f32`);
    if (!Array.isArray(shape) || !shape.every(isCount) || (dtype === "q8" && shape.length !== 2)) {
      throw fail(`${at} has shape ${show(shape)}, expected ${dtype === "q8" ? "two" : "any"} whole numbers`);
    }
  }
  return json as PackedHeader;
}

/** Where each tensor lies: one after another, from byte `at` on. */
function tensorsOf(source: Source, file: string, { tensors }: PackedHeader, at: number): Map<string, StoredTensor> {
  return new Map(
    Object.entries(tensors).map(([name, tensor]) => {
      const { dtype, shape } = tensor, begin = at, where = `${file}: ${name} at byte ${begin}`;
      at += packedBytes(tensor);
      const read: StoredTensor["read"] = dtype === "q8"
        ? (offset, into) => readQuantized(source, file, begin, shape, offset, into)
        : (offset, into) => source.read(file, begin + offset, into);
      return [name, { where, shape, dtype: "f32", read }];
    }),
  );
}

/** Bytes `offset … offset + into.length` of what the matrix at `begin` is as f32. */
async function readQuantized(
  source: Source,
  file: string,
  begin: number,
  shape: readonly number[],
  offset: number,
  into: Uint8Array<ArrayBufferLike>,
): Promise<void> {
  const columns = shape[1], { blocks, codes } = partsOf(shape), first = offset / 4, count = into.length / 4;
  if (!Number.isInteger(first) || !Number.isInteger(count)) {
    throw new RangeError(`Cannot read ${into.length} bytes from ${offset}, expected whole f32 values`);
  }
  const row = Math.floor(first / columns), rows = Math.floor((first + count - 1) / columns) + 1 - row;
  const scales = new Uint8Array(2 * rows * blocks), values = new Int8Array(count);
  await source.read(file, begin + 2 * row * blocks, scales);
  await source.read(file, begin + codes + first, new Uint8Array(values.buffer));
  dequantize(into, values, scales, first, columns);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
