import fc from "fast-check";
import { loadModel } from "../model/checkpoint.ts";
import { createModel } from "../model/decoder.ts";
import { saveModel } from "../model/save.ts";
import { memorySink } from "../model/sink.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { packedFormat } from "../plugins/embedded/format.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { type Files, llama2cFiles, llamaFolder, shardedFolder } from "./checkpoint_files.ts";
import { apply, damage } from "./damage.ts";
import { packedModel } from "./packed_files.ts";

/** A folder with a section of Tenon's own in its config.json. */
async function saved(config: object): Promise<Files> {
  using runtime = await createRuntime({ threads: 1 });
  const sizes = { vocab: 13, context: 16, dim: 8, depth: 2, heads: 2 }, sink = memorySink();
  await saveModel(sink, createModel(runtime, { ...sizes, ...config }), { plugins: [huggingface], stopIds: [1] });
  sink.commit();
  return sink.contents as Files;
}

const checkpoints: [name: string, files: Files, file?: string][] = [
  ["llama2.c", llama2cFiles(), "model.bin"],
  ["llama2.c, untied", llama2cFiles([8, 12, 2, 2, 2, -13, 16]), "model.bin"],
  [
    "Hugging Face folder",
    llamaFolder({
      rope_scaling: {
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 16,
      },
    }),
  ],
  ["sharded folder", shardedFolder()],
  ["saved Llama", await saved({})],
  ["saved model of no family", await saved({ block: "parallel", norm: ["layerNorm", "rmsNorm"], position: "alibi" })],
  ["packed model", { "small.packed": (await packedModel({ dim: 8 })).bytes }, "small.packed"],
];

const RUNS = 2000;

for (const [name, files, file] of checkpoints) {
  Deno.test(`${RUNS} damaged copies of a ${name} load, or give one clear line`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const packed = { name: "packed", checkpoints: [packedFormat] }, plugins = [llama2c, huggingface, packed];
    const used = runtime.backend.memory.used, ends = { loaded: 0, refused: 0 };
    const damaged = fc.record({
      file: fc.constantFrom(...Object.keys(files)),
      damages: fc.array(damage, { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(damaged, async ({ file: target, damages }) => {
        const broken = { ...files, [target]: damages.reduce(apply, files[target]) };
        try {
          const { model, checkpoint } = await loadModel(runtime, memorySource(broken, file), { plugins });
          try {
            await checkpoint.tokenizer();
            runtime.scope(() => model.forward([1]));
            ends.loaded++;
          } finally {
            model.close();
          }
        } catch (error) {
          assert(error instanceof CheckpointError || error instanceof RangeError, `${(error as Error).stack}`);
          assert(error.message.length > 20 && !error.message.includes("\n"), error.message);
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
