/** Greedy generation whose tokens are chosen on the GPU, several at a time, beside the same on WebAssembly. */
import { createModel, type Model } from "../model/decoder.ts";
import { generate, generateBatch, type GenerateOptions } from "../model/generator.ts";
import type { GeneratedToken } from "../model/sampling.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const config = { vocab: 50, context: 120, dim: 32, depth: 2, heads: 4, tied: false } as const;
const prompt = [5, 17, 2, 33, 8], greedy = { samplers: ["greedy"] } as const;

/** The same model on both. */
async function both(f: (gpu: Model, here: Model) => Promise<void>): Promise<void> {
  using far = await webgpuRuntime(), near = await createRuntime({ threads: 1 });
  // Large weights, so that greedy text does not repeat itself at once.
  const make = (runtime: Runtime) =>
    createModel(runtime, { ...config, init: { type: "normal", std: 0.3 } }, { seed: 3 });
  await f(make(far), make(near));
}

async function collect(model: Model, ids: readonly number[], options: GenerateOptions): Promise<GeneratedToken[]> {
  const made: GeneratedToken[] = [];
  for await (const token of generate(model, ids, { ...greedy, ...options })) made.push(token);
  return made;
}

const idsOf = (tokens: readonly GeneratedToken[]) => tokens.map(({ id }) => id);

function test(name: string, f: (gpu: Model, here: Model) => Promise<void>): void {
  Deno.test({ name, ignore: !hasWebgpu, fn: () => both(f) });
}

test("tokens and log-probabilities are those of WebAssembly, however the prompt is run", async (gpu, here) => {
  const expected = await collect(here, prompt, {});
  assert(expected.length === 115 && new Set(idsOf(expected)).size > 5, `${idsOf(expected)}`);
  for (const prefill of [1, 2, 5, 512]) {
    const pieces: number[] = [];
    const made = await collect(gpu, prompt, { prefill, onPrefill: (done) => pieces.push(done) });
    assertEquals(idsOf(made), idsOf(expected));
    assert(made.every(({ logprob }, i) => Math.abs(logprob - expected[i].logprob) < 1e-4));
    assertEquals(pieces.at(-1), 5);
  }
});

test("a batch gives each prompt what it gets alone, and ends where its rows end", async (gpu, here) => {
  const prompts = [[5, 17, 2], [1, 1, 9], [30, 2, 2]], alone: number[][] = [];
  for (const p of prompts) alone.push(idsOf(await collect(here, p, { maxTokens: 20 })));
  const stop = alone[0].find((id, i) => i > 3 && alone[0].indexOf(id) === i)!;
  const rows: number[][] = prompts.map(() => []),
    steps = generateBatch(gpu, prompts, { ...greedy, maxTokens: 20, stopIds: [stop] });
  for await (const step of steps) step.forEach((t, i) => t && rows[i].push(t.id));
  assertEquals(rows, alone.map((ids) => ids.includes(stop) ? ids.slice(0, ids.indexOf(stop)) : ids));
});

test("a cache knows which tokens were chosen on the GPU, and goes on from them", async (gpu, here) => {
  using cache = gpu.newCache();
  const first = idsOf(await collect(gpu, prompt, { maxTokens: 21, cache }));
  // The last token was chosen and not run.
  assertEquals(cache.ids, [[...prompt, ...first.slice(0, -1)]]);
  let known = 0;
  const again = [...prompt, ...first, 7],
    options = { maxTokens: 9, cache, onPrefill: (done: number) => known ||= done };
  assertEquals(idsOf(await collect(gpu, again, options)), idsOf(await collect(here, again, { maxTokens: 9 })));
  assertEquals(known, 25);
});

test(
  "whoever leaves or aborts early leaves no memory behind, and a cache that can be gone on from",
  async (gpu, here) => {
    const { memory } = gpu.runtime.backend, before = memory.used;
    for await (const { id } of generate(gpu, prompt, greedy)) if (id >= 0) break;
    assertEquals(memory.used, before);
    using cache = gpu.newCache();
    const abort = new AbortController(), made: number[] = [];
    await assertRejects(
      async () => {
        for await (const { id } of generate(gpu, prompt, { ...greedy, cache, signal: abort.signal })) {
          if (made.push(id) === 6) abort.abort(new Error("enough"));
        }
      },
      Error,
      "enough",
    );
    const expected = idsOf(await collect(here, prompt, { maxTokens: 20 }));
    assertEquals(made, expected.slice(0, 6));
    assertEquals(idsOf(await collect(gpu, prompt, { maxTokens: 20, cache })), expected);
  },
);

test("logits that are not finite are an error, and samplers that draw read logits as ever", async (gpu, here) => {
  const drawn = { samplers: [{ type: "topK", k: 5 }], seed: 4, maxTokens: 12 } as const;
  assertEquals(idsOf(await collect(gpu, prompt, drawn)), idsOf(await collect(here, prompt, drawn)));
  gpu.runtime.write(gpu.params.get("norm.weight")!.tensor, new Float32Array(32).fill(NaN));
  await assertRejects(() => collect(gpu, prompt, {}), RangeError, "Cannot choose a token: the logits are not finite");
});
