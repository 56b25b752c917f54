import type { ModelConfig } from "../../model/config.ts";
import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { CheckpointError, readJson } from "../../model/source.ts";
import { readChat } from "./chat.ts";
import { families } from "./families.ts";
import { readFields } from "./fields.ts";
import { saveFolder } from "./save.ts";
import { agreedConfig, OWN, readSection } from "./section.ts";
import { readTensors, weightFiles } from "./tensors.ts";
import { readTokenizer } from "./tokenizer.ts";
import { joined } from "./views.ts";

const NAME = "Hugging Face folder", CONFIG = "config.json";

/**
 * Folders as they are on the Hugging Face hub: `config.json`, safetensors or, where there are none,
 * PyTorch's files, in one file or several, `tokenizer.json`.
 * https://huggingface.co/docs/transformers/main_classes/model
 */
export const huggingfaceFormat: CheckpointFormat = {
  name: NAME,
  detect: ({ file, files }) =>
    (file === undefined || file === CONFIG || weightFiles.includes(file)) && files.includes(CONFIG),
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
