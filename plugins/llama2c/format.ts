import type { Checkpoint, CheckpointFormat, StoredTensor } from "../../model/format.ts";
import { CheckpointError, readFile, type Source } from "../../model/source.ts";
import { size } from "../../runtime/tensor.ts";
import { parseTokenizer } from "./tokenizer.ts";

/** Bytes of the header: seven 32-bit integers. */
const HEADER = 28;
const FIELDS = ["dim", "hidden", "layers", "heads", "kv heads", "vocab", "context"] as const;
/** "ak42": what the newer versions of the format begin with. */
const MAGIC = 0x616b3432;
const NAME = "llama2.c .bin";

/**
 * The checkpoints of llama2.c, version 0: seven integers, then f32 tensors grouped by kind.
 * https://github.com/karpathy/llama2.c/blob/master/export.py
 */
export const llama2cFormat: CheckpointFormat = {
  name: NAME,
  detect: ({ file }) => file?.endsWith(".bin") ?? false,
  async open(source): Promise<Checkpoint> {
    const file = source.file!, header = await readHeader(source, file);
    const { dim, hidden, layers, heads, kvHeads, vocab, context, tied } = header;
    const tensors = tensorsOf(source, file, header);
    return {
      format: NAME,
      config: {
        vocab,
        context,
        dim,
        depth: layers,
        heads,
        tied,
        position: { type: "rope", layout: "interleaved" },
        norm: { type: "rmsNorm", eps: 1e-5 },
        attention: kvHeads === heads ? "multiHead" : { type: "groupedQuery", kvHeads },
        feedForward: { type: "swiglu", hidden },
        block: "preNorm",
      },
      tensors,
      notes: [],
      async tokenizer(name) {
        const found = name ?? ["tokenizer.bin", `tok${vocab}.bin`].find((f) => source.files.includes(f));
        return found === undefined ? undefined : parseTokenizer(await readFile(source, found), vocab, found);
      },
    };
  },
};

type Header = Awaited<ReturnType<typeof readHeader>>;

async function readHeader(source: Source, file: string) {
  const bytes = source.size(file);
  if (bytes < HEADER) {
    throw new CheckpointError(`Cannot read ${file}: it has ${bytes} bytes, expected a header of ${HEADER}`);
  }
  const header = new Int32Array(FIELDS.length);
  await source.read(file, 0, new Uint8Array(header.buffer));
  if (header[0] === MAGIC) {
    throw new CheckpointError(
      `Cannot read ${file}: it is version ${header[1]} of the llama2.c format, expected version 0`,
    );
  }
  header.forEach((value, i) => {
    const least = FIELDS[i] === "vocab" ? -(2 ** 24) : 1, most = 2 ** 24;
    if (value < least || value > most || value === 0) {
      throw new CheckpointError(`Cannot read ${file}: ${FIELDS[i]} at byte ${4 * i} is ${value}, expected 1 … ${most}`);
    }
  });
  const [dim, hidden, layers, heads, kvHeads, vocab, context] = header;
  if (dim % heads || heads % kvHeads || dim / heads % 2) {
    throw new CheckpointError(
      `Cannot read ${file}: ${heads} heads and ${kvHeads} kv heads do not divide a dim of ${dim} into even heads`,
    );
  }
  return { dim, hidden, layers, heads, kvHeads, vocab: Math.abs(vocab), context, tied: vocab > 0 };
}

function tensorsOf(source: Source, file: string, header: Header): Map<string, StoredTensor> {
  const { dim, hidden, layers, heads, kvHeads, vocab, context, tied } = header, kv = dim / heads * kvHeads;
  const tensors = new Map<string, StoredTensor>();
  let offset = HEADER;
  const next = (path: string, shape: readonly number[]) => {
    const at = offset;
    offset += 4 * size(shape);
    tensors.set(path, {
      where: `${file}: ${path} at byte ${at}`,
      shape,
      dtype: "f32",
      read: (from, into) => source.read(file, at + from, into),
    });
  };
  const eachLayer = (name: string, shape: readonly number[]) => {
    for (let i = 0; i < layers; i++) next(`blocks.${i}.${name}`, shape);
  };
  next("embedding.weight", [vocab, dim]);
  eachLayer("norm1.weight", [dim]);
  eachLayer("attention.q.weight", [dim, dim]);
  eachLayer("attention.k.weight", [kv, dim]);
  eachLayer("attention.v.weight", [kv, dim]);
  eachLayer("attention.out.weight", [dim, dim]);
  eachLayer("norm2.weight", [dim]);
  eachLayer("feedForward.gate.weight", [hidden, dim]);
  eachLayer("feedForward.down.weight", [dim, hidden]);
  eachLayer("feedForward.up.weight", [hidden, dim]);
  next("norm.weight", [dim]);
  offset += 4 * context * (dim / heads); // tables of sines and cosines, which Tenon computes itself
  if (!tied) next("head.weight", [vocab, dim]);
  const bytes = source.size(file);
  if (bytes !== offset) {
    throw new CheckpointError(
      `Cannot read ${file}: it has ${bytes} bytes, expected ${offset} for the sizes in its header`,
    );
  }
  return tensors;
}
