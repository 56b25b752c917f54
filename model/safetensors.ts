import type { StoredTensor } from "./format.ts";
import { CheckpointError, type Source } from "./source.ts";
import type { ReadBytes } from "../runtime/stored.ts";
import { size } from "../runtime/tensor.ts";

/** Bytes of the length that a file begins with. */
const PREFIX = 8;
/** Largest header that the format allows. */
const HEADER_LIMIT = 100_000_000;
/** Bytes of an element, of every type that the format knows. */
const elementBytes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};
const readable: Readonly<Record<string, StoredTensor["dtype"]>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/** A tensor of a safetensors file, of whatever type. */
export interface RawTensor {
  /** For messages: file and name. */
  readonly where: string;
  /** `F32`, `I8`, … */
  readonly dtype: string;
  /** Its sizes. */
  readonly shape: readonly number[];
  /** Reads its bytes. */
  readonly read: ReadBytes;
}

/** One entry of a header, checked. */
interface Entry extends Pick<RawTensor, "dtype" | "shape"> {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/**
 * The tensors of a safetensors file. Everything is checked before anything is read: offsets lie in the file, agree with
 * shapes, and neither overlap nor leave holes. https://huggingface.co/docs/safetensors/index#format
 *
 * Reading a tensor of a type other than f32, f16 or bf16 throws; having one does not.
 */
export async function readSafetensors(source: Source, file: string): Promise<Map<string, StoredTensor>> {
  return new Map([...await readRawTensors(source, file)].map(([name, tensor]) => [name, stored(tensor)]));
}

/** The same with the types that the file names, all of which can be read. */
export async function readRawTensors(source: Source, file: string): Promise<Map<string, RawTensor>> {
  const bytes = source.size(file);
  const fail = (problem: string) => new CheckpointError(`Cannot read ${file}: ${problem}`);
  if (bytes < PREFIX) throw fail(`it has ${bytes} bytes, expected at least ${PREFIX}`);
  const prefix = new DataView(new ArrayBuffer(PREFIX));
  await source.read(file, 0, new Uint8Array(prefix.buffer));
  const headerBytes = prefix.getBigUint64(0, true), most = BigInt(Math.min(bytes - PREFIX, HEADER_LIMIT));
  if (headerBytes > most) throw fail(`its header is ${headerBytes} bytes long, expected at most ${most}`);
  const start = PREFIX + Number(headerBytes), header = new Uint8Array(Number(headerBytes));
  await source.read(file, PREFIX, header);
  const entries = parseHeader(header, bytes - start, fail);
  checkCoverage(entries, bytes - start, fail);
  return new Map(entries.map(({ name, dtype, shape, begin }) => [name, {
    where: `${file}: ${name}`,
    dtype,
    shape,
    read: (offset, into) => source.read(file, start + begin + offset, into),
  }]));
}

function parseHeader(header: Uint8Array, dataBytes: number, fail: (problem: string) => Error): Entry[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw fail("its header is not a JSON object");
  return Object.entries(json).filter(([name]) => name !== "__metadata__").map(([name, value]) => {
    const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
    const wrong = (problem: string) => fail(`tensor ${JSON.stringify(name)} ${problem}`);
    if (typeof dtype !== "string" || !Object.hasOwn(elementBytes, dtype)) {
      throw wrong(`has dtype ${JSON.stringify(dtype)}, expected one of ${Object.keys(elementBytes).join(", ")}`);
    }
    if (!isCounts(shape)) throw wrong(`has shape ${JSON.stringify(shape)}, expected whole numbers`);
    if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes) {
      throw wrong(`has data_offsets ${JSON.stringify(offsets)}, expected two in order within ${dataBytes} bytes`);
    }
    const expected = size(shape) * elementBytes[dtype];
    if (offsets[1] - offsets[0] !== expected) {
      throw wrong(`spans ${offsets[1] - offsets[0]} bytes, expected ${expected} for ${dtype} [${shape.join(", ")}]`);
    }
    return { name, dtype, shape, begin: offsets[0], end: offsets[1] };
  });
}

function checkCoverage(entries: readonly Entry[], dataBytes: number, fail: (problem: string) => Error): void {
  let end = 0, before = "the header";
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end) {
      throw fail(
        `tensor ${
          JSON.stringify(entry.name)
        } begins at data byte ${entry.begin}, expected ${end}, where ${before} ends`,
      );
    }
    end = entry.end;
    before = JSON.stringify(entry.name);
  }
  if (end !== dataBytes) throw fail(`its tensors end at data byte ${end}, expected ${dataBytes}, where the file ends`);
}

function stored({ where, dtype, shape, read }: RawTensor): StoredTensor {
  return {
    where,
    shape,
    dtype: readable[dtype] ?? "f32",
    read(offset, into) {
      if (!Object.hasOwn(readable, dtype)) {
        throw new CheckpointError(`Cannot read ${where}: its dtype is ${dtype}, expected F32, F16 or BF16`);
      }
      return read(offset, into);
    },
  };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0);
}
