import type { ModelConfig } from "../../model/config.ts";
import { describeModel } from "../../model/decoder.ts";
import type { Checkpoint, StoredTensor } from "../../model/format.ts";
import { openSink, type Sink } from "../../model/sink.ts";
import { CheckpointError } from "../../model/source.ts";
import { storedBlockBytes, storedBlocks } from "../../runtime/blocks.ts";
import { widened } from "../../runtime/load_blocks.ts";
import { BLOCK, type BlockType, elementBytes, isBlocks, size } from "../../runtime/tensor.ts";
import { chooseArchitecture } from "./architectures.ts";
import { upright } from "./arrange.ts";
import { type GgufCheckpoint, isGguf, storedTensor } from "./format.ts";
import { alignment } from "./header.ts";
import { tokenizerMetadata } from "./save_tokenizer.ts";
import { filePieces, metadataEntry, type TensorToWrite } from "./writer.ts";

/** Bytes of f32 that are made at a time. */
const PIECE = 1 << 20;
/** What `general.file_type` is. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
const FILE_TYPES: Readonly<Record<SavedType, number>> = { f32: 0, q8_0: 7, q4_0: 2 };

/** What matrices may be stored as: as they are, or in GGML's blocks. */
export type SavedType = "f32" | BlockType;

/** What became of a checkpoint that was saved. */
export interface SavedGguf {
  /** What is worth knowing about the file. */
  readonly notes: readonly string[];
}

/** Options of {@linkcode saveGguf}. */
export interface SaveGgufOptions {
  /** What matrices are stored as: F32, or GGML's Q8_0 or Q4_0. */
  readonly weights: SavedType;
  /** Name of the file in a sink that is open. Default: `model.gguf`. */
  readonly file?: string;
}

/**
 * Writes the weights of a checkpoint to a GGUF file at a path, or in an open sink, which stays open and uncommitted.
 * Matrices are as they are, or quantised as {@linkcode loadModel} does with the same `weights`, so that the file gives the
 * same model, bit for bit but for what is said below; vectors, and matrices whose rows are not whole blocks, are F32.
 * Pieces of about a megabyte are held at a time (a matrix, where it is stored transposed), and the file appears whole or
 * not at all.
 *
 * From a GGUF file the metadata stay as they are. Other checkpoints become one of the architectures that can be read, as
 * llama.cpp knows it, with their tokenizer if it is a byte-level BPE that llama.cpp has a name for, or of SentencePiece's
 * kind. Gains that have 1 added to them in files (Gemma, Nemotron) are rounded by that; where channels that turn together
 * are neighbours in both (llama2.c), sums are in another order. Throws a {@linkcode CheckpointError} that names what a
 * model has that no architecture says.
 */
export async function saveGguf(
  to: string | Sink,
  checkpoint: Checkpoint,
  { weights, file = "model.gguf" }: SaveGgufOptions,
): Promise<SavedGguf> {
  if (typeof to !== "string") return await writeGguf(to, file, checkpoint, weights);
  const [, folder, name] = /^(.*[/\\])?([^/\\]+)$/.exec(to) ?? [];
  if (!name?.toLowerCase().endsWith(".gguf")) throw new CheckpointError(`Cannot save ${to}, expected a name in .gguf`);
  const parts = await partsOf(name, checkpoint, weights); // before anything is written
  using sink = openSink(folder ?? ".");
  await sink.write(name, filePieces(parts.entries, parts.tensors, parts.align));
  sink.commit();
  return { notes: parts.notes };
}

async function writeGguf(sink: Sink, file: string, checkpoint: Checkpoint, weights: SavedType): Promise<SavedGguf> {
  const { entries, tensors, align, notes } = await partsOf(file, checkpoint, weights);
  await sink.write(file, filePieces(entries, tensors, align));
  return { notes };
}

/** What a file is made of. */
interface Parts extends SavedGguf {
  readonly entries: readonly Uint8Array[];
  readonly tensors: readonly TensorToWrite[];
  readonly align: number;
}

function partsOf(file: string, checkpoint: Checkpoint, weights: SavedType): Promise<Parts> {
  return isGguf(checkpoint) ? partsOfGguf(checkpoint, weights) : partsOfOther(file, checkpoint, weights);
}

const ownKeys = ["general.quantization_version", "general.file_type"] as const;

function ownEntries(weights: SavedType): Uint8Array[] {
  const values = [2, FILE_TYPES[weights]];
  return ownKeys.map((key, i) => metadataEntry(key, ["u32", values[i]]));
}

