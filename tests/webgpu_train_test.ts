/** A training that is begun on one backend and goes on on another: its checkpoints are the same for all. */
import { parseFlags } from "../plugins/cli/flags.ts";
import { trainFlags } from "../plugins/cli/train_flags.ts";
import { openRun } from "../plugins/cli/train_open.ts";
import { assert, assertEquals } from "./assert.ts";
import { inFolder } from "./disks.ts";
import { story } from "./processes.ts";
import { assertClose } from "./support.ts";
import { hasWebgpu } from "./webgpu.ts";

/** Steps of a training, and those before it is interrupted. */
const STEPS = 20, FIRST = 10;

/** Makes steps of the training in `out` until there are `until`, and leaves a checkpoint. Their losses. */
async function trained(folder: string, out: string, until: number, ...flags: string[]): Promise<number[]> {
  const config = `${folder}/tiny.json`, text = `${folder}/story.txt`, losses: number[] = [];
  await Deno.writeTextFile(text, story(150));
  await Deno.writeTextFile(config, JSON.stringify({ context: 16, dim: 16, depth: 2, heads: 2 }));
  const given = parseFlags(
    ["--data", text, "--config", config, "--batch", "4", "--steps", `${STEPS}`, "--resume", ...flags],
    trainFlags,
  );
  const used = { components: [], plugins: [] };
  using run = await openRun(given, { out: `${folder}/${out}`, used, recompute: false, progress() {} });
  assert(run.model.runtime.backend.name.startsWith(given.backend ?? "wasm"));
  assertEquals(run.trainer.step, run.saved?.step ?? 0);
  while (run.trainer.step < until) {
    losses.push((await run.trainer.train(run.examples(run.trainer.step), run.plan.batch)).loss);
  }
  await run.save();
  return losses;
}

Deno.test({
  name: "a training begun on WASM goes on on WebGPU, and the other way round, as if nothing had been",
  ignore: !hasWebgpu,
  async fn() {
    await inFolder(async (folder) => {
      const whole = await trained(folder, "whole", STEPS);
      assert(whole[STEPS - 1] < whole[0] - 0.1, `it learns nothing: ${whole}`);
      for (const [first, second] of [["wasm", "webgpu"], ["webgpu", "wasm"]]) {
        const losses = [
          ...await trained(folder, first, FIRST, "--backend", first),
          ...await trained(folder, first, STEPS, "--backend", second),
        ];
        assertEquals(losses.length, STEPS);
        assertClose(losses, whole, 1e-3, `${first}, then ${second}`);
      }
    });
  },
});

Deno.test("a checkpoint says nothing of the backend that wrote it", async () => {
  await inFolder(async (folder) => {
    const whole = await trained(folder, "whole", 4);
    const losses = [
      ...await trained(folder, "parts", 2, "--backend", "reference"),
      ...await trained(folder, "parts", 4, "--backend", "wasm"),
    ];
    assertClose(losses, whole, 1e-5, "reference, then wasm");
    const state = (out: string) => {
      const states = `${folder}/${out}/state`, pointer = Deno.readTextFileSync(`${states}/newest.json`);
      const { steps: [newest] } = JSON.parse(pointer);
      return Deno.readTextFileSync(`${states}/${newest}/training.json`);
    };
    assertEquals(state("parts"), state("whole"));
  });
});
