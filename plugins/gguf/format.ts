import type { ModelConfig } from "../../model/config.ts";
import { describeModel } from "../../model/decoder.ts";
import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { quantizedTensor } from "../../model/quantized/stored.ts";
import { CheckpointError, type Source } from "../../model/source.ts";
import { readChat } from "./chat.ts";
import { families } from "./families.ts";
import type { Facts, Family } from "./family.ts";
import { metadataFields } from "./fields.ts";
import { type Header, readHeader } from "./header.ts";
import type { TensorPlace } from "./places.ts";
import { LONG_FACTORS, ROPE_FACTORS, SHORT_FACTORS } from "./rope.ts";
import { scalingOfFactors } from "./rope_factors.ts";
import { readTokenizer } from "./tokenizer.ts";
import { shortest } from "./values.ts";

/** A GGUF file that holds a model. */
export interface GgufCheckpoint extends Checkpoint {
  /** The file. */
  readonly origin: {
    /** Where it is. */
    readonly source: Source;
    /** What stands before its weights. */
    readonly header: Header;
    /** Parameters in each of its tensors, by names. */
    readonly held: ReadonlyMap<string, readonly string[]>;
  };
}

/** Whether a checkpoint is a GGUF file. */
export function isGguf(checkpoint: Checkpoint): checkpoint is GgufCheckpoint {
  return "origin" in checkpoint;
}

const NAME = "GGUF";
/** More than half of the channels of any head. */
const MOST_FACTORS = 2 ** 12;

/**
 * The files of llama.cpp. Weights in blocks can be read as f32, or kept. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * A file without tensors is a vocabulary: it gives its tokenizer, whatever its architecture, and to ask for its config is
 * a {@linkcode CheckpointError}.
 */
export const ggufFormat: CheckpointFormat = {
  name: NAME,
  detect: ({ file }) => file?.toLowerCase().endsWith(".gguf") ?? false,
  async open(source): Promise<Checkpoint> {
    const header = await readHeader(source, source.file!), { file, tensors } = header;
    const tokenizer = async (other = file) => {
      const from = other === file ? header : await readHeader(source, other);
      return await readTokenizer(source, from, tensors.get("token_embd.weight")?.shape[0]);
    };
    const shared = { format: NAME, notes: notesOn(header), tokenizer, chat: () => readChat(source, header) };
    if (!tensors.size) {
      return {
        ...shared,
        get config(): ModelConfig {
          throw new CheckpointError(`Cannot load ${file}: it has a vocabulary and no tensors, expected a model`);
        },
        tensors: new Map(),
      };
    }
    return { ...shared, ...await openModel(source, header) };
  },
};

/** The config of a file, and its tensors, which have been compared. */
async function openModel(
  source: Source,
  header: Header,
): Promise<Pick<GgufCheckpoint, "config" | "tensors" | "origin">> {
  const { file, metadata, tensors } = header, architecture = metadata.get("general.architecture");
  expectWhole(header);
  if (typeof architecture !== "string" || !Object.hasOwn(families, architecture)) {
    throw wrong(file, "general.architecture", architecture, Object.keys(families).join(" or "));
  }
  const family = families[architecture], fields = metadataFields(header, architecture);
  const config = family.config(fields, await factsOf(source, header)), [unread] = fields.unread();
  if (unread !== undefined) {
    throw wrong(
      file,
      unread,
      metadata.get(unread),
      `no such field in ${architecture} models: it may change the result`,
    );
  }
  if (config.depth > tensors.size) {
    throw wrong(file, `${architecture}.block_count`, config.depth, `at most the number of tensors, ${tensors.size}`);
  }
  const held = new Map<string, readonly string[]>();
  return { config, tensors: parametersOf(source, header, family, config, held), origin: { source, header, held } };
}

/** Every tensor under the name of the parameter that it is. There is one for each, of its shape. Names go to `names`. */
function parametersOf(
  source: Source,
  header: Header,
  family: Family,
  config: ModelConfig,
  names: Map<string, readonly string[]>,
): Checkpoint["tensors"] {
  const { file, tensors } = header, found = new Map<string, StoredTensor>();
  for (const [name, place] of tensors) {
    const tensor = storedTensor(source, `${file}: ${name} at byte ${place.begin}`, place);
    const held = family.weights(name, tensor, config);
    if (!held) throw new CheckpointError(`Cannot load ${tensor.where}: such models have no tensor of that name`);
    names.set(name, held.map(([path]) => path));
    for (const [path, part] of held) {
      const other = found.get(path);
      if (other) throw new CheckpointError(`Cannot load ${part.where}: ${other.where} is ${path}, too`);
      found.set(path, part);
    }
  }
  const shapes = shapesOf(file, config);
  for (const [path, shape] of shapes) {
    const tensor = found.get(path);
    if (!tensor) throw new CheckpointError(`Cannot load ${file}: it has no tensor for ${path} [${shape.join(", ")}]`);
    if (String(tensor.shape) !== String(shape)) {
      throw new CheckpointError(
        `Cannot load ${tensor.where}: its shape is [${tensor.shape.join(", ")}], expected [${
          shape.join(", ")
        }] for ${path}`,
      );
    }
  }
  for (const [path, { where }] of found) {
    if (!shapes.has(path)) throw new CheckpointError(`Cannot load ${where}: the model has no ${path}`);
  }
  return found;
}

