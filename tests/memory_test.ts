/** Models that do not fit, and what is held while those that do are loaded. */
import { loadModel } from "../model/checkpoint.ts";
import { createModel, describeModel } from "../model/decoder.ts";
import { memorySource, type Source } from "../model/source.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { referenceBackend } from "../runtime/backend.ts";
import { formatBytes, type MemoryPool } from "../runtime/memory.ts";
import { createRuntime, Runtime } from "../runtime/runtime.ts";
import { type CacheType, size, type WeightType } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { F32, ggufFile, Q8_0 } from "./gguf_files.ts";

const MIB = 2 ** 20;
const plugins = [gguf, huggingface];

/** A Llama of 28 MiB in f32, 16 of them in its embedding and head. */
const config = {
  vocab: 4096,
  context: 512,
  dim: 512,
  depth: 1,
  heads: 8,
  attention: { type: "groupedQuery", kvHeads: 4 },
  feedForward: { type: "swiglu", hidden: 1536 },
  tied: false,
} as const;

/** Its parts under the names of each kind of file. */
const shapes: readonly (readonly [hub: string, gguf: string, shape: readonly number[]])[] = [
  ["model.embed_tokens", "token_embd", [4096, 512]],
  ["model.layers.0.input_layernorm", "blk.0.attn_norm", [512]],
  ["model.layers.0.self_attn.q_proj", "blk.0.attn_q", [512, 512]],
  ["model.layers.0.self_attn.k_proj", "blk.0.attn_k", [256, 512]],
  ["model.layers.0.self_attn.v_proj", "blk.0.attn_v", [256, 512]],
  ["model.layers.0.self_attn.o_proj", "blk.0.attn_output", [512, 512]],
  ["model.layers.0.post_attention_layernorm", "blk.0.ffn_norm", [512]],
  ["model.layers.0.mlp.gate_proj", "blk.0.ffn_gate", [1536, 512]],
  ["model.layers.0.mlp.up_proj", "blk.0.ffn_up", [1536, 512]],
  ["model.layers.0.mlp.down_proj", "blk.0.ffn_down", [512, 1536]],
  ["model.norm", "output_norm", [512]],
  ["lm_head", "output", [4096, 512]],
];

