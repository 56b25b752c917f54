import { loadModel } from "../model/checkpoint.ts";
import { createModel } from "../model/decoder.ts";
import { denoDisk } from "../model/disk.ts";
import { hashWeights, saveModel } from "../model/save.ts";
import { memorySink, type Sink } from "../model/sink.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { newestStep, saveStep } from "../model/steps.ts";
import { loadTrainingState, saveTrainingState } from "../model/training_state.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";
import { size, type Tensor } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { crashingDisk, inFolder, watchedDisk } from "./disks.ts";
import { assertSameBits, uniform, variants } from "./support.ts";

const runtime = await createRuntime({ threads: 1 });

/** Tensors as an optimizer keeps them: a matrix in panels, a vector, a scalar. */
function moments(rt: Runtime, seed: number): Map<string, Tensor> {
  const arena = rt.arena();
  const tensors = new Map([
    ["m.blocks.0.attention.q.weight", rt.place(arena, [13, 10], "panels")],
    ["m.norm.weight", rt.place(arena, [10])],
    ["t", rt.place(arena, [1])],
  ]);
  for (const tensor of tensors.values()) rt.write(tensor, uniform(size(tensor.shape), seed++));
  return tensors;
}
const info = { seed: 7, bestLoss: 1.25, options: { optimizer: { type: "adamW", betas: [0.9, 0.95] } }, data: "9f86" };

Deno.test("a training state comes back, bit for bit, on any backend", async () => {
  const sink = memorySink(), saved = moments(runtime, 1);
  await saveTrainingState(sink, { step: 120, info, tensors: saved }, runtime);
  sink.commit();
  assertEquals(Object.keys(sink.contents), ["training.safetensors", "training.json"]);
  for (const variant of variants) {
    using rt = await variant.open();
    const tensors = moments(rt, 50);
    assertEquals(await loadTrainingState(memorySource(sink.contents), tensors, rt), { step: 120, info });
    for (const [name, tensor] of tensors) {
      assertSameBits(await rt.read(tensor), await runtime.read(saved.get(name)!), `${name} on ${variant.name}`);
    }
  }
});

Deno.test("a state of another run is refused, and says what differs, before anything is changed", async () => {
  const sink = memorySink(), saved = moments(runtime, 1);
  await saveTrainingState(sink, { step: 3, info: {}, tensors: saved }, runtime);
  sink.commit();
  const refusal = async (change: (tensors: Map<string, Tensor>) => void, files: object = {}) => {
    const tensors = moments(runtime, 50), before = await runtime.read(tensors.get("t")!);
    change(tensors);
    const from = memorySource({ ...sink.contents, ...files });
    const error = await assertRejects(() => loadTrainingState(from, tensors, runtime), CheckpointError);
    if (tensors.has("t")) assertEquals(await runtime.read(tensors.get("t")!), before);
    return error.message;
  };
  const start = "Cannot resume from memory: ", end = "; expected the same tensors";
  assertEquals(await refusal((t) => t.delete("t")), `${start}it has t [1], this run has not${end}`);
  assertEquals(
    await refusal((t) => t.set("v.norm.weight", t.get("m.norm.weight")!)),
    `${start}it has no v.norm.weight [10]${end}`,
  );
  assertEquals(
    await refusal((t) => t.set("m.norm.weight", t.get("m.blocks.0.attention.q.weight")!)),
    `${start}its m.norm.weight is [10], this run's is [13, 10]${end}`,
  );
  assertEquals(
    await refusal((t) => "abcdef".split("").forEach((name) => t.set(name, t.get("m.norm.weight")!))),
    `${start}it has no a [10]; it has no b [10]; it has no c [10]; it has no d [10]; and 2 more${end}`,
  );
  const state = (value: object) => ({ "training.json": new TextEncoder().encode(JSON.stringify(value)) });
  const read = "Cannot read training.json: ", nothing = () => {};
  assertEquals(await refusal(nothing, state({ version: 2 })), `${read}version is 2, expected 1`);
  assertEquals(
    await refusal(nothing, state({ version: 1, step: -1, info })),
    `${read}step is -1, expected a whole number from 0`,
  );
  assertEquals(
    await refusal(nothing, state({ version: 1, step: 1, info: [] })),
    `${read}info is [], expected an object`,
  );
  const empty = loadTrainingState(memorySource({}), moments(runtime, 1), runtime);
  await assertRejects(() => empty, CheckpointError, `${start}it has no training.json`);
});

