/** A small packed model made on the spot, for tests to take and to break. */
import { createModel, type Model } from "../model/decoder.ts";
import type { ModelConfig } from "../model/config.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import type { TokenizerJson } from "../components/tokenizers/tokenizer.ts";
import { type Packed, packModel } from "../plugins/embedded/packed.ts";
import { PREFIX } from "../plugins/embedded/format.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";

const text = "Once upon a time, there was a little cat who lived in a red house. One day, the cat saw a bird. " +
  'The bird said, "Hello, little cat!" The cat was happy, and they played all day.';

/** A tokenizer of fewer than 300 tokens. */
export const tokenizer: TokenizerJson = await trainTokenizer({ type: "byteLevelBpe", vocab: 300 }, [text]);
const vocab = Object.keys(tokenizer.model.vocab).length;

/** A model for it, of 24 positions, whose rows are a block and a short one. */
export function smallModel(runtime: Runtime, config: Partial<ModelConfig> = {}): Model {
  return createModel(runtime, { vocab, context: 24, dim: 72, depth: 1, heads: 2, ...config } as ModelConfig);
}

/** Such a model, packed. */
export async function packedModel(config: Partial<ModelConfig> = {}, placeholder = false): Promise<Packed> {
  using runtime = await createRuntime({ threads: 1 });
  using model = smallModel(runtime, config);
  return await packModel(model, tokenizer, placeholder);
}

/** The parts of a packed file: its header, and what comes after it. */
export function split(bytes: Uint8Array<ArrayBuffer>) {
  const end = PREFIX + new DataView(bytes.buffer).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.slice(PREFIX, end))) as {
    config: Record<string, unknown>;
    merges: number;
    tensors: Record<string, { dtype: string; shape: number[] }>;
  };
  return { header, rest: bytes.slice(end) };
}

/** A packed file of such parts. */
export function join(header: unknown, rest: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(PREFIX + text.length + rest.length), view = new DataView(bytes.buffer);
  new TextEncoder().encodeInto("TNQ8", bytes);
  view.setUint32(4, 1, true);
  view.setUint32(8, text.length, true);
  bytes.set(text, PREFIX);
  bytes.set(rest, PREFIX + text.length);
  return bytes;
}
