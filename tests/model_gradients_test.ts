/** Gradients of whole models: PyTorch's, and laws that any model obeys. */
import { createGradients } from "../model/gradients.ts";
import { createModel, type Model } from "../model/decoder.ts";
import { loadModel } from "../model/checkpoint.ts";
import { memorySource } from "../model/source.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { assertClose, assertSameBits, fixtures, goldenModels, hasFixture, readJson, variants } from "./support.ts";

/** Inputs and targets: each token predicts the next, the last of a row nothing. */
function nextTokens(rows: readonly number[][]): { inputs: number[]; targets: number[] } {
  return { inputs: rows.flat(), targets: rows.flatMap((row) => [...row.slice(1), -1]) };
}

for (const name of goldenModels) {
  const folder = new URL(`golden/${name}/`, fixtures);
  for (const variant of variants) {
    Deno.test({
      name: `${name}: loss and every gradient are PyTorch's on ${variant.name}`,
      ignore: !hasFixture(`golden/${name}/grads.safetensors`),
      async fn() {
        using runtime = await variant.open();
        const { model } = await loadModel(runtime, folder.pathname, { plugins: [huggingface] });
        // A file of gradients has the names of weights: it loads as a model, whose weights are the gradients.
        const read = (file: string) => Deno.readFileSync(new URL(file, folder));
        const source = memorySource({
          "config.json": read("config.json"),
          "model.safetensors": read("grads.safetensors"),
        });
        const { model: expected } = await loadModel(runtime, source, { plugins: [huggingface] });
        const { input_ids: rows } = readJson<{ input_ids: number[][] }>(new URL("inputs.json", folder));
        const meta = readJson<{ loss: number }>(new URL("meta.json", folder));

        using gradients = createGradients(model);
        const loss = await gradients.add(nextTokens(rows), { batch: rows.length });
        assert(Math.abs(loss - meta.loss) <= 1e-5, `loss ${loss}, expected ${meta.loss}`);
        assertEquals(gradients.params.map((p) => p.name), [...expected.params.keys()]);
        for (const { name, gradient } of gradients.params) {
          const [actual, wanted] = await Promise.all(
            [gradient, expected.params.get(name)!.tensor].map((t) => runtime.read(t)),
          );
          let error = 0, norm = 0, worst = 0;
          for (let i = 0; i < wanted.length; i++) {
            error += (actual[i] - wanted[i]) ** 2;
            norm += wanted[i] ** 2;
            worst = Math.max(worst, Math.abs(actual[i] - wanted[i]));
          }
          assert(Math.sqrt(error / norm) <= 1e-4 || worst <= 2e-6, `${name}: relative ${Math.sqrt(error / norm)}`);
        }
      },
    });
  }
}

const config = { vocab: 23, context: 12, dim: 16, depth: 2, heads: 4, attention: "multiQuery" } as const;
const rows = Array.from({ length: 4 }, (_, r) => Array.from({ length: 12 }, (_, i) => (r * 31 + i * 7) % 23));

async function gradientsOf(
  runtime: Runtime,
  model: Model,
  parts: number[][][],
  recompute = false,
): Promise<Float32Array<ArrayBuffer>[]> {
  using gradients = createGradients(model);
  const count = rows.flat().length - rows.length;
  for (const part of parts) await gradients.add(nextTokens(part), { batch: part.length, count, recompute });
  return Promise.all(gradients.params.map((p) => runtime.read(p.gradient)));
}

for (const variant of variants.slice(1)) {
  Deno.test(`small batches add up to the bits of a large one, and so do blocks run again, on ${variant.name}`, async () => {
    using runtime = await variant.open();
    using model = createModel(runtime, { ...config, feedForward: "gelu", norm: "layerNorm" });
    const whole = await gradientsOf(runtime, model, [rows]);
    const [parts, again] = [
      await gradientsOf(runtime, model, [rows.slice(0, 1), rows.slice(1)]),
      await gradientsOf(runtime, model, [rows], true),
    ];
    for (const [i, name] of [...model.params.keys()].entries()) {
      assertSameBits(again[i], whole[i], `${name} with blocks run again`);
      assertClose(parts[i], whole[i], 1e-7, `${name} of small batches`);
    }
  });
}

Deno.test("gradients have the same bits for 1 thread and 2", async () => {
  for (const [one, two] of [[1, 2], [3, 4]]) {
    const both: Float32Array<ArrayBuffer>[][] = [];
    for (const variant of [variants[one], variants[two]]) {
      using runtime = await variant.open();
      using model = createModel(runtime, { ...config, position: "learned" });
      both.push(await gradientsOf(runtime, model, [rows]));
    }
    both[0].forEach((values, i) => assertSameBits(both[1][i], values, `gradient ${i}`));
  }
});