/** The shape of every parameter. A model is built only after its tensors have been found to fit: files lie. */
function shapesOf(file: string, config: ModelConfig): Map<string, readonly number[]> {
  try {
    return new Map(describeModel(config).params.map(({ path, shape }) => [path, shape]));
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new CheckpointError(`Cannot load ${file}: ${error.message}`, { cause: error });
  }
}

async function factsOf(source: Source, { file, tensors }: Header): Promise<Facts> {
  const embedding = tensors.get("token_embd.weight");
  if (!embedding) throw new CheckpointError(`Cannot load ${file}: it has no token_embd.weight, expected an embedding`);
  const [factors, shortFactors, longFactors] = await Promise.all(
    [ROPE_FACTORS, SHORT_FACTORS, LONG_FACTORS].map(async (name) => {
      const place = tensors.get(name);
      return place && [...await valuesOf(storedTensor(source, `${file}: ${name}`, place))];
    }),
  );
  const lone = [shortFactors, longFactors].filter((list) => list).length === 1;
  if (lone || (factors && longFactors)) {
    const [one, other] = [factors && ROPE_FACTORS, shortFactors && SHORT_FACTORS, longFactors && LONG_FACTORS]
      .filter((name) => name);
    throw new CheckpointError(
      `Cannot read ${file}: it has ${other ? `${one} and ${other}` : `${one} alone`}, expected ${ROPE_FACTORS}, ` +
        `or ${SHORT_FACTORS} and ${LONG_FACTORS}`,
    );
  }
  return {
    vocab: embedding.shape[0],
    names: new Set(tensors.keys()),
    longRope: shortFactors && longFactors
      ? { shortFactors: shortFactors.map(shortest), longFactors: longFactors.map(shortest) }
      : null,
    ropeScaling(base, dims) {
      const scaling = factors ? scalingOfFactors(base, dims, factors) : null;
      if (scaling !== undefined) return scaling;
      throw new CheckpointError(
        `Cannot read ${file}: ${ROPE_FACTORS} divides the frequencies of ${
          factors!.length
        } pairs as no scaling here does, ` +
          `expected ${dims / 2} factors as Llama 3 has them`,
      );
    },
  };
}

/** All values of a short vector of f32. */
async function valuesOf({ where, shape, dtype, read }: StoredTensor): Promise<Float32Array> {
  if (shape.length !== 1 || dtype !== "f32" || shape[0] > MOST_FACTORS) {
    throw new CheckpointError(
      `Cannot read ${where}: it is ${dtype} [${shape.join(", ")}], expected at most ${MOST_FACTORS} values of f32`,
    );
  }
  const values = new Float32Array(shape[0]);
  await read(0, new Uint8Array(values.buffer));
  return values;
}

/** A tensor of the file. */
export function storedTensor(source: Source, where: string, { shape, stored, begin }: TensorPlace): StoredTensor {
  const read: StoredTensor["read"] = (offset, into) => source.read(source.file!, begin + offset, into);
  return typeof stored === "string"
    ? { where, shape, dtype: stored, read }
    : quantizedTensor(where, shape, stored, read);
}

/** What llama.cpp warns of, too. */
function notesOn({ metadata }: Header): readonly string[] {
  if (metadata.get("tokenizer.ggml.model") !== "gpt2" || metadata.has("tokenizer.ggml.pre")) return [];
  return ["tokenizer.ggml.pre is missing: words are cut as llama.cpp does then, which may not suit the model"];
}

/** Refuses parts of models, and files that hold something else. */
function expectWhole({ file, metadata }: Header): void {
  const parts = metadata.get("split.count") ?? 1, type = metadata.get("general.type") ?? "model";
  if (parts !== 0 && parts !== 1) {
    throw wrong(file, "split.count", parts, "1: parts can be joined with llama-gguf-split");
  }
  if (type !== "model") throw wrong(file, "general.type", type, "model");
}

function wrong(file: string, key: string, value: unknown, expected: string): CheckpointError {
  const state = value === undefined ? "missing" : JSON.stringify(value);
  return new CheckpointError(`Cannot read ${file}: ${key} is ${state}, expected ${expected}`);
}
