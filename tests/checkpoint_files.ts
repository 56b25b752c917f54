/** Small checkpoints made on the spot, for the loader tests to take and to break. */
import { size } from "../runtime/tensor.ts";
import { uniform } from "./support.ts";

/** Files by name. */
export type Files = Record<string, Uint8Array<ArrayBuffer>>;

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A safetensors file of f32 tensors; `change` may alter its header before it is written. */
export function safetensors(
  shapes: Readonly<Record<string, readonly number[]>>,
  change: (header: Record<string, unknown>) => unknown = (h) => h,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at += 4 * size(shape)] };
  }
  const text = bytesOf(JSON.stringify(change(header)));
  const file = new Uint8Array(8 + text.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(new Uint8Array(uniform(at / 4, 1).map((v) => v / 4).buffer), 8 + text.length);
  return file;
}

/** A one-block Llama under Hugging Face names. */
export const llamaConfig = {
  model_type: "llama",
  vocab_size: 13,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 16,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

/** Its tensors. */
export const llamaShapes: Readonly<Record<string, readonly number[]>> = {
  "model.embed_tokens.weight": [13, 8],
  "model.layers.0.input_layernorm.weight": [8],
  "model.layers.0.self_attn.q_proj.weight": [8, 8],
  "model.layers.0.self_attn.k_proj.weight": [4, 8],
  "model.layers.0.self_attn.v_proj.weight": [4, 8],
  "model.layers.0.self_attn.o_proj.weight": [8, 8],
  "model.layers.0.post_attention_layernorm.weight": [8],
  "model.layers.0.mlp.gate_proj.weight": [12, 8],
  "model.layers.0.mlp.up_proj.weight": [12, 8],
  "model.layers.0.mlp.down_proj.weight": [8, 12],
  "model.norm.weight": [8],
};

/** A folder with that Llama; `config` changes fields of config.json. */
export function llamaFolder(config: Readonly<Record<string, unknown>> = {}): Files {
  return {
    "config.json": bytesOf(JSON.stringify({ ...llamaConfig, ...config })),
    "model.safetensors": safetensors(llamaShapes),
  };
}

/** The same folder in two shards. */
export function shardedFolder(): Files {
  const names = Object.keys(llamaShapes),
    pick = (part: string[]) => Object.fromEntries(part.map((n) => [n, llamaShapes[n]]));
  const [first, second] = [names.slice(0, 5), names.slice(5)];
  const map = Object.fromEntries(names.map((n) => [n, `model-0000${first.includes(n) ? 1 : 2}-of-00002.safetensors`]));
  return {
    "config.json": bytesOf(JSON.stringify(llamaConfig)),
    "model-00001-of-00002.safetensors": safetensors(pick(first)),
    "model-00002-of-00002.safetensors": safetensors(pick(second)),
    "model.safetensors.index.json": bytesOf(JSON.stringify({ metadata: {}, weight_map: map })),
  };
}

/** A llama2.c checkpoint and its tokenizer. */
export function llama2cFiles(header: readonly number[] = [8, 12, 1, 2, 1, 13, 16]): Files {
  const [dim, hidden, layers, heads, kvHeads, vocab, context] = header, kv = dim / heads * kvHeads;
  const perLayer = 2 * dim + 2 * dim * dim + 2 * dim * kv + 3 * dim * hidden;
  const count = Math.abs(vocab) * dim * (vocab < 0 ? 2 : 1) + layers * perLayer + dim + context * dim / heads;
  const file = new Uint8Array(28 + 4 * count);
  file.set(new Uint8Array(Int32Array.from(header).buffer));
  file.set(new Uint8Array(uniform(count, 2).map((v) => v / 4).buffer), 28);
  return { "model.bin": file, "tokenizer.bin": llama2cTokenizer(Math.abs(vocab)) };
}

function llama2cTokenizer(vocab: number): Uint8Array<ArrayBuffer> {
  const pieces = ["<unk>", "\n<s>\n", "\n</s>\n", " ", ..."abcdefghij"].slice(0, vocab);
  const file = new Uint8Array(4 + pieces.reduce((sum, p) => sum + 8 + p.length, 0)), view = new DataView(file.buffer);
  let at = 4;
  view.setInt32(0, 6, true);
  for (const [id, piece] of pieces.entries()) {
    view.setFloat32(at, -id, true);
    view.setInt32(at + 4, piece.length, true);
    file.set(bytesOf(piece), at + 8);
    at += 8 + piece.length;
  }
  return file;
}