Deno.test("a state that JSON cannot hold is refused, not changed", async () => {
  const save = (step: number, info: object, tensors = new Map<string, Tensor>()) =>
    saveTrainingState(memorySink(), { step, info: info as never, tensors }, runtime);
  await assertRejects(
    () => save(1, { best: { loss: Infinity } }),
    TypeError,
    "Cannot save info.best.loss: it is Infinity, expected what JSON can hold",
  );
  await assertRejects(() => save(1, { hash: undefined }), TypeError, "Cannot save info.hash: it is undefined");
  await assertRejects(() => save(1, { seed: 3n }), TypeError, "Cannot save info.seed: it is 3");
  await assertRejects(() => save(0.5, {}), RangeError, "Cannot save step 0.5, expected a whole number from 0");
  const ids = runtime.indices("keep", [1, 2], 3);
  await assertRejects(() => save(1, {}, new Map([["ids", ids]])), TypeError, "its type is i32, expected f32");
});

// ---- a folder for each step -----------------------------------------------------------------------------------------

const write = (text: string) => (sink: Sink) => sink.write("state.txt", [new TextEncoder().encode(text)]);
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("saveStep() keeps the newest steps, and newestStep() finds them", () =>
  inFolder(async (folder) => {
    const run = `${folder}/run`;
    assertEquals(await saveStep(run, 5, write("five")), `${run}/step-00000005`);
    assertEquals(await newestStep(`${run}/`), `${run}/step-00000005`);
    await saveStep(run, 10, write("ten"), { keep: 2 });
    await saveStep(run, 15, write("fifteen"), { keep: 2 });
    assertEquals(names(run), ["newest.json", "step-00000010", "step-00000015"]);
    // A run that went back to an earlier step writes beside, never over what is pointed to.
    await saveStep(run, 15, write("again"), { keep: 2 });
    assertEquals(await newestStep(run), `${run}/step-00000015-2`);
    assertEquals(names(run), ["newest.json", "step-00000015", "step-00000015-2"]);
    await saveStep(run, 10, write("back"));
    assertEquals(names(run), ["newest.json", "step-00000010"]);
    assertEquals(Deno.readTextFileSync(`${run}/step-00000010/state.txt`), "back");
  }));

Deno.test("a step that fails leaves the one before, and no trace", () =>
  inFolder(async (folder) => {
    assertEquals(await newestStep(folder), undefined);
    await saveStep(folder, 1, write("one"));
    const failing = () => Promise.reject(new RangeError("no more memory"));
    await assertRejects(() => saveStep(folder, 2, failing), RangeError, "no more memory");
    assertEquals(names(folder), ["newest.json", "step-00000001"]);
    let created = 0;
    const disk = watchedDisk((what) => {
      if (what === "create" && ++created === 2) throw new Error("No space left on device (os error 28)");
    });
    await assertRejects(
      () => saveStep(folder, 2, write("two"), { disk }),
      CheckpointError,
      "newest.json: No space left",
    );
    assertEquals(names(folder), ["newest.json", "step-00000001"]);
    assertEquals(await newestStep(folder), `${folder}/step-00000001`);
    await assertRejects(() => saveStep(folder, -1, write("")), RangeError, "Cannot save step -1 and keep 1, expected");
    await assertRejects(() => saveStep(folder, 1, write(""), { keep: 0 }), RangeError, "Cannot save step 1 and keep 0");
    for (const steps of [["../secret"], [], "step-00000001"]) {
      Deno.writeTextFileSync(`${folder}/newest.json`, JSON.stringify({ steps }));
      await assertRejects(
        () => newestStep(folder),
        CheckpointError,
        `Cannot read newest.json: steps is ${JSON.stringify(steps)}, expected names of folders such as step-00000100`,
      );
    }
  }));

Deno.test("whatever is interrupted, the newest step is whole: model and state of the same step", () =>
  inFolder(async (folder) => {
    const plugins = [huggingface], sizes = { vocab: 7, context: 8, dim: 8, depth: 1, heads: 2 };
    const models = [1, 2].map((seed) => createModel(runtime, sizes, { seed }));
    const hashes = await Promise.all(models.map(hashWeights)), seen = new Set<number>();
    const save = (step: number, disk = denoDisk) =>
      saveStep(folder, step, async (sink) => {
        await saveModel(sink, models[step % 2], { plugins });
        await saveTrainingState(sink, { step, info: {}, tensors: moments(runtime, step) }, runtime);
      }, { disk });
    await save(100);
    for (let changes = 0;; changes++) {
      const disk = crashingDisk(changes);
      try {
        await save(101, disk);
      } catch (error) {
        assert(error instanceof CheckpointError, (error as Error).stack);
      }
      const newest = (await newestStep(folder))!, tensors = moments(runtime, 0);
      const { step } = await loadTrainingState(newest, tensors, runtime);
      using model = (await loadModel(runtime, newest, { plugins })).model;
      assertEquals(await hashWeights(model), hashes[step % 2]);
      assertEquals(await runtime.read(tensors.get("t")!), uniform(1, step + 2));
      seen.add(step);
      await save(100);
      assertEquals(names(folder).length, 2, names(folder).join());
      if (!disk.crashed) break;
    }
    assertEquals([...seen], [100, 101]);
  }));