/** A file with the metadata of another, and its tensors: a tensor of several parameters has the rows of each. */
async function partsOfGguf({ config, origin }: GgufCheckpoint, weights: SavedType): Promise<Parts> {
  const { source, header, held } = origin, { file, tensors, entries: places } = header, entries: Uint8Array[] = [];
  for (const [key, [begin, end]] of places) {
    if ((ownKeys as readonly string[]).includes(key)) continue;
    const entry = new Uint8Array(end - begin);
    await source.read(file, begin, entry);
    entries.push(entry);
  }
  const inBlocks = parametersInBlocks(config, weights);
  return {
    entries: [...entries, ...ownEntries(weights)],
    tensors: [...tensors].map(([name, place]) => {
      const stored = storedTensor(source, `${file}: ${name}`, place), paths = held.get(name)!;
      return tensorToWrite(name, stored, paths.length > 0 && paths.every((path) => inBlocks.has(path)), weights);
    }),
    align: alignment(header.metadata, file),
    notes: [],
  };
}

/** A file of one of the architectures. */
async function partsOfOther(file: string, checkpoint: Checkpoint, weights: SavedType): Promise<Parts> {
  const { config } = checkpoint, inBlocks = parametersInBlocks(config, weights);
  const { metadata, factors, tensors: stored, held, notes } = chooseArchitecture(file, config, checkpoint.tensors);
  const tokenizer = await tokenizerMetadata(checkpoint);
  const tensors = [...stored].map(([name, tensor]) =>
    tensorToWrite(name, upright(tensor), held(name).every((path) => inBlocks.has(path)), weights)
  );
  for (const [name, list] of factors) tensors.push(vector(name, Float32Array.from(list)));
  const entries = [...metadata, ...tokenizer.metadata].map(([key, value]) => metadataEntry(key, value));
  return {
    entries: [...entries, ...ownEntries(weights)],
    tensors,
    align: 32,
    notes: [...notes, ...tokenizer.notes],
  };
}

/** Parameters that a model with such weights holds in blocks. */
function parametersInBlocks(config: ModelConfig, weights: SavedType): ReadonlySet<string> {
  const { params } = describeModel(config, { weights });
  return new Set(params.filter(({ dtype }) => isBlocks(dtype)).map(({ path }) => path));
}

function tensorToWrite(name: string, stored: StoredTensor, quantise: boolean, weights: SavedType): TensorToWrite {
  const { shape } = stored, blocks = quantise && shape.length >= 2 && shape.at(-1)! % BLOCK === 0;
  if (weights === "f32" || !blocks) return { name, shape, type: "F32", pieces: () => valuesOf(stored) };
  return { name, shape, type: weights === "q8_0" ? "Q8_0" : "Q4_0", pieces: () => blocksOf(stored, weights) };
}

/** Blocks as they are, where they are of this type; those of the values otherwise. */
async function* blocksOf(stored: StoredTensor, weights: BlockType): AsyncGenerator<Uint8Array, void> {
  if (stored.blocks?.format.type.toLowerCase() !== weights) {
    for await (const values of floatsOf(stored)) yield storedBlocks(weights, values);
    return;
  }
  const bytes = size(stored.shape) / BLOCK * storedBlockBytes[weights],
    step = PIECE / BLOCK * storedBlockBytes[weights];
  for (let at = 0; at < bytes; at += step) {
    const piece = new Uint8Array(Math.min(step, bytes - at));
    await stored.blocks.read(at, piece);
    yield piece;
  }
}

async function* valuesOf(stored: StoredTensor): AsyncGenerator<Uint8Array, void> {
  for await (const values of floatsOf(stored)) yield new Uint8Array(values.buffer);
}

/** Values in runs of whole blocks. */
async function* floatsOf({ shape, dtype, read }: StoredTensor): AsyncGenerator<Float32Array<ArrayBuffer>, void> {
  const width = elementBytes[dtype], count = size(shape), step = PIECE / 4;
  for (let at = 0; at < count; at += step) {
    const raw = new Uint8Array(Math.min(step, count - at) * width);
    await read(at * width, raw);
    yield widened(raw.buffer, dtype);
  }
}

function vector(name: string, values: Float32Array<ArrayBuffer>): TensorToWrite {
  return {
    name,
    shape: [values.length],
    type: "F32",
    async *pieces() {
      yield await Promise.resolve(new Uint8Array(values.buffer));
    },
  };
}
