/** Weights in blocks: GGML's numbers, products with them on every build, how they are loaded, read and refused. */
import fc from "fast-check";
import {
  type Activations,
  type BlockType,
  createGradients,
  createModel,
  createRuntime,
  freeze,
  loadModel,
  type ModelConfig,
  Runtime,
  saveModel,
  type StoredAs,
  type Tensor,
} from "../mod.ts";
import { memorySink } from "../model/sink.ts";
import { memorySource } from "../model/source.ts";
import { blockFormats, type BlockType as FileType } from "../model/quantized/blocks.ts";
import { quantizedTensor } from "../model/quantized/stored.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { referenceBackend } from "../runtime/backend.ts";
import { size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { F16, ggufFile, plain, Q4_0, smallMetadata, smallTensors } from "./gguf_files.ts";
import { gpuVariants } from "./webgpu.ts";
import { blockTensor, blockTypes, gatherCases, productCases } from "./block_cases.ts";
import {
  assertClose,
  assertSameBits,
  fixtures,
  golden,
  hasFixture,
  inPieces,
  readGolden,
  runtimeWith,
  uniform,
  uniformTensor,
  variants,
  wasmVariants,
} from "./support.ts";

const everyActivations = ["q8", "f32"] as const;
const vectors = readGolden(new URL("formats/ggml_quant_vectors.safetensors", golden));

/** A runtime on the reference. */
function reference(activations: Activations): Runtime {
  return new Runtime(referenceBackend({ activations }));
}

for (const type of blockTypes) {
  const fileType = type.toUpperCase() as FileType, format = blockFormats[fileType];
  const x = vectors.get("x")!, bytes = bytesOf(`${fileType}.bytes`);
  const dequantized = Float32Array.from(vectors.get(`${fileType}.dequant`)!.values);
  const readBytes = (raw: Uint8Array) => (at: number, into: Uint8Array<ArrayBufferLike>) =>
    into.set(raw.subarray(at, at + into.length));

  Deno.test(`f32 becomes the very numbers that ggml's quantisation to ${type} gives`, async () => {
    using rt = await createRuntime({ threads: 1 });
    const t = rt.place(rt.arena(), x.shape, "panels", type);
    rt.write(t, x.values);
    assertSameBits(await rt.read(t), dequantized, type);
  });

  Deno.test(`stored ${type} keeps its blocks, whatever else is stored is quantised, also if it is transposed`, async () => {
    using rt = await createRuntime({ threads: 1 });
    const load = async (read: (at: number, into: Uint8Array<ArrayBufferLike>) => void, stored: StoredAs) => {
      const t = rt.place(rt.arena(), x.shape, "panels", type);
      await rt.load(t, read, stored);
      return await rt.read(t);
    };
    const values = Float32Array.from(x.values), [n, k] = x.shape;
    const exact = quantizedTensor("", x.shape, format, readBytes(bytes));
    assertSameBits(await load(() => assert(false, "f32 was read"), exact), dequantized, "blocks");
    const written = (numbers: ArrayLike<number>) => {
      const t = rt.place(rt.arena(), x.shape, "panels", type);
      rt.write(t, numbers);
      return rt.read(t);
    };
    const other = quantizedTensor("", x.shape, blockFormats.Q6_K, readBytes(bytesOf("Q6_K.bytes")));
    const same = await written(vectors.get("Q6_K.dequant")!.values);
    assertSameBits(await load(other.read, other), same, "other blocks");
    const f32 = readBytes(new Uint8Array(values.buffer));
    assertSameBits(await load(f32, { dtype: "f32" }), dequantized, "f32");
    const across = Float32Array.from(values, (_, i) => values[i % n * k + Math.floor(i / n)]);
    const columns = readBytes(new Uint8Array(across.buffer));
    assertSameBits(await load(columns, { dtype: "f32", transposed: true }), dequantized, "transposed");
    const half = Float16Array.from(values), halves = readBytes(new Uint8Array(half.buffer));
    assertSameBits(await load(halves, { dtype: "f16" }), await written(half), "f16");
    const words = Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
    const cut = new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
    assertSameBits(await load(readBytes(new Uint8Array(words.buffer)), { dtype: "bf16" }), await written(cut), "bf16");
  });

  Deno.test(`${type} is read in pieces as it is at once, however its panels and blocks are filled up`, async () => {
    using rt = await createRuntime({ threads: 1 });
    for (const shape of [[1, 1], [13, 33], [8, 32], [700, 450]]) {
      const t = blockTensor(rt, type, shape, 3), whole = await rt.read(t), pieces: number[] = [];
      for await (const piece of rt.pieces(t)) for (const value of piece) pieces.push(value);
      assertSameBits(Float32Array.from(pieces), whole, `${shape}`);
      // Ten steps of 4 bits reach across a block.
      assertClose(whole, uniform(size(shape), 3), type === "q8_0" ? 0.01 : 0.25, `${shape}`);
    }
  });

  for (const activations of everyActivations) {
    for (const variant of wasmVariants) {
      Deno.test(`${type} by activations in ${activations} gives the reference's numbers on ${variant.name}`, async () => {
        using rt = await variant.open(activations), oracle = reference(activations);
        for (const opCase of [...productCases(type), ...gatherCases(type)]) {
          const [actual, expected] = await Promise.all([rt, oracle].map((r) => r.scope(() => r.read(opCase.run(r)))));
          assertClose(actual, expected, opCase.tolerance, opCase.name);
        }
      });
    }

    for (const simd of ["baseline", "relaxed"] as const) {
      Deno.test(`any split of products with ${type} by ${activations} gives the same bytes, ${simd}`, async () => {
        using whole = runtimeWith(simd, inPieces(Infinity), activations);
        for (const elements of [1, 2, 3, 5]) {
          using split = runtimeWith(simd, inPieces(elements), activations);
          for (const opCase of [...productCases(type), ...gatherCases(type)]) {
            const [actual, expected] = await Promise.all(
              [split, whole].map((r) => r.scope(() => r.read(opCase.run(r)))),
            );
            assertSameBits(actual, expected, `${opCase.name} in pieces of ${elements}`);
          }
        }
      });

      Deno.test(`a row alone has the bytes that it has among others: ${type} by ${activations}, ${simd}`, async () => {
        using rt = runtimeWith(simd, inPieces(Infinity), activations);
        for (const [m, k, n] of [[11, 70, 19], [7, 1100, 9]]) {
          const w = blockTensor(rt, type, [n, k], 1),
            x = uniformTensor(rt, [m, k], 2),
            bias = uniformTensor(rt, [n], 3);
          const all = await rt.read(rt.ops.matmul(x, w, bias));
          for (let first = 0; first < m; first++) {
            for (const count of [1, 2, 3, 4]) {
              if (first + count > m) continue;
              const some: Tensor = { ...x, ptr: x.ptr + 4 * first * k, shape: [count, k] };
              const actual = await rt.read(rt.ops.matmul(some, w, bias));
              assertSameBits(actual, all.slice(first * n, (first + count) * n), `rows ${first} … of ${m}×${k}×${n}`);
            }
          }
        }
      });
    }
  }

  Deno.test(`${type} by activations in f32 is the product with unpacked weights, bit for bit`, async () => {
    using rt = await createRuntime({ threads: 1, activations: "f32" });
    const sizes = (max: number) => fc.integer({ min: 1, max });
    await fc.assert(
      fc.asyncProperty(sizes(9), sizes(1100), sizes(20), async (m, k, n) => {
        const [actual, expected] = rt.scope(() => {
          const w = blockTensor(rt, type, [n, k], k), x = uniformTensor(rt, [m, k], m), rows = rt.temp([n, k]);
          rt.kernels.unpack(rows, w);
          return [rt.ops.matmul(x, w), rt.ops.matmul(x, rows)].map((t) => rt.read(t));
        });
        assertSameBits(await actual, await expected, `${m}×${k}×${n}`);
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  Deno.test(`a NaN among activations stays one, and ones too small for a scale are 0 by ${type}`, async () => {
    using rt = await createRuntime({ threads: 1 });
    const w = blockTensor(rt, type, [9, 40], 1),
      product = (x: number[]) => rt.read(rt.ops.matmul(rt.tensor([1, 40], x), w));
    assert((await product(Array.from({ length: 40 }, (_, i) => i === 35 ? NaN : 1))).every(Number.isNaN));
    assertEquals(await product(Array(40).fill(1e-32)), new Float32Array(9));
    assertEquals(await product(Array(40).fill(0)), new Float32Array(9));
  });

  Deno.test(`a model with weights in ${type} is described, run, saved as f32, and not trained`, async () => {
    using rt = await createRuntime({ threads: 1 });
    const config: ModelConfig = { vocab: 40, context: 16, dim: 24, depth: 2, heads: 2, tied: false };
    using model = createModel(rt, config, { weights: type, seed: 4 }), full = createModel(rt, config, { seed: 4 });
    const matrices = [...full.params.values()].filter(({ tensor }) => tensor.shape.length === 2);
    const blocks = matrices.reduce(
      (sum, { tensor: { shape: [n, k] } }) => sum + Math.ceil(n / 8) * Math.ceil(k / 32),
      0,
    );
    const vectors = [...full.params.values()].reduce(
      (sum, { tensor: t }) => t.shape.length === 1 ? sum + 4 * t.shape[0] : sum,
      0,
    );
    assertEquals(model.describe().parameterBytes, blocks * (type === "q8_0" ? 288 : 160) + vectors);
    assertEquals(model.params.get("embedding.weight")!.tensor.dtype, type);
    assertEquals(model.params.get("norm.weight")!.tensor.dtype, "f32");
    assertThrows(() => createGradients(model), TypeError, "expected weights in f32");

    const sink = memorySink();
    await saveModel(sink, model, { plugins: [huggingface] });
    sink.commit();
    const source = memorySource(sink.contents);
    const { model: again } = await loadModel(rt, source, { plugins: [huggingface] });
    for (const [name, { tensor }] of model.params) {
      assertSameBits(await rt.read(again.params.get(name)!.tensor), await rt.read(tensor), name);
    }
    // What was quantised once is so again without a change, where the scale is found again.
    const logits = (m: typeof model) => rt.scope(() => rt.read(m.forward([1, 2, 3])));
    const { model: blocksAgain } = await loadModel(rt, source, { plugins: [huggingface], weights: type });
    assertClose(
      await logits(blocksAgain),
      await logits(model),
      type === "q8_0" ? 2e-2 : 0.2,
      "logits of a saved model",
    );
    assertClose(await logits(model), await logits(again), 0.05, "activations in 8 bits");
  });

  Deno.test(`no gradient goes through weights in ${type}, even if they are frozen`, async () => {
    using rt = await createRuntime({ threads: 1 });
    using model = createModel(rt, { vocab: 9, context: 8, dim: 16, depth: 1, heads: 2 }, {
      weights: type,
      plugins: [freeze("**.weight"), freeze("embedding.weight"), {
        name: "thaw",
        param: (path, declaration) => ({ ...declaration, trainable: path === "blocks.0.norm1.weight" }),
      }],
    });
    using gradients = createGradients(model);
    assertEquals(gradients.params.map(({ name }) => name), ["blocks.0.norm1.weight"]);
    const error = await assertRejects(() => gradients.add({ inputs: [1, 2], targets: [2, 3] }), TypeError);
    assertEquals(error.message, `Cannot compute gradients through ${type} [16, 16] in panels, expected weights in f32`);
  });

  for (const activations of everyActivations) {
    Deno.test(`a cache, pieces of a prompt and threads change no bit of a model in ${type} by ${activations}`, async () => {
      const ids = Array.from({ length: 13 }, (_, i) => i * 7 % 30),
        config = { vocab: 30, context: 16, dim: 40, depth: 2, heads: 2 };
      const logits = async (rt: Runtime, cuts: readonly number[]) => {
        using model = createModel(rt, config, { seed: 2, weights: type });
        using cache = model.newCache();
        const parts = cuts.slice(1).map((end, i) =>
          rt.scope(() => rt.read(model.forward(ids.slice(cuts[i], end), { start: cuts[i], cache })))
        );
        return Float32Array.from((await Promise.all(parts)).flatMap((part) => [...part]));
      };
      using one = await createRuntime({ threads: 1, activations }), two = await wasmVariants[3].open(activations);
      const whole = await logits(one, [0, 13]);
      for (const cuts of [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], [0, 2, 5, 9, 13], [0, 12, 13]]) {
        assertSameBits(await logits(one, cuts), whole, `cut at ${cuts}`);
        assertSameBits(await logits(two, cuts), whole, `cut at ${cuts}, two threads`);
      }
    });
  }

  const file = `golden/formats/llama_gqa.${type}.gguf`;
  Deno.test({
    name: `a GGUF in ${type} keeps its numbers in blocks`,
    ignore: !hasFixture(file),
    async fn() {
      using rt = await createRuntime({ threads: 1 });
      const path = new URL(file, fixtures).pathname;
      const { model: full } = await loadModel(rt, path, { plugins: [gguf] });
      const { model } = await loadModel(rt, path, { plugins: [gguf], weights: type });
      let exact = 0;
      for (const [name, { tensor }] of model.params) {
        const [held, stated] = await Promise.all([rt.read(tensor), rt.read(full.params.get(name)!.tensor)]);
        // Rows that are not whole blocks are f32 in the file.
        if (tensor.dtype === type && tensor.shape[1] % 32 === 0) assertSameBits(held, stated, `${exact++} ${name}`);
        else assertClose(held, stated, 0.2, name);
      }
      assert(exact > 5, "nothing was in blocks");
    },
  });
}

for (const { name, open } of [variants[0], wasmVariants[3], ...gpuVariants]) {
  Deno.test(`matrices stay as a file has them, or as near as can be: weights "stored", ${name}`, async () => {
    const tensors = smallTensors(40),
      raw = (shape: readonly number[], type: number, block: number) => {
        const bytes = Uint8Array.from({ length: size(shape) / 32 * block }, (_, i) => i * i * 7 % 251);
        for (let at = 0; at < bytes.length; at += block) {
          new DataView(bytes.buffer).setFloat16(at, 0.01 + at / 2 ** 14, true);
        }
        return { shape, type, bytes };
      };
    const { shape } = tensors["blk.0.ffn_up.weight"], Q5_0 = 6;
    const halves = new Uint8Array(Float16Array.from(uniform(size(shape), 3)).buffer);
    tensors["blk.0.ffn_gate.weight"] = raw(shape, Q4_0, 18);
    tensors["blk.0.ffn_down.weight"] = raw([32, 64], Q5_0, 22);
    tensors["blk.0.ffn_up.weight"] = { shape, type: F16, bytes: halves };
    tensors["token_embd.weight"] = plain([40, 32], uniform(40 * 32, 9));
    const source = () => memorySource({ "m.gguf": ggufFile(smallMetadata, tensors) }, "m.gguf");
    using rt = await open();
    const { model: full } = await loadModel(rt, source(), { plugins: [gguf] });
    const { model } = await loadModel(rt, source(), { plugins: [gguf], weights: "stored" });
    const types = Object.fromEntries([...model.params].map(([path, { tensor }]) => [path, tensor.dtype]));
    assertEquals(types, {
      "embedding.weight": "f32",
      "blocks.0.norm1.weight": "f32",
      "blocks.0.attention.q.weight": "q8_0",
      "blocks.0.attention.k.weight": "q8_0",
      "blocks.0.attention.v.weight": "q8_0",
      "blocks.0.attention.out.weight": "q8_0",
      "blocks.0.norm2.weight": "f32",
      "blocks.0.feedForward.gate.weight": "q4_0",
      "blocks.0.feedForward.up.weight": name === "WebGPU" ? "f16" : "f32",
      "blocks.0.feedForward.down.weight": "q8_0", // Q5_0 has no kernel
      "norm.weight": "f32",
    });
    for (const [path, { tensor }] of model.params) {
      const [held, stated] = await Promise.all([rt.read(tensor), rt.read(full.params.get(path)!.tensor)]);
      if (path.endsWith("down.weight")) {
        assertClose(held, stated, Math.max(...stated.map(Math.abs)) / 250, path);
      } else assertSameBits(held, stated, path);
    }
  });
}

Deno.test("what a backend cannot store is refused before anything is read", async () => {
  using rt = await createRuntime({ threads: 1 });
  const config: ModelConfig = { vocab: 8, context: 4, dim: 8, depth: 1, heads: 1 };
  const message = "Cannot store weights in f16 on wasm relaxed, 1 thread, expected f32 or q8_0 or q4_0";
  assertThrows(() => createModel(rt, config, { weights: "f16" }), TypeError, message);
  await assertRejects(() => loadModel(rt, "/nowhere", { plugins: [], weights: "f16" }), TypeError, message);
  const other = "Cannot store weights in q2 on wasm relaxed, 1 thread, expected f32 or q8_0 or q4_0";
  assertThrows(() => createModel(rt, config, { weights: "q2" as BlockType }), TypeError, other);
  assertThrows(() => rt.temp([8, 32], "q8_0"), TypeError, "Cannot store [8, 32] as q8_0 in rows, expected panels");
  await assertRejects(
    () => createRuntime({ activations: "q4" as Activations }),
    TypeError,
    'Cannot take activations in "q4", expected "q8" or "f32"',
  );
});

/** Bytes of the golden file. */
function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(vectors.get(name)!.values);
}
