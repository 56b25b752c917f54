import fc from "fast-check";
import { byteSymbols } from "../components/tokenizers/byte_level.ts";
import { loadModel } from "../model/checkpoint.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { apply, damage } from "./damage.ts";
import {
  ggufFile,
  type GgufTensor,
  type Meta,
  piecesMetadata,
  plain,
  smallMetadata,
  smallTensors,
} from "./gguf_files.ts";

/** Besides the damage that every file gets: lengths, counts and offsets of 64 bits that are too large by little or much. */
const longer = fc.record({
  kind: fc.constant("length" as const),
  nth: fc.nat(10_000),
  value: fc.oneof(
    fc.bigInt(1n, 300n),
    fc.constantFrom(2n ** 20n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
  ),
});
type Longer = typeof longer extends fc.Arbitrary<infer T> ? T : never;

/** Where numbers of 64 bits may be that are not large: lengths, mostly. */
function lengthsOf(file: Uint8Array<ArrayBuffer>): number[] {
  const view = new DataView(file.buffer), end = Math.min(file.length - 8, 14_000);
  return Array.from({ length: end }, (_, at) => at).filter((at) => {
    const value = view.getBigUint64(at, true);
    return value > 0n && value < 2n ** 16n && file[at] !== 0;
  });
}

function enlarge(file: Uint8Array<ArrayBuffer>, { nth, value }: Longer): Uint8Array<ArrayBuffer> {
  const places = lengthsOf(file), copy = file.slice();
  if (places.length) new DataView(copy.buffer).setBigUint64(places[nth % places.length], value, true);
  return copy;
}

const merges = ["a b", "ab c"];
const byteLevel: Readonly<Record<string, Meta>> = {
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "llama-bpe",
  "tokenizer.ggml.tokens": [...byteSymbols, "ab", "abc", "<|eot_id|>"],
  "tokenizer.ggml.token_type": [...byteSymbols.map(() => 1), 1, 1, 3],
  "tokenizer.ggml.merges": merges,
  "tokenizer.ggml.bos_token_id": 258,
};

const files: [name: string, file: Uint8Array<ArrayBuffer>][] = [
  ["pieces", ggufFile({ ...smallMetadata, ...piecesMetadata(["\u2581", "a", "b", "ab"]) }, smallTensors(263))],
  [
    "byte-level tokens",
    ggufFile({ ...smallMetadata, ...byteLevel, "general.alignment": 32 }, {
      ...smallTensors(259),
      "rope_freqs.weight": plain([8], [1, 1, 1, 1, 8, 8, 8, 8]),
    }),
  ],
  ["fused products and two lists of factors", phi3File()],
  ["norms around sublayers", gemma2File()],
];

/** A Phi 3 with a chat template. */
function phi3File(): Uint8Array<ArrayBuffer> {
  const { "blk.0.attn_q.weight": q, "blk.0.attn_k.weight": k, "blk.0.attn_v.weight": v, ...rest } = smallTensors(259);
  const { "blk.0.ffn_gate.weight": gate, "blk.0.ffn_up.weight": up, ...others } = rest;
  const fused = (parts: readonly GgufTensor[], rows: number): GgufTensor => ({
    shape: [rows, 32],
    type: q.type,
    bytes: Uint8Array.from(parts.flatMap(({ bytes }) => [...bytes])),
  });
  const metadata = { ...ofArchitecture("phi3"), ...byteLevel, "tokenizer.chat_template": "{{ messages[0].content }}" };
  return ggufFile({ ...metadata, "phi3.rope.scaling.original_context_length": 8 }, {
    ...others,
    "blk.0.attn_qkv.weight": fused([q, k, v], 64),
    "blk.0.ffn_up.weight": fused([gate, up], 128),
    "rope_factors_short.weight": plain([8], [1, 1, 1, 1, 2, 2, 2, 2]),
    "rope_factors_long.weight": plain([8], [1, 1, 1, 1, 8, 8, 8, 8]),
  });
}

function gemma2File(): Uint8Array<ArrayBuffer> {
  const tensors = smallTensors(263), gain = tensors["blk.0.ffn_norm.weight"];
  const after = { "blk.0.post_attention_norm.weight": gain, "blk.0.post_ffw_norm.weight": gain };
  const fields = { "gemma2.attention.sliding_window": 4, "gemma2.final_logit_softcapping": 30 };
  const metadata = { ...ofArchitecture("gemma2"), ...fields, ...piecesMetadata(["\u2581", "a", "b", "ab"]) };
  return ggufFile(metadata, { ...tensors, ...after });
}

/** Metadata of the small Llama under another name. */
function ofArchitecture(name: string): Record<string, Meta> {
  const named = Object.entries(smallMetadata).map(([key, value]) => [key.replace("llama.", `${name}.`), value]);
  return { ...Object.fromEntries(named), "general.architecture": name };
}

const RUNS = 2000;

for (const [name, file] of files) {
  Deno.test(`${RUNS} damaged copies of a GGUF file with ${name} load, or give one clear line`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const used = runtime.backend.memory.used, ends = { loaded: 0, refused: 0 };
    const kinds = fc.oneof({ weight: 4, arbitrary: damage }, { weight: 1, arbitrary: longer });
    const damages = fc.array(kinds, { minLength: 1, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(damages, async (list) => {
        const broken = list.reduce((f, d) => d.kind === "length" ? enlarge(f, d) : apply(f, d), file);
        const memory = memorySource({ "m.gguf": broken }, "m.gguf"),
          source = {
            ...memory,
            read(name: string, offset: number, into: Uint8Array) {
              assert(into.length <= broken.length, `room for ${into.length} bytes of a file of ${broken.length}`);
              return memory.read(name, offset, into);
            },
          };
        try {
          const { model, checkpoint } = await loadModel(runtime, source, { plugins: [gguf], context: 16 });
          try {
            runtime.scope(() => model.forward([1]));
            const tokenizer = await checkpoint.tokenizer();
            const ids = tokenizer && encoded(() => tokenizer.encode("ab abc 12<|eot_id|>"));
            tokenizer?.decode([...ids ?? [], 300]);
            await checkpoint.chat!();
            ends.loaded++;
          } finally {
            model.close();
          }
        } catch (error) {
          assert(error instanceof CheckpointError, `${(error as Error).stack}`);
          assert(/^Cannot (read|load) m\.gguf: .{12,}, expected|^Cannot load /.test(error.message), error.message);
          assert(!error.message.includes("\n"), error.message);
          ends.refused++;
        }
        assertEquals(runtime.backend.memory.used - runtime.backend.scratch.bytes, used, "nothing is left behind");
      }),
      { seed: 7, numRuns: RUNS },
    );
    console.log(`${name}: ${ends.loaded} loaded, ${ends.refused} refused`);
    assert(ends.loaded > 0 && ends.refused > RUNS / 4);
  });
}

/** Ids; none where the damaged tokenizer says that it has no token for a byte. */
function encoded(encode: () => number[]): number[] {
  try {
    return encode();
  } catch (error) {
    assert(error instanceof RangeError && error.message.startsWith("Cannot encode "), `${(error as Error).stack}`);
    return [];
  }
}
