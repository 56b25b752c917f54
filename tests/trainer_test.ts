/** Training: PyTorch's, step by step, and what goes wrong. */
import { loadModel } from "../model/checkpoint.ts";
import { createModel } from "../model/decoder.ts";
import { memorySource } from "../model/source.ts";
import { createTrainer, evaluate, TrainingError } from "../model/trainer.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { fixtures, hasFixture, readJson, variants } from "./support.ts";
import { gpuVariants } from "./webgpu.ts";

interface Train20 {
  hyper: { betas: [number, number]; eps: number; weight_decay: number; clip_norm: number };
  lr: number[];
  batches: { input_ids: number[][] }[];
  loss: number[];
  grad_norm_before_clip: number[];
  noisy_params: Record<string, number>;
}

/** Each token predicts the next. */
const shifted = (rows: readonly number[][]) => ({
  inputs: rows.flat(),
  targets: rows.flatMap((row) => [...row.slice(1), -1]),
});

for (const name of ["llama_gqa", "gpt2"]) {
  const folder = new URL(`golden/${name}/`, fixtures);
  for (const variant of variants) {
    Deno.test({
      name: `${name}: 20 steps of AdamW are PyTorch's on ${variant.name}`,
      ignore: !hasFixture(`golden/${name}/train20.json`),
      async fn() {
        using runtime = await variant.open();
        const { model } = await loadModel(runtime, folder.pathname, { plugins: [huggingface] });
        const golden = readJson<Train20>(new URL("train20.json", folder)),
          { betas, eps, weight_decay, clip_norm } = golden.hyper;
        using trainer = createTrainer(model, {
          steps: 20,
          learningRate: 1,
          schedule: { at: (step) => golden.lr[step - 1] },
          optimizer: { type: "adamW", beta1: betas[0], beta2: betas[1], eps, decay: weight_decay },
          clip: clip_norm,
        });
        for (const [i, { input_ids }] of golden.batches.entries()) {
          const { loss, norm } = await trainer.train([shifted(input_ids)], input_ids.length);
          assert(
            Math.abs(loss - golden.loss[i]) <= 2e-4,
            `loss of step ${i + 1} is ${loss}, expected ${golden.loss[i]}`,
          );
          const expected = golden.grad_norm_before_clip[i];
          assert(Math.abs(norm / expected - 1) <= 5e-4, `norm of step ${i + 1} is ${norm}, expected ${expected}`);
        }
        const read = (file: string) => Deno.readFileSync(new URL(file, folder));
        const source = memorySource({
          "config.json": read("config.json"),
          "model.safetensors": read("train20.final.safetensors"),
        });
        const { model: final } = await loadModel(runtime, source, { plugins: [huggingface] });
        for (const [name, { tensor }] of model.params) {
          // Entries whose gradient is rounding noise are moved by Adam as far as any other; the golden file names them.
          if (/attention\.(q|k|v)\.bias$/.test(name)) continue;
          const [actual, wanted] = await Promise.all(
            [tensor, final.params.get(name)!.tensor].map((t) => runtime.read(t)),
          );
          const worst = actual.reduce((max, v, i) => Math.max(max, Math.abs(v - wanted[i])), 0);
          assert(worst <= 5e-4, `${name} is off by ${worst}`);
        }
      },
    });
  }
}

interface Shakespeare {
  hyper: { lr: number; min_lr: number; warmup: number; total: number; betas: [number, number]; eps: number } & {
    weight_decay: number;
    clip_norm: number;
    batch: number;
    block: number;
    steps: number;
  };
  vocab: string;
  train_offsets: number[][];
  val_offsets: number[];
  loss: number[];
  val_loss: number;
  config: Record<string, unknown>;
}

