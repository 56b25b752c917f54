import { loadModel } from "../model/checkpoint.ts";
import { generate } from "../model/generator.ts";
import { openSource } from "../model/source.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { llama2c } from "../plugins/llama2c/mod.ts";
import { probe } from "../plugins/probe.ts";
import { generateText } from "../model/text.ts";
import type { Model } from "../model/decoder.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { fixtures, golden, goldenModels, hasFixture, readGolden, readJson, variants } from "./support.ts";
import { gpuVariants, hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const everywhere = [...variants, ...gpuVariants];

/** Largest absolute difference. */
function worst(actual: Float32Array, expected: ArrayLike<number>): number {
  assertEquals(actual.length, expected.length);
  return actual.reduce((max, v, i) => Math.max(max, Math.abs(v - expected[i])), 0);
}

async function greedyIds(model: Model, prompt: number[], maxTokens: number): Promise<number[]> {
  const ids = [];
  for await (const { id } of generate(model, prompt, { samplers: ["greedy"], maxTokens })) ids.push(id);
  return ids;
}

interface Meta {
  logits_f32_vs_f64_maxabs: number;
  hidden_f32_vs_f64_maxabs: Record<string, number>;
}

for (const name of goldenModels) {
  const folder = new URL(`${name}/`, golden);
  for (const variant of everywhere) {
    Deno.test(`${name}: logits, hidden states and greedy ids are PyTorch's on ${variant.name}`, async () => {
      using runtime = await variant.open();
      const seen = probe("blocks.*", "blocks.0.in", "norm");
      const { model } = await loadModel(runtime, folder.pathname, { plugins: [huggingface, seen] });
      const { input_ids: ids } = readJson<{ input_ids: number[][] }>(new URL("inputs.json", folder));
      const meta = readJson<Meta>(new URL("meta.json", folder));
      const expected = readGolden(new URL("expected.safetensors", folder));
      const logits = await runtime.scope(() => runtime.read(model.forward(ids.flat(), { batch: ids.length })));

      const limit = (error: number) => Math.max(5e-5, 5 * error);
      assert(worst(logits, expected.get("logits")!.values) <= limit(meta.logits_f32_vs_f64_maxabs), "logits");
      const layers = Array.from({ length: model.config.depth }, (_, i) => [`blocks.${i}`, `layer.${i}.out`]);
      for (const [path, file] of [["blocks.0.in", "embed.out"], ...layers, ["norm", "lm_head.in"]]) {
        const error = worst((await seen.get(path))!.values, expected.get(file)!.values);
        assert(error <= limit(meta.hidden_f32_vs_f64_maxabs[file]), `${file}: ${error}`);
      }
      const greedy = readJson<{ prompt_ids: number[]; tokens: number[] }>(new URL("greedy.json", folder));
      assertEquals(await greedyIds(model, greedy.prompt_ids, greedy.tokens.length), greedy.tokens);
    });
  }
}

for (const name of ["llama_mha", "llama_gqa", "llama3_rope", "gpt2"]) {
  Deno.test({
    name: `${name} with weights in f16 on WebGPU: half the memory, logits within 2e-2 of PyTorch's largest`,
    ignore: !hasWebgpu,
    async fn() {
      const folder = new URL(`${name}/`, golden);
      using half = await webgpuRuntime(), full = await variants[0].open();
      const { model } = await loadModel(half, folder.pathname, { plugins: [huggingface], weights: "f16" });
      const { model: rounded } = await loadModel(full, folder.pathname, { plugins: [huggingface] });
      assert(model.describe().parameterBytes < 0.6 * rounded.describe().parameterBytes);
      for (const [path, { tensor }] of rounded.params) {
        const stored = await half.read(model.params.get(path)!.tensor), exact = await full.read(tensor);
        assert(worst(stored, exact) <= 2 ** -11 * exact.reduce((top, v) => Math.max(top, Math.abs(v)), 0), path);
        full.write(tensor, stored);
      }
      const { input_ids: ids } = readJson<{ input_ids: number[][] }>(new URL("inputs.json", folder));
      const [logits, same] = await Promise.all(
        [model, rounded].map((m) =>
          m.runtime.scope(() => m.runtime.read(m.forward(ids.flat(), { batch: ids.length })))
        ),
      );
      // All of the error is that of the weights: rounded as here, they give the same anywhere.
      assert(worst(logits, same) <= 1e-4, `beside rounded weights in f32: ${worst(logits, same)}`);
      const expected = readGolden(new URL("expected.safetensors", folder)).get("logits")!.values;
      const distance = worst(logits, expected), top = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      console.log(`${name} in f16: logits of up to ${top.toFixed(1)} are off by ${distance.toExponential(1)}`);
      const error = distance / top;
      assert(error <= 2e-2 && error > 1e-6, `logits: ${error}`);
    },
  });
}

Deno.test("a config.json that transformers 5 wrote describes the same model", async () => {
  const { huggingfaceFormat } = await import("../plugins/huggingface/format.ts");
  for (const name of goldenModels) {
    const folder = new URL(`${name}/`, golden);
    using hub = openSource(folder.pathname);
    const renamed = { ...hub, read: hub.read, size: (file: string) => hub.size(own(file)) };
    const own = (file: string) => file === "config.json" ? "config.transformers5.json" : file;
    renamed.read = (file, offset, into) => hub.read(own(file), offset, into);
    const [old, current] = await Promise.all([huggingfaceFormat.open(hub), huggingfaceFormat.open(renamed)]);
    assertEquals(current.config, old.config);
  }
});

// ---- a real checkpoint ----------------------------------------------------------------------------------------------

interface StoryCase {
  prompt: string;
  prompt_ids: number[];
  next_ids: number[];
  stdout: string;
}

const stories = new URL("golden/llama2c_stories260K/", fixtures);
const storiesThere = hasFixture("real/stories260K/stories260K.bin") && hasFixture("golden/llama2c_stories260K");

/** The f32 values of an .npy file. */
function readNpy(url: URL): Float32Array {
  const file = Deno.readFileSync(url), header = new DataView(file.buffer).getUint16(8, true);
  return new Float32Array(file.buffer.slice(10 + header));
}

async function checkStories(runtime: Runtime, model: Model, encode?: (prompt: string) => number[]): Promise<void> {
  const { cases } = readJson<{ cases: StoryCase[] }>(new URL("greedy.json", stories));
  assertEquals(cases.length, 6);
  for (const [i, { prompt, prompt_ids, next_ids }] of cases.entries()) {
    if (encode) assertEquals(encode(prompt), prompt_ids);
    // next_ids[p] follows position p; inside the prompt it is the prompt's own next token.
    const made = await greedyIds(model, prompt_ids, next_ids.length - prompt_ids.length + 1);
    assertEquals([...prompt_ids.slice(1), ...made], next_ids, prompt);
    const inputs = [...prompt_ids, ...made].slice(0, next_ids.length);
    const logits = await runtime.scope(() => runtime.read(model.forward(inputs)));
    assert(worst(logits, readNpy(new URL(`logits_${i}.npy`, stories))) <= 1e-4, `logits after ${prompt}`);
  }
}

for (const variant of everywhere) {
  Deno.test({
    name: `stories260K.bin: 6 × 128 greedy ids, text and logits are llama2.c's on ${variant.name}`,
    ignore: !storiesThere,
    async fn() {
      using runtime = await variant.open();
      const path = new URL("real/stories260K/stories260K.bin", fixtures).pathname;
      const { model, checkpoint } = await loadModel(runtime, path, { plugins: [llama2c] });
      const tokenizer = (await checkpoint.tokenizer())!;
      await checkStories(runtime, model, tokenizer.encode);
      const { cases } = readJson<{ cases: StoryCase[] }>(new URL("greedy.json", stories));
      for (const { prompt, prompt_ids, next_ids, stdout } of cases) {
        let text = prompt.replace(/[^ -~]/gu, ""); // run.c prints nothing for characters without a piece
        const maxTokens = next_ids.length - prompt_ids.length + 1;
        for await (const piece of generateText(model, tokenizer, prompt, { samplers: ["greedy"], maxTokens })) {
          text += piece.text;
        }
        // run.c ends its output with a newline.
        assertEquals(text, stdout.replace(/\n$/, ""), prompt);
      }
    },
  });

  Deno.test({
    name: `stories260K.gguf gives the same ids, text and logits on ${variant.name}`,
    ignore: !storiesThere,
    async fn() {
      using runtime = await variant.open();
      const path = new URL("real/stories260K/stories260K.gguf", fixtures).pathname;
      const { model, checkpoint } = await loadModel(runtime, path, { plugins: [gguf] });
      const tokenizer = (await checkpoint.tokenizer())!;
      await checkStories(runtime, model, tokenizer.encode);
      const { cases } = readJson<{ cases: StoryCase[] }>(new URL("greedy.json", stories));
      for (const { prompt, prompt_ids, next_ids, stdout } of cases) {
        const text = tokenizer.decode([...prompt_ids.slice(0, 1), ...next_ids]);
        assertEquals(text.replace(/[^ -~\n]/gu, ""), stdout.replace(/\n$/, ""), prompt);
      }
    },
  });

  Deno.test({
    name: `stories260K under Hugging Face names gives the same on ${variant.name}`,
    ignore: !storiesThere,
    async fn() {
      using runtime = await variant.open();
      const read = (name: string) => Deno.readFileSync(new URL(name, stories));
      const { memorySource } = await import("../model/source.ts");
      const source = memorySource({
        "config.json": read("hf_config.json"),
        "model.safetensors": read("hf_model.safetensors"),
      });
      const { model } = await loadModel(runtime, source, { plugins: [huggingface] });
      await checkStories(runtime, model);
    },
  });
}

Deno.test({
  name: "tiny-random-gpt2, a hub folder as it is found, loads and gives PyTorch's logits and text",
  ignore: !hasFixture("real/tiny-random-gpt2"),
  async fn() {
    using runtime = await variants[3].open();
    const { model, checkpoint } = await loadModel(runtime, new URL("real/tiny-random-gpt2", fixtures).pathname, {
      plugins: [huggingface],
    });
    const { cases } = readJson<{ cases: { prompt: string; prompt_ids: number[]; tokens: number[] }[] }>(
      new URL("real/tiny-random-gpt2.json", fixtures),
    );
    const tokenizer = (await checkpoint.tokenizer())!;
    const expected = readGolden(new URL("real/tiny-random-gpt2.logits.safetensors", fixtures));
    for (const [i, { prompt, prompt_ids, tokens }] of cases.entries()) {
      assertEquals(tokenizer.encode(prompt), prompt_ids);
      assertEquals(await greedyIds(model, prompt_ids, tokens.length), tokens);
      const logits = await runtime.scope(() => runtime.read(model.forward(prompt_ids)));
      assert(worst(logits, expected.get(`logits_${i}`)!.values) <= 5e-5, `logits after ${prompt}`);
    }
    assertEquals(checkpoint.notes.length, 1);
  },
});
