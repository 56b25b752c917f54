/** GGUF files made on the spot, for the tests to take and to break. The writer shares nothing with the reader. */
import { size } from "../runtime/tensor.ts";
import { uniform } from "./support.ts";

/** A metadata value. Whole numbers become u32, others f32; lists of numbers become lists of i32 or f32. */
export type Meta = string | number | boolean | readonly string[] | readonly number[];

/** A tensor on its way to a file: its type by number, and its bytes. */
export interface GgufTensor {
  readonly shape: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Numbers of the types of tensors. */
export const F32 = 0, F16 = 1, Q4_0 = 2, Q8_0 = 8, Q6_K = 14, BF16 = 30;

/** A GGUF file. */
export function ggufFile(
  metadata: Readonly<Record<string, Meta>>,
  tensors: Readonly<Record<string, GgufTensor>> = {},
  { version = 3, align = 32 } = {},
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [], encoder = new TextEncoder();
  const number = (bytes: number, set: (view: DataView) => void) => {
    const view = new DataView(new ArrayBuffer(bytes));
    set(view);
    parts.push(new Uint8Array(view.buffer));
  };
  const u32 = (value: number) => number(4, (view) => view.setUint32(0, value, true));
  const u64 = (value: number) => number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  const f32 = (value: number) => number(4, (view) => view.setFloat32(0, value, true));
  const text = (value: string) => {
    const bytes = encoder.encode(value);
    u64(bytes.length);
    parts.push(bytes);
  };
  const value = (meta: Meta) => {
    if (typeof meta === "string") return u32(8), text(meta);
    if (typeof meta === "boolean") return u32(7), parts.push(Uint8Array.of(meta ? 1 : 0));
    if (typeof meta === "number") return Number.isInteger(meta) ? (u32(4), u32(meta)) : (u32(6), f32(meta));
    const whole = meta.every((item) => Number.isInteger(item)), texts = typeof meta[0] === "string";
    u32(9);
    u32(texts ? 8 : whole ? 5 : 6);
    u64(meta.length);
    for (const item of meta) typeof item === "string" ? text(item) : whole ? u32(item) : f32(item);
  };
  const length = () => parts.reduce((sum, part) => sum + part.length, 0);
  const pad = () => parts.push(new Uint8Array((align - length() % align) % align));
  parts.push(encoder.encode("GGUF"));
  u32(version);
  u64(Object.keys(tensors).length);
  u64(Object.keys(metadata).length);
  for (const [key, meta] of Object.entries(metadata)) {
    text(key);
    value(meta);
  }
  let offset = 0;
  for (const [name, { shape, type, bytes }] of Object.entries(tensors)) {
    text(name);
    u32(shape.length);
    for (const n of shape.toReversed()) u64(n);
    u32(type);
    u64(offset);
    offset += Math.ceil(bytes.length / align) * align;
  }
  pad();
  for (const { bytes } of Object.values(tensors)) {
    parts.push(bytes);
    pad();
  }
  const file = new Uint8Array(length());
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** A tensor of f32. */
export function plain(shape: readonly number[], values: ArrayLike<number>): GgufTensor {
  return { shape, type: F32, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** A matrix in Q8_0, rounded in the simplest way. */
export function q8(shape: readonly number[], values: ArrayLike<number>): GgufTensor {
  const bytes = new Uint8Array(size(shape) / 32 * 34), view = new DataView(bytes.buffer);
  for (let block = 0; block < bytes.length / 34; block++) {
    const own = Array.from({ length: 32 }, (_, i) => values[32 * block + i]);
    const scale = Math.f16round(Math.max(...own.map(Math.abs)) / 127);
    view.setFloat16(34 * block, scale, true);
    own.forEach((v, i) => view.setInt8(34 * block + 2 + i, Math.round(v / (scale || 1))));
  }
  return { shape, type: Q8_0, bytes };
}

/** Metadata of a Llama of two heads, and of one key head. */
export const smallMetadata: Readonly<Record<string, Meta>> = {
  "general.architecture": "llama",
  "llama.context_length": 16,
  "llama.embedding_length": 32,
  "llama.block_count": 1,
  "llama.feed_forward_length": 64,
  "llama.attention.head_count": 2,
  "llama.attention.head_count_kv": 1,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
  "llama.rope.dimension_count": 16,
};

/** Its tensors; products in Q8_0. */
export function smallTensors(vocab: number): Record<string, GgufTensor> {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    "token_embd.weight": [vocab, 32],
    "blk.0.attn_norm.weight": [32],
    "blk.0.attn_q.weight": [32, 32],
    "blk.0.attn_k.weight": [16, 32],
    "blk.0.attn_v.weight": [16, 32],
    "blk.0.attn_output.weight": [32, 32],
    "blk.0.ffn_norm.weight": [32],
    "blk.0.ffn_gate.weight": [64, 32],
    "blk.0.ffn_up.weight": [64, 32],
    "blk.0.ffn_down.weight": [32, 64],
    "output_norm.weight": [32],
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const values = uniform(size(shape), i).map((v) => v / 4);
      return [name, shape.length < 2 ? plain(shape, values) : q8(shape, values)];
    }),
  );
}

/** A vocabulary of SentencePiece's kind: three special tokens, the bytes, and these pieces, the best first. */
export function piecesMetadata(pieces: readonly string[]): Record<string, Meta> {
  const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
  return {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", ...bytes, ...pieces],
    "tokenizer.ggml.scores": [0, 0, 0, ...bytes.map(() => 0), ...pieces.map((_, i) => -i - 0.5)],
    "tokenizer.ggml.token_type": [2, 3, 3, ...bytes.map(() => 6), ...pieces.map(() => 1)],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
  };
}