for (const variant of [variants[4], ...gpuVariants]) {
  Deno.test({
    name: `300 steps on tinyshakespeare follow PyTorch's losses on ${variant.name}`,
    ignore: !hasFixture("golden/train_shakespeare/train.json") || !hasFixture("text/tinyshakespeare.txt"),
    async fn() {
      const folder = new URL("golden/train_shakespeare/", fixtures);
      const golden = readJson<Shakespeare>(new URL("train.json", folder)), { hyper } = golden;
      const text = Deno.readTextFileSync(new URL("text/tinyshakespeare.txt", fixtures));
      const ids = Int32Array.from(text, (c) => golden.vocab.indexOf(c)), split = Math.floor(ids.length * 0.9);
      const windows = (offsets: number[]) => ({
        inputs: offsets.flatMap((at) => [...ids.subarray(at, at + hyper.block)]),
        targets: offsets.flatMap((at) => [...ids.subarray(at + 1, at + hyper.block + 1)]),
      });
      using runtime = await variant.open();
      const source = memorySource({
        "config.json": new TextEncoder().encode(JSON.stringify(golden.config)),
        "model.safetensors": Deno.readFileSync(new URL("init.safetensors", folder)),
      });
      const { model } = await loadModel(runtime, source, { plugins: [huggingface] });
      using trainer = createTrainer(model, {
        steps: hyper.total,
        learningRate: hyper.lr,
        schedule: {
          at(step) {
            const i = step - 1, { lr, min_lr, warmup, total } = hyper;
            if (i < warmup) return lr * (i + 1) / (warmup + 1);
            return min_lr + 0.5 * (lr - min_lr) * (1 + Math.cos(Math.PI * (i - warmup) / (total - warmup)));
          },
        },
        optimizer: {
          type: "adamW",
          beta1: hyper.betas[0],
          beta2: hyper.betas[1],
          eps: hyper.eps,
          decay: hyper.weight_decay,
        },
        clip: hyper.clip_norm,
      });
      let worst = 0;
      for (const [i, offsets] of golden.train_offsets.slice(0, hyper.steps).entries()) {
        const { loss } = await trainer.train([windows(offsets)], offsets.length);
        worst = Math.max(worst, Math.abs(loss - golden.loss[i]));
      }
      const validation = windows(golden.val_offsets.map((at) => split + at));
      const { loss } = await evaluate(model, [{ ...validation, batch: golden.val_offsets.length }]);
      console.log(`largest distance of a loss from PyTorch's: ${worst.toExponential(1)}`);
      assert(worst <= 2e-3, `a training loss is off by ${worst}`);
      assert(Math.abs(loss - golden.val_loss) <= 1e-3, `validation loss is ${loss}, expected ${golden.val_loss}`);
    },
  });
}

const tiny = { vocab: 7, context: 6, dim: 8, depth: 2, heads: 2 } as const;
const example = { inputs: [1, 2, 3], targets: [2, 3, 4] };

Deno.test("a number that is not finite stops training: step and layer are named, nothing is changed", async () => {
  using runtime = await variants[4].open();
  using model = createModel(runtime, tiny);
  using trainer = createTrainer(model, { steps: 5, learningRate: 1e-3 });
  await trainer.train([example], 1);
  const bad = model.params.get("blocks.1.norm2.weight")!.tensor;
  runtime.write(bad, new Float32Array(8).fill(NaN));
  const before = await runtime.read(model.params.get("embedding.weight")!.tensor);
  const error = await assertRejects(() => trainer.train([example], 1), TrainingError);
  assertEquals(
    error.message,
    "Cannot make step 2: the loss is NaN; blocks.1.norm2.weight is the first parameter that is not finite",
  );
  runtime.write(bad, new Float32Array(8).fill(3e38));
  const overflow = await assertRejects(() => trainer.train([example], 1), TrainingError);
  assertEquals(
    overflow.message,
    "Cannot make step 2: the loss is NaN; blocks.1 is the first layer whose output is not finite",
  );
  assertEquals([trainer.step, error.step], [1, 2]);
  assertEquals(await runtime.read(model.params.get("embedding.weight")!.tensor), before);
});

Deno.test("nothing to learn from is refused", async () => {
  using runtime = await variants[4].open();
  using model = createModel(runtime, tiny);
  using trainer = createTrainer(model, { steps: 5, learningRate: 1e-3 });
  const error = await assertRejects(() => trainer.train([{ inputs: [1], targets: [-1] }], 1), RangeError);
  assertEquals(error.message, "Cannot make step 1: no target counts, expected at least one");
});
