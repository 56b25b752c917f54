import type { StoredTensor } from "../../model/format.ts";
import { readSafetensors } from "../../model/safetensors.ts";
import { CheckpointError, readJson, type Source } from "../../model/source.ts";

type Reader = (source: Source, file: string) => Promise<Map<string, StoredTensor>>;

/** Files of weights, the first of which that is there is read: all of them in one, or an index of several. */
const WEIGHTS: readonly (readonly [file: string, read: Reader])[] = [
  ["model.safetensors", readSafetensors],
  ["model.safetensors.index.json", (source, index) => readShards(source, index, readSafetensors)],
  ["pytorch_model.bin", readPickled],
  ["pytorch_model.bin.index.json", (source, index) => readShards(source, index, readPickled)],
];

/** Their names. */
export const weightFiles: readonly string[] = WEIGHTS.map(([file]) => file);

/** Every stored tensor of a folder, from one file or from those that an index names: from that which the source names. */
export async function readTensors(source: Source): Promise<Map<string, StoredTensor>> {
  const given = WEIGHTS.find(([file]) => file === source.file);
  const [file, read] = given ?? WEIGHTS.find(([file]) => source.files.includes(file)) ?? [];
  if (read) return await read(source, file!);
  throw new CheckpointError(`Cannot open ${source.path}: it has no weights, expected ${weightFiles.join(" or ")}`);
}

/** PyTorch's own files; their reader is loaded only where a folder has nothing else. */
async function readPickled(source: Source, file: string): Promise<Map<string, StoredTensor>> {
  const { readStateDict } = await import("../pytorch/tensors.ts");
  return await readStateDict(source, file);
}

async function readShards(source: Source, index: string, read: Reader): Promise<Map<string, StoredTensor>> {
  const { weight_map: map } = await readJson(source, index);
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new CheckpointError(`Cannot read ${index}: weight_map is ${JSON.stringify(map)}, expected an object`);
  }
  const shards = new Map<string, Map<string, StoredTensor>>(), tensors = new Map<string, StoredTensor>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || !source.files.includes(file)) {
      throw new CheckpointError(
        `Cannot read ${index}: ${name} is in ${JSON.stringify(file)}, which is not in the folder`,
      );
    }
    const shard = shards.get(file) ?? await read(source, file), tensor = shard.get(name);
    shards.set(file, shard);
    if (!tensor) throw new CheckpointError(`Cannot read ${file}: it has no ${name}, which ${index} says it has`);
    tensors.set(name, tensor);
  }
  return tensors;
}
