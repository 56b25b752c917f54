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
  // PyTorch's files end so, too.
  detect: ({ file }) => file !== undefined && file.endsWith(".bin") && !file.startsWith("pytorch_model"),
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

/** Every tensor in the order of the file: parameter, shape, and how many layers have one. */
function layout({ dim, hidden, layers, heads, kvHeads, vocab, context, tied }: Header) {
  const headDim = dim / heads, kv = headDim * kvHeads;
  const parts: [path: string, shape: readonly number[], copies: number][] = [
    ["embedding.weight", [vocab, dim], 1],
    ["norm1.weight", [dim], layers],
    ["attention.q.weight", [dim, dim], layers],
    ["attention.k.weight", [kv, dim], layers],
    ["attention.v.weight", [kv, dim], layers],
    ["attention.out.weight", [dim, dim], layers],
    ["norm2.weight", [dim], layers],
    ["feedForward.gate.weight", [hidden, dim], layers],
    ["feedForward.down.weight", [dim, hidden], layers],
    ["feedForward.up.weight", [hidden, dim], layers],
    ["norm.weight", [dim], 1],
    ["", [context, headDim], 1], // sines and cosines, which Tenon computes itself
  ];
  return tied ? parts : [...parts, ["head.weight", [vocab, dim], 1] as const];
}

function tensorsOf(source: Source, file: string, header: Header): Map<string, StoredTensor> {
  const parts = layout(header), bytes = source.size(file);
  const expected = HEADER + 4 * parts.reduce((sum, [, shape, copies]) => sum + size(shape) * copies, 0);
  if (bytes !== expected) {
    throw new CheckpointError(
      `Cannot read ${file}: it has ${bytes} bytes, expected ${expected} for the sizes in its header`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  let offset = HEADER;
  for (const [part, shape, copies] of parts) {
    const inBlocks = /^(norm[12]|attention|feedForward)\./.test(part);
    for (let i = 0; i < copies; i++, offset += 4 * size(shape)) {
      const path = inBlocks ? `blocks.${i}.${part}` : part, at = offset;
      if (path) {
        tensors.set(path, {
          where: `${file}: ${path} at byte ${at}`,
          shape,
          dtype: "f32",
          read: (from, into) => source.read(file, at + from, into),
        });
      }
    }
  }
  return tensors;
}
