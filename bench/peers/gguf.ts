/**
 * A writer of GGUF, the file format of llama.cpp, version 3: a header, key–value metadata, a table of tensors, then
 * their bytes. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { storedBlocks } from "../../runtime/blocks.ts";
import { BYTES, type ModelSize, START, type Weight, weights } from "./cases.ts";

/** Numbers that name the type of a metadata value. */
const UINT32 = 4, INT32 = 5, FLOAT32 = 6, BOOL = 7, STRING = 8, ARRAY = 9;
/** Tensors begin at multiples of this. */
const ALIGN = 32;
/** llama.cpp's tensor names for Tenon's. */
const parts: Readonly<Record<string, string>> = {
  "norm1": "attn_norm",
  "attention.q": "attn_q",
  "attention.k": "attn_k",
  "attention.v": "attn_v",
  "attention.out": "attn_output",
  "norm2": "ffn_norm",
  "feedForward.gate": "ffn_gate",
  "feedForward.up": "ffn_up",
  "feedForward.down": "ffn_down",
};

/** The path of a GGUF file with the weights of `size`; it is written if it is not there yet. */
export async function ggufFile(size: ModelSize): Promise<URL> {
  const folder = new URL("../../.cache/bench/", import.meta.url);
  const file = new URL(`random-${size.name.split(" ")[0]}-${size.weights}.gguf`, folder);
  if (await Deno.stat(file).then(() => true, () => false)) return file;
  await Deno.mkdir(folder, { recursive: true });
  // Under another name first: an interrupted run must not leave half a file behind.
  const part = new URL(`${file.href}.${Deno.pid}`);
  await writeGguf(part, size);
  await Deno.rename(part, file);
  return file;
}

async function writeGguf(path: URL, size: ModelSize): Promise<void> {
  const tensors = weights(size);
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const header = new Bytes().raw(new TextEncoder().encode("GGUF")).u32(3).u64(tensors.length);
  const { count, bytes: metadata } = describe(size);
  header.u64(count).raw(metadata);
  let offset = 0;
  for (const { name, shape } of tensors) {
    header.text(ggufName(name)).u32(shape.length);
    for (const n of shape.toReversed()) header.u64(n); // innermost axis first
    const { id, bytes } = types[shape.length > 1 ? size.weights : "f32"];
    header.u32(id).u64(offset);
    offset += aligned(bytes / 32 * shape.reduce((product, n) => product * n, 1));
  }
  const head = header.done();
  const writer = file.writable.getWriter();
  await writer.write(padded(head));
  for (const tensor of tensors) await writer.write(padded(bytesOf(tensor, size)));
  await writer.close();
}

/** What GGUF calls types, and bytes of 32 values. */
const types = { f32: { id: 0, bytes: 128 }, q4_0: { id: 2, bytes: 18 }, q8_0: { id: 8, bytes: 34 } } as const;

function bytesOf(tensor: Weight, size: ModelSize): Uint8Array<ArrayBuffer> {
  const values = stored(tensor, size), { weights } = size;
  return tensor.shape.length < 2 || weights === "f32" ? new Uint8Array(values.buffer) : storedBlocks(weights, values);
}

/** The values in the order of GGUF: its Llama turns channels `2i` and `2i + 1` of a head, ours `i` and `i + half`. */
function stored({ name, shape, values }: Weight, { dim, heads }: ModelSize): Float32Array<ArrayBuffer> {
  const rows = values();
  if (!/attention\.[qk]\./.test(name)) return rows;
  const columns = shape[1], head = dim / heads, permuted = new Float32Array(rows.length);
  for (let row = 0; row < shape[0]; row++) {
    const first = row - row % head, i = row % head, pair = i % (head / 2), second = i >= head / 2 ? 1 : 0;
    permuted.set(rows.subarray(row * columns, (row + 1) * columns), (first + 2 * pair + second) * columns);
  }
  return permuted;
}

function ggufName(name: string): string {
  const [, layer, part] = /^blocks\.(\d+)\.(.*)\.weight$/.exec(name) ?? [];
  if (part) return `blk.${layer}.${parts[part]}.weight`;
  return name === "norm.weight" ? "output_norm.weight" : "token_embd.weight";
}

function describe(
  { name, dim, depth, heads, kvHeads, hidden, vocab, context }: ModelSize,
): { count: number; bytes: Uint8Array } {
  const out = new Bytes();
  let count = 0;
  const key = (name: string, type: number) => (count++, out.text(name).u32(type));
  const list = (name: string, type: number) => key(`tokenizer.ggml.${name}`, ARRAY).u32(type).u64(vocab);
  key("general.architecture", STRING).text("llama");
  key("general.name", STRING).text(`random ${name}`);
  const sizes: Readonly<Record<string, number>> = {
    "context_length": context,
    "embedding_length": dim,
    "block_count": depth,
    "feed_forward_length": hidden,
    "attention.head_count": heads,
    "attention.head_count_kv": kvHeads,
    "rope.dimension_count": dim / heads,
    "vocab_size": vocab,
  };
  for (const [field, value] of Object.entries(sizes)) key(`llama.${field}`, UINT32).u32(value);
  key("llama.attention.layer_norm_rms_epsilon", FLOAT32).f32(1e-5);
  key("llama.rope.freq_base", FLOAT32).f32(10000);
  key("tokenizer.ggml.model", STRING).text("llama");
  key("tokenizer.ggml.bos_token_id", UINT32).u32(START);
  key("tokenizer.ggml.eos_token_id", UINT32).u32(2);
  key("tokenizer.ggml.add_bos_token", BOOL).raw(Uint8Array.of(1));
  key("tokenizer.ggml.add_space_prefix", BOOL).raw(Uint8Array.of(0));
  const tokens = list("tokens", STRING);
  for (let id = 0; id < vocab; id++) tokens.text(piece(id));
  const scores = list("scores", FLOAT32);
  for (let id = 0; id < vocab; id++) scores.f32(-id);
  const types = list("token_type", INT32);
  for (let id = 0; id < vocab; id++) types.u32(kind(id));
  return { count, bytes: out.done() };
}

/** The text of a token: three special ones, the 256 bytes, then words that nobody reads. */
function piece(id: number): string {
  if (id < BYTES) return ["<unk>", "<s>", "</s>"][id];
  const byte = id - BYTES;
  return byte < 256 ? `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>` : `\u2581${id.toString(36)}`;
}

/**
 * llama.cpp's number for what a token is: unknown, control, byte or normal. Bytes of 8 bits have to be there, but only as
 * words: wllama gives up when a model writes something that is not UTF-8.
 */
function kind(id: number): number {
  if (id < BYTES) return id === 0 ? 2 : 3;
  return id < BYTES + 128 ? 6 : 1;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN) * ALIGN;
}

function padded(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length % ALIGN === 0) return bytes;
  const longer = new Uint8Array(aligned(bytes.length));
  longer.set(bytes);
  return longer;
}

/** Little-endian values, one after another, in a buffer that grows. */
class Bytes {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  u32(value: number): this {
    return this.#number(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number): this {
    return this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  f32(value: number): this {
    return this.#number(4, (view) => view.setFloat32(0, value, true));
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u64(bytes.length).raw(bytes);
  }

  raw(bytes: Uint8Array): this {
    while (this.#length + bytes.length > this.#bytes.length) {
      const longer = new Uint8Array(2 * this.#bytes.length);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #number(bytes: number, set: (view: DataView) => void): this {
    const buffer = new ArrayBuffer(bytes);
    set(new DataView(buffer));
    return this.raw(new Uint8Array(buffer));
  }
}
