import type { ModelConfig } from "../../model/config.ts";
import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { readSafetensors } from "../../model/safetensors.ts";
import { CheckpointError, readJson, type Source } from "../../model/source.ts";
import { readChat } from "./chat.ts";
import { families } from "./families.ts";
import { readFields } from "./fields.ts";
import { saveFolder } from "./save.ts";
import { agreedConfig, OWN, readSection } from "./section.ts";
import { readTokenizer } from "./tokenizer.ts";
import { joined } from "./views.ts";

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
    const json = await readJson(source, CONFIG), { type, config, weights, unread } = readConfig(json);
    const tensors = new Map<string, StoredTensor>(), pieces = new Map<string, Map<number, StoredTensor>>();
    for (const [name, tensor] of await readTensors(source)) {
      const held = weights(name, tensor);
      if (!held) throw new CheckpointError(`Cannot load ${tensor.where}: ${type} models have no tensor of that name`);
      for (const [at, part] of held) {
        // `path[2]` is the third piece of a parameter.
        const [, path = at, index] = /^(.*)\[(\d+)\]$/.exec(at) ?? [];
        if (index !== undefined) {
          pieces.set(path, (pieces.get(path) ?? new Map<number, StoredTensor>()).set(Number(index), part));
          continue;
        }
        if (tensors.has(path)) {
          throw new CheckpointError(`Cannot load ${part.where}: ${tensors.get(path)!.where} is ${path} too`);
        }
        tensors.set(path, part);
      }
    }
    for (const [path, parts] of pieces) {
      const ordered = Array.from({ length: parts.size }, (_, i) => {
        const part = parts.get(i);
        if (!part) throw new CheckpointError(`Cannot load ${source.path}: it has no piece ${i} of ${path}`);
        return part;
      });
      tensors.set(path, joined(ordered));
    }
    return {
      format: NAME,
      config,
      tensors,
      notes: unread.length ? [`${CONFIG}: ${unread.join(", ")}: not used by ${type} models in Tenon`] : [],
      tokenizer: (file) => readTokenizer(source, json, file),
      chat: () => readChat(source),
    };
  },
  save: async (sink, checkpoint) => ({ format: NAME, ...await saveFolder(sink, checkpoint) }),
};

/** What a config.json says: the model, where its weights are, and the fields that nobody looked at. */
function readConfig(json: Readonly<Record<string, unknown>>): {
  readonly type: string;
  readonly config: ModelConfig;
  weights(name: string, tensor: StoredTensor): [path: string, tensor: StoredTensor][] | undefined;
  readonly unread: readonly string[];
} {
  const fields = readFields(json, CONFIG), type = json.model_type, section = readSection(json);
  if (type === OWN && section) {
    return { type: OWN, config: section, weights: (name, tensor) => [[name, tensor]], unread: fields.unread() };
  }
  if (typeof type !== "string" || !Object.hasOwn(families, type)) {
    const known = [...Object.keys(families), `${OWN} with a tenon section`].join(" or ");
    throw new CheckpointError(`Cannot read ${CONFIG}: model_type is ${JSON.stringify(type)}, expected ${known}`);
  }
  const family = families[type], read = family.config(fields);
  fields.expectUnderstood(type);
  const config = section ? agreedConfig(section, read, type) : read;
  return { type, config, weights: (name, tensor) => family.weights(name, tensor, read), unread: fields.unread() };
}

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
