/**
 * What stands before the weights of a GGUF file: metadata, and names, shapes, types and places of the tensors.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * `@huggingface/gguf` reads headers, too, but from a URL or a path and not from a `Source`, takes counts and lengths as
 * they come, and holds every token: a damaged file would end it in a large allocation, or an error that names no place.
 */
import { CheckpointError, type Source } from "../../model/source.ts";
import { byteReader } from "./bytes.ts";
import { countOfPlaces, readPlaces, type TensorPlace } from "./places.ts";
import { readValue, type Value } from "./values.ts";

/** "GGUF". */
const MAGIC = 0x46554747;
/** Fewest bytes of a key and its value. */
const ENTRY = 13;
/** Where the alignment of tensors is given, what it is otherwise, and the largest that makes sense. */
const ALIGNMENT = "general.alignment", ALIGN = 32, LARGEST_ALIGN = 2 ** 20;

/** The header of a file. */
export interface Header {
  /** Name of the file. */
  readonly file: string;
  /** Values by key. */
  readonly metadata: ReadonlyMap<string, Value>;
  /** Where each key and its value begin and end in the file. */
  readonly entries: ReadonlyMap<string, readonly [begin: number, end: number]>;
  /** Where each tensor is, by name. */
  readonly tensors: ReadonlyMap<string, TensorPlace>;
}

/** Reads and checks a header. Lists and weights stay where they are. */
export async function readHeader(source: Source, file: string): Promise<Header> {
  const reader = byteReader(source, file), metadata = new Map<string, Value>();
  const entries = new Map<string, [begin: number, end: number]>();
  const magic = await reader.u32("the word GGUF");
  if (magic !== MAGIC) throw reader.fail(0, `it begins with 0x${magic.toString(16)}, expected the word GGUF`);
  expectVersion(file, await reader.u32("the version"));
  const tensors = await countOfPlaces(reader), count = await reader.count("metadata keys", ENTRY);
  for (let i = 0; i < count; i++) {
    const place = reader.at(), key = await reader.text(`metadata key ${i}`);
    if (metadata.has(key)) {
      throw reader.fail(place, `is ${JSON.stringify(key)} a second time, expected every key once`);
    }
    metadata.set(key, await readValue(reader, JSON.stringify(key)));
    entries.set(key, [place, reader.at()]);
  }
  const places = await readPlaces(reader, source.size(file), tensors, alignment(metadata, file));
  return { file, metadata, entries, tensors: places };
}

function expectVersion(file: string, version: number): void {
  if (version === 2 || version === 3) return;
  const state = version % 2 ** 16 === 0 && version ? "it is big-endian" : `it is version ${version} of GGUF`;
  throw new CheckpointError(`Cannot read ${file}: at byte 4 ${state}, expected version 2 or 3, little-endian`);
}

/** What tensors begin at multiples of. */
export function alignment(metadata: Header["metadata"], file: string): number {
  const given = metadata.get(ALIGNMENT) ?? ALIGN;
  if (typeof given === "number" && given >= 1 && given <= LARGEST_ALIGN && Number.isInteger(Math.log2(given))) {
    return given;
  }
  throw new CheckpointError(
    `Cannot read ${file}: ${ALIGNMENT} is ${JSON.stringify(given)}, expected a power of two up to ${LARGEST_ALIGN}`,
  );
}