/** A folder of zeros. */
function folder(dtype: "F32" | "F16"): Source {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, , shape] of shapes) {
    const begin = at;
    at += size(shape) * (dtype === "F32" ? 4 : 2);
    header[`${name}.weight`] = { dtype, shape, data_offsets: [begin, at] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), file = new Uint8Array(8 + text.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  const json = {
    model_type: "llama",
    vocab_size: config.vocab,
    hidden_size: config.dim,
    intermediate_size: config.feedForward.hidden,
    num_hidden_layers: config.depth,
    num_attention_heads: config.heads,
    num_key_value_heads: config.attention.kvHeads,
    max_position_embeddings: config.context,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  };
  return memorySource({ "config.json": new TextEncoder().encode(JSON.stringify(json)), "model.safetensors": file });
}

/** A GGUF file of zeros, vectors in F32. */
function ggufOf(type: number): Source {
  const tensors = shapes.map(([, name, shape]) => {
    const blocks = type === Q8_0 && shape.length === 2, bytes = blocks ? size(shape) / 32 * 34 : 4 * size(shape);
    return [`${name}.weight`, { shape, type: blocks ? Q8_0 : F32, bytes: new Uint8Array(bytes) }] as const;
  });
  const file = ggufFile({
    "general.architecture": "llama",
    "llama.context_length": config.context,
    "llama.embedding_length": config.dim,
    "llama.block_count": config.depth,
    "llama.feed_forward_length": config.feedForward.hidden,
    "llama.attention.head_count": config.heads,
    "llama.attention.head_count_kv": config.attention.kvHeads,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
  }, Object.fromEntries(tensors));
  return memorySource({ "m.gguf": file }, "m.gguf");
}

/** Tells `seen` of every read. */
function watched(source: Source, seen: (bytes: number) => void): Source {
  return {
    ...source,
    read(file, offset, into) {
      seen(into.length);
      return source.read(file, offset, into);
    },
  };
}

const sources = {
  "a folder in f32": () => folder("F32"),
  "a folder in f16": () => folder("F16"),
  "a GGUF file in f32": () => ggufOf(F32),
  "a GGUF file in q8_0": () => ggufOf(Q8_0),
};

for (const [name, open] of Object.entries(sources)) {
  for (const weights of ["f32", "q8_0", "q4_0"] as const) {
    Deno.test(`${name}, weights ${weights}: loading holds the model and a piece of it`, async () => {
      using runtime = await createRuntime({ threads: 1 });
      let reads = 0, most = 0, peak = 0;
      const source = watched(open(), (bytes) => {
        reads++;
        most = Math.max(most, bytes);
        peak = Math.max(peak, runtime.backend.memory.used);
      });
      const { model } = await loadModel(runtime, source, { plugins, weights });
      const { bytes } = model.describe(), { used } = runtime.backend.memory;
      assert(used <= bytes + MIB + 65536, `${formatBytes(used)} for a model of ${formatBytes(bytes)}`); // and scratch
      assert(peak <= bytes + 4 * MIB, `${formatBytes(peak)} while loading ${formatBytes(bytes)}`);
      // A table in f32 goes to its place at once, all else by the megabyte.
      assert(most <= (weights === "f32" && name.endsWith("f32") ? 8 : 1) * MIB, `reads of ${formatBytes(most)}`);
      assert(reads > 12);
      model.close();
      assert(runtime.backend.memory.used <= 2 * MIB);
    });
  }
}

/** A runtime that has room for so many bytes. */
const runtimeOf = (maximumBytes: number) => new Runtime(referenceBackend({ maximumBytes }));

/** What a model is refused with, and that no weight was read for it. */
async function refusal(maximumBytes: number, options: { weights?: WeightType; context?: number }): Promise<string> {
  using runtime = runtimeOf(maximumBytes);
  const source = watched(folder("F32"), (bytes) => assert(bytes < 4096, `${bytes} bytes read`));
  const error = await assertRejects(() => loadModel(runtime, source, { plugins, ...options }), RangeError);
  assertEquals(runtime.backend.memory.used, 0);
  return error.message;
}

/** Bytes of a model with what loading it takes, and of a cache for its context. */
function needs(
  weights: WeightType,
  context: number = config.context,
  cacheType: CacheType = "f32",
): { model: number; cache: number } {
  const { bytes, cacheBytes } = describeModel({ ...config, context, position: "rope" }, { weights, cacheType });
  return { model: bytes + 3 * MIB, cache: cacheBytes };
}

Deno.test("a model that does not fit is refused before any weight is read, by what it needs and what would do", async () => {
  const full = needs("f32"), blocks = needs("q8_0"), nibbles = needs("q4_0");
  const state = `Cannot build the model: it needs ${
    formatBytes(full.model)
  } (weights 28.0 MiB, buffers of the context `;
  const left = (mib: string) =>
    `, pieces of the file 3.0 MiB), expected at most the ${mib} MiB that are left of a 32-bit memory; `;
  for (
    const [mib, advice] of [
      [24, `it would fit with weights in q8_0 (${formatBytes(blocks.model)})`],
      [10, `it would fit with weights in q4_0 (${formatBytes(nibbles.model)})`],
      [6, "it would not fit with weights in q8_0 or q4_0 and a shorter context either"],
    ] as const
  ) {
    const message = await refusal(mib * MIB + 65536, {});
    assert(message.startsWith(state), message);
    assert(message.endsWith(left(`${mib}.0`) + advice), message);
  }
});

Deno.test("where the context is given, its cache must fit, too; a shorter one may", async () => {
  const { model, cache } = needs("f32"), half = needs("f32", 256);
  const room = Math.ceil((half.model + half.cache) / 65536 + 1) * 65536;
  const message = await refusal(room, { context: 512 });
  assert(message.includes(`its cache ${formatBytes(cache)}, pieces of the file 3.0 MiB), expected`), message);
  const q8 = needs("q8_0"), one = `weights in q8_0 (${formatBytes(q8.model + q8.cache)})`;
  const least = needs("f32", 512, "q8_0"), smaller = `a cache in q8_0 (${formatBytes(least.model + least.cache)})`;
  const shorter = `a context of 256 (${formatBytes(half.model + half.cache)})`;
  assert(message.endsWith(`it would fit with ${one}, or with ${smaller}, or with ${shorter}`), message);
  // As it says, all three.
  const choices = [{ context: 512, weights: "q8_0" }, { context: 512, cacheType: "q8_0" }, { context: 256 }] as const;
  for (const options of choices) {
    using runtime = runtimeOf(room);
    const { model } = await loadModel(runtime, folder("F32"), { plugins, ...options });
    model.newCache(1, model.config.context);
  }
  // Without a context nothing is known of caches: newCache says itself what there is no room for.
  using runtime = runtimeOf(Math.ceil(model / 65536 + 2) * 65536);
  const loaded = await loadModel(runtime, folder("F32"), { plugins });
  assertThrows(() => loaded.model.newCache(8), RangeError, "Cannot reserve");
});

Deno.test("both a smaller type and a shorter context are advised where it takes both", async () => {
  const least = needs("q4_0", 128), room = Math.ceil((least.model + least.cache) / 65536 + 1) * 65536;
  const message = await refusal(room, { context: 512, weights: "q8_0" });
  const sizes = formatBytes(least.model + least.cache);
  assert(message.endsWith(`it would fit with weights in q4_0 and a context of 128 (${sizes})`), message);
});

Deno.test("a parameter beyond the largest buffer is refused by name, with what makes it smaller", () => {
  const backend = referenceBackend(), { memory } = backend;
  const limited = (largest: number): Runtime => {
    const pool: MemoryPool = {
      largest,
      name: "a GPU",
      reserve: (bytes) => memory.reserve(bytes),
      release: (region) => memory.release(region),
      get used() {
        return memory.used;
      },
      get available() {
        return memory.available;
      },
    };
    return new Runtime({ ...backend, memory: pool });
  };
  const tied = { ...config, tied: true, position: "rope" } as const, most = "one of the adapter's buffers holds";
  const error = (largest: number) => assertThrows(() => createModel(limited(largest), tied), RangeError).message;
  const { bytes } = describeModel(tied, { weights: "q8_0" });
  const message = error(4 * MIB);
  assert(message.startsWith("Cannot build the model: its embedding.weight takes 8.0 MiB of "), message);
  assert(
    message.endsWith(
      `expected at most the 4.0 MiB that ${most}; it would fit with weights in q8_0 (${formatBytes(bytes)})`,
    ),
    message,
  );
  assert(error(MIB).endsWith(`${most}; it would not fit with weights in q8_0 or q4_0 and a shorter context either`));
  backend.close();
});
