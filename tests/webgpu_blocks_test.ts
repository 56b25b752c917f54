/** Weights in blocks on WebGPU, which takes activations in f32: the reference's numbers, in one binding or several. */
import { createModel, type ModelConfig, Runtime } from "../mod.ts";
import { referenceBackend } from "../runtime/backend.ts";
import { assert, assertEquals } from "./assert.ts";
import { blockTensor, blockTypes, gatherCases, productCases } from "./block_cases.ts";
import { assertClose, assertSameBits, uniformTensor } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

/** A runtime on the reference, with the activations of WebGPU. */
function reference(): Runtime {
  return new Runtime(referenceBackend({ activations: "f32" }));
}

for (const type of blockTypes) {
  for (const maximumBinding of [undefined, 393216]) {
    const cut = maximumBinding ? ", in several bindings" : "";
    Deno.test({
      name: `${type} on WebGPU gives the reference's numbers${cut}`,
      ignore: !hasWebgpu,
      async fn() {
        using rt = await webgpuRuntime(maximumBinding ? { maximumBinding } : {}), oracle = reference();
        for (const opCase of [...productCases(type), ...gatherCases(type)]) {
          const [actual, expected] = await Promise.all([rt, oracle].map((r) => r.scope(() => r.read(opCase.run(r)))));
          assertClose(actual, expected, opCase.tolerance, opCase.name);
        }
        // Tiles of all sizes; four panels to a workgroup. With small bindings, weights that exceed one.
        const tiles = [[1, 40, 8200], [3, 40, 600], [64, 40, 600], [640, 32, 640], [1300, 16, 1290]];
        for (const [m, k, n] of maximumBinding ? [[1, 400, 1536], [9, 400, 1536]] : tiles) {
          const [actual, expected] = await Promise.all(
            [rt, oracle].map((r) =>
              r.scope(() => r.read(r.ops.matmul(uniformTensor(r, [m, k], 1), blockTensor(r, type, [n, k], 2))))
            ),
          );
          assertClose(actual, expected, 2e-5, `${m}×${k}×${n}`);
        }
      },
    });

    Deno.test({
      name: `${type} on WebGPU is read back, at once and in pieces${cut}`,
      ignore: !hasWebgpu,
      async fn() {
        using rt = await webgpuRuntime(maximumBinding ? { maximumBinding } : {}), oracle = reference();
        for (const shape of [[5, 3], [700, 70], [5000, 150]]) {
          const [t, truth] = [rt, oracle].map((r) => blockTensor(r, type, shape, 5)),
            expected = await oracle.read(truth);
          assertClose(await rt.read(t), expected, 1e-6, `${shape}`);
          const pieces: number[] = [];
          for await (const piece of rt.pieces(t)) for (const value of piece) pieces.push(value);
          assertSameBits(Float32Array.from(pieces), await rt.read(t), `${shape} in pieces`);
        }
      },
    });
  }

  Deno.test({
    name: `a model in ${type} has the reference's logits on WebGPU, alone and cached`,
    ignore: !hasWebgpu,
    async fn() {
      using rt = await webgpuRuntime(), oracle = reference();
      const config: ModelConfig = { vocab: 50, context: 32, dim: 40, depth: 2, heads: 2, tied: false };
      const logits = await Promise.all([rt, oracle].map(async (r) => {
        using model = createModel(r, config, { seed: 3, weights: type });
        assertEquals(model.params.get("embedding.weight")!.tensor.dtype, type);
        using cache = model.newCache();
        const [first, then] = r.scope(() => {
          const prompt = model.forward([1, 2, 3, 4, 5], { cache, start: 0 }),
            next = model.forward([6], { cache, start: 5 });
          return [r.read(prompt), r.read(next)];
        });
        return [...await first, ...await then];
      }));
      assert(logits[1].some((v) => Math.abs(v) > 0.1));
      assertClose(logits[0], logits[1], 2e-5, "logits");
    },
  });
}
