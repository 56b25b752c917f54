import type { ModelConfig } from "../../model/config.ts";
import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { CheckpointError } from "../../model/source.ts";
import { readFields } from "../huggingface/fields.ts";
import { gpt2Names } from "../huggingface/gpt2.ts";
import { readTokenizer } from "../huggingface/tokenizer.ts";
import { rowsOf, type Run } from "../huggingface/views.ts";
import { readCharacters } from "./characters.ts";
import { looksLikeTorch, readTorchFile } from "./container.ts";
import { tensorsOf } from "./tensors.ts";
import { describe, isKind, type Value } from "./values.ts";

const NAME = "nanoGPT checkpoint", MODEL = "model", ARGS = "model_args";
/** What compiling a model puts before the names of its tensors. */
const COMPILED = /^_orig_mod\./;

/**
 * The `ckpt.pt` of nanoGPT: a GPT-2 with or without biases, whose linear layers are stored as PyTorch has them (in the
 * folders of Hugging Face they are transposed), and whose GELU is exact. Any other file of `torch.save` is refused by
 * what it lacks. https://github.com/karpathy/nanoGPT/blob/master/model.py
 */
export const nanogptFormat: CheckpointFormat = {
  name: NAME,
  detect: async (source) => source.file !== undefined && await looksLikeTorch(source, source.file),
  async open(source): Promise<Checkpoint> {
    const file = source.file!, torch = await readTorchFile(source, file);
    const { weights, args } = expectParts(file, torch.value);
    const config = readConfig(`${file}: ${ARGS}`, args, isTied(weights)), tensors = new Map<string, StoredTensor>();
    for (const [name, tensor] of tensorsOf(source, file, torch, weights)) {
      for (const [path, part] of parameters(name.replace(COMPILED, ""), tensor, config)) {
        const other = tensors.get(path);
        if (other) throw new CheckpointError(`Cannot load ${part.where}: ${other.where} is ${path} too`);
        tensors.set(path, part);
      }
    }
    return {
      format: NAME,
      config,
      tensors,
      notes: [],
      async tokenizer(name) {
        const found = name ?? ["tokenizer.json", "meta.pkl"].find((other) => source.files.includes(other));
        if (found?.endsWith(".pkl")) return await readCharacters(source, found, config.vocab);
        return await readTokenizer(source, {}, found);
      },
    };
  },
};

/** The two parts of the file that count; beside them are the state of the optimizer and what training was asked for. */
function expectParts(file: string, value: Value): { weights: Map<Value, Value>; args: Map<Value, Value> } {
  if (!(value instanceof Map)) {
    throw new CheckpointError(`Cannot load ${file}: it holds ${describe(value)}, expected a dictionary`);
  }
  const [weights, args] = [MODEL, ARGS].map((key) => {
    const part = value.get(key);
    if (part instanceof Map) return part;
    const state = isKind(part, "inert") ? `its ${key} was made by ${part.name}` : `it has no ${key}`;
    const tensors = !value.has(MODEL) && [...value.values()].some((item) => isKind(item, "tensor"));
    throw new CheckpointError(
      `Cannot load ${file}: ${tensors ? "it has tensors and nothing that says of what model" : state}, expected ` +
        `the ${MODEL} and ${ARGS} of nanoGPT, or a folder with config.json and pytorch_model.bin`,
    );
  });
  return { weights, args };
}

/** Whether embedding and head are the same elements, as nanoGPT has them: they are stored under both names. */
function isTied(weights: ReadonlyMap<Value, Value>): boolean {
  const [embedding, head] = ["transformer.wte.weight", "lm_head.weight"].map((name) =>
    weights.get(name) ?? weights.get(`_orig_mod.${name}`)
  );
  if (!isKind(embedding, "tensor") || !isKind(head, "tensor")) return true;
  return embedding.storage.key === head.storage.key && embedding.offset === head.offset;
}

function readConfig(where: string, args: ReadonlyMap<Value, Value>, tied: boolean): ModelConfig {
  const plain = (value: Value) => typeof value === "bigint" || typeof value === "object" ? describe(value) : value;
  const json = Object.fromEntries([...args].map(([key, value]) => [String(plain(key)), value && plain(value)]));
  const fields = readFields(json, where), dim = fields.count("n_embd"), bias = fields.flag("bias", true);
  const config: ModelConfig = {
    vocab: fields.count("vocab_size"),
    context: fields.count("block_size"),
    dim,
    depth: fields.count("n_layer"),
    heads: fields.count("n_head"),
    tied,
    position: "learned",
    norm: { type: "layerNorm", bias },
    attention: { type: "multiHead", bias: bias ? "all" : "none" },
    feedForward: { type: "gelu", approximate: "none", hidden: 4 * dim, bias },
    block: "preNorm",
  };
  fields.number("dropout", 0);
  const odd = Object.keys(json).find((key) => !KNOWN.has(key));
  if (odd === undefined) return config;
  throw new CheckpointError(
    `Cannot read ${where}: ${odd} is ${JSON.stringify(json[odd])}, expected no field beside ${[...KNOWN].join(", ")}`,
  );
}

/** Everything that `model_args` of nanoGPT says. */
const KNOWN = new Set(["n_layer", "n_head", "n_embd", "block_size", "bias", "vocab_size", "dropout"]);

/** The parameters in a stored tensor; none in masks, and in the second name of a tied embedding. */
function parameters(
  name: string,
  tensor: StoredTensor,
  { dim, tied }: ModelConfig,
): [path: string, tensor: StoredTensor][] {
  if (/\.attn\.bias$/.test(name) || (tied && name === "lm_head.weight")) return [];
  const short = name.replace(/^transformer\./, ""), fused = /^h\.(\d+)\.attn\.c_attn\.(weight|bias)$/.exec(short);
  if (fused) {
    const [, layer, kind] = fused;
    return ["q", "k", "v"].map((part, i) => {
      const run: Run = [i * dim, dim];
      return [`blocks.${layer}.attention.${part}.${kind}`, rowsOf(tensor, 3 * dim, [run])];
    });
  }
  const path = gpt2Names.path(short);
  if (path !== undefined) return [[path, tensor]];
  throw new CheckpointError(`Cannot load ${tensor.where}: nanoGPT has no tensor of that name`);
}
