import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { CheckpointError, readJson, type Source } from "../../model/source.ts";
import { families } from "./families.ts";
import { readFields } from "./fields.ts";
import { readSafetensors } from "./safetensors.ts";
import { readTokenizer } from "./tokenizer.ts";

const NAME = "Hugging Face folder", CONFIG = "config.json", SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Folders as they are on the Hugging Face hub: `config.json`, safetensors in one file or several, `tokenizer.json`.
 * https://huggingface.co/docs/transformers/main_classes/model
 */
export const huggingfaceFormat: CheckpointFormat = {
  name: NAME,
  detect: ({ file, files }) => (file === undefined || file === CONFIG || file === SINGLE) && files.includes(CONFIG),
  async open(source): Promise<Checkpoint> {
    const json = await readJson(source, CONFIG), fields = readFields(json, CONFIG), type = json.model_type;
    if (typeof type !== "string" || !Object.hasOwn(families, type)) {
      throw new CheckpointError(
        `Cannot read ${CONFIG}: model_type is ${JSON.stringify(type)}, expected ${Object.keys(families).join(" or ")}`,
      );
    }
    const family = families[type], config = family.config(fields), unread = fields.unread();
    const tensors = new Map<string, StoredTensor>();
    for (const [name, tensor] of await readTensors(source)) {
      const held = family.weights(name, tensor, config);
      if (!held) throw new CheckpointError(`Cannot load ${tensor.where}: ${type} models have no tensor of that name`);
      for (const [path, part] of held) {
        if (tensors.has(path)) {
          throw new CheckpointError(`Cannot load ${part.where}: ${tensors.get(path)!.where} is ${path} too`);
        }
        tensors.set(path, part);
      }
    }
    return {
      format: NAME,
      config,
      tensors,
      notes: unread.length ? [`${CONFIG}: ${unread.join(", ")}: not used by ${type} models in Tenon`] : [],
      tokenizer: (file) => readTokenizer(source, json, file),
    };
  },
};

/** Every stored tensor, from one file or from those that an index names. */
async function readTensors(source: Source): Promise<Map<string, StoredTensor>> {
  if (source.files.includes(SINGLE)) return await readSafetensors(source, SINGLE);
  if (!source.files.includes(INDEX)) {
    throw new CheckpointError(`Cannot open ${source.path}: it has no weights, expected ${SINGLE} or ${INDEX}`);
  }
  const { weight_map: map } = await readJson(source, INDEX);
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new CheckpointError(`Cannot read ${INDEX}: weight_map is ${JSON.stringify(map)}, expected an object`);
  }
  const shards = new Map<string, Map<string, StoredTensor>>(), tensors = new Map<string, StoredTensor>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || !source.files.includes(file)) {
      throw new CheckpointError(
        `Cannot read ${INDEX}: ${name} is in ${JSON.stringify(file)}, which is not in the folder`,
      );
    }
    const shard = shards.get(file) ?? await readSafetensors(source, file), tensor = shard.get(name);
    shards.set(file, shard);
    if (!tensor) throw new CheckpointError(`Cannot read ${file}: it has no ${name}, which ${INDEX} says it has`);
    tensors.set(name, tensor);
  }
  return tensors;
}
