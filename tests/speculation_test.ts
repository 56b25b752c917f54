/** Speculation: what is proposed changes how fast tokens come, never which (greedy) or how often (sampling). */
import type { Sampler } from "../components/samplers/sampler.ts";
import type { ModelConfig } from "../model/config.ts";
import { createModel, type Model } from "../model/decoder.ts";
import { generate, generateBatch, type GenerateOptions } from "../model/generator.ts";
import type { Plugin } from "../model/plugin.ts";
import { acceptOrDraw, draftModel, lookup } from "../model/proposals.ts";
import { createRandom } from "../model/random.ts";
import { buildSamplers, distribution } from "../model/sampling.ts";
import type { Speculation, SpeculationPass } from "../model/speculation.ts";
import { createRuntime, type Runtime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "./assert.ts";
import { llama2cFiles } from "./checkpoint_files.ts";
import { finish, root, spawn } from "./processes.ts";
import { variants } from "./support.ts";
import { gpuVariants } from "./webgpu.ts";

const runtime = await createRuntime({ threads: 1 });
const base: ModelConfig = { vocab: 30, context: 64, dim: 16, depth: 2, heads: 4, tied: false };

interface Made {
  readonly ids: number[];
  readonly logprobs: number[];
  readonly end: string;
  readonly passes: SpeculationPass[];
}

async function collect(model: Model, prompt: readonly number[], options: GenerateOptions = {}): Promise<Made> {
  const ids: number[] = [], logprobs: number[] = [], passes: SpeculationPass[] = [];
  const tokens = generate(model, prompt, { onSpeculation: (pass) => passes.push(pass), ...options });
  for (;;) {
    const { done, value } = await tokens.next();
    if (done) return { ids, logprobs, end: value, passes };
    ids.push(value.id);
    logprobs.push(value.logprob);
  }
}

const sum = (passes: readonly SpeculationPass[], what: keyof SpeculationPass) =>
  passes.reduce((all, pass) => all + pass[what], 0);

// ---- greedy ---------------------------------------------------------------------------------------------------------

const configs: Record<string, Partial<ModelConfig>> = {
  plain: {},
  "windows of 3": { attention: { type: "multiHead", window: 3 } },
  "grouped heads, a window in every other block": {
    attention: [{ type: "groupedQuery", kvHeads: 2, window: 5 }, "groupedQuery"],
    depth: 3,
  },
  "multi-query, learned positions, layerNorm": { attention: "multiQuery", position: "learned", norm: "layerNorm" },
  "ALiBi, parallel blocks": { position: "alibi", block: "parallel" },
};
const prompts = [[4], [5, 17, 2, 9, 9], Array.from({ length: 23 }, (_, i) => i % 4 + 3), Array(40).fill(7)];

/** A model nudged towards a cycle, so that some proposals of lookup are right and some are not. */
const cycles: Plugin = {
  name: "cycles",
  logits: (logits, { tokens }) => void (logits[(3 * tokens.at(-1)! + tokens.length % 2) % 30] += 0.3),
};

/** Drafts of every quality: text that occurred before, the model itself, random weights, and nearly the model. */
function drafts(on: Runtime, config: ModelConfig, model: Model): (readonly [string, Speculation["draft"], Model?])[] {
  const random = createModel(on, { ...base, depth: 1, heads: 2 }, { seed: 9 });
  const short = createModel(on, { ...config, context: 32 }, { seed: 1, plugins: [cycles] });
  return [
    ["lookup", "lookup"],
    ["itself", model],
    ["random weights", random, random],
    ["a shorter context", short, short],
  ];
}

for (const [name, change] of Object.entries(configs)) {
  Deno.test(`greedy ids are those of plain generation, whoever proposes: ${name}`, async () => {
    for (const { open } of [variants[0], variants[1], variants[4]]) {
      using on = await open();
      const config: ModelConfig = { ...base, ...change };
      using model = createModel(on, config, { seed: 1, plugins: [cycles] });
      const total = { proposed: 0, accepted: 0 };
      const proposers = drafts(on, config, model);
      for (const prompt of prompts) {
        const plain = await collect(model, prompt, { samplers: ["greedy"] });
        assertEquals(plain.ids.length, 64 - prompt.length);
        for (const [who, draft] of proposers) {
          for (const count of [1, 4, 7]) {
            const ahead = await collect(model, prompt, { samplers: ["greedy"], speculation: { draft, count } });
            assertEquals(ahead.ids, plain.ids, `${who}, ${count} at once`);
            assertEquals([ahead.end, ahead.logprobs], [plain.end, plain.logprobs]);
            total.proposed += sum(ahead.passes, "proposed");
            total.accepted += sum(ahead.passes, "accepted");
          }
        }
      }
      assert(total.accepted > 100 && total.proposed - total.accepted > 100, JSON.stringify(total)); // both happen
      for (const [, , own] of proposers) own?.close();
    }
  });
}

Deno.test("samplers and plugins see the logits and tokens of plain generation, bit for bit, once for each token", async () => {
  const seen: (readonly [number[], number[], number])[] = [];
  const watching: Plugin = {
    name: "watching",
    logits: (logits, { tokens, promptLength }) => void seen.push([[...logits], [...tokens], promptLength]),
    step: ({ step, tokens }) => void seen.push([[step], tokens as number[], -1]),
  };
  for (const change of Object.values(configs)) {
    using model = createModel(runtime, { ...base, ...change }, { seed: 1, plugins: [watching] });
    using draft = createModel(runtime, { ...base, depth: 1 }, { seed: 2 });
    const samplers = [{ type: "repetition", last: 6 }, "greedy"] as const;
    const plain = (await collect(model, prompts[2], { samplers }), seen.splice(0));
    for (const kind of ["lookup", draft] as const) {
      await collect(model, prompts[2], { samplers, speculation: { draft: kind } });
      assertEquals(seen.splice(0), plain);
    }
  }
});

Deno.test("a draft that equals the model is accepted whole", async () => {
  using model = createModel(runtime, base, { seed: 1 });
  using twin = createModel(runtime, base, { seed: 1 });
  for (const samplers of [["greedy"], [{ type: "temperature", value: 1.3 }, { type: "topK", k: 9 }]] as const) {
    const { ids, passes } = await collect(model, [4, 2], {
      samplers,
      maxTokens: 25,
      speculation: { draft: twin, count: 5 },
    });
    assertEquals(ids.length, 25); // 1 after the prompt, then 5 proposals and 1 more each pass
    assertEquals(passes, Array(4).fill({ proposed: 5, accepted: 5 }));
  }
});

// ---- sampling -------------------------------------------------------------------------------------------------------

/** The upper tail of chi-square, by Wilson and Hilferty's cube root, good to a few percent far out. */
function tail(statistic: number, freedom: number): number {
  const s = 2 / (9 * freedom), z = ((statistic / freedom) ** (1 / 3) - 1 + s) / Math.sqrt(s);
  // Abramowitz and Stegun 26.2.17
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const p = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * poly;
  return z > 0 ? p : 1 - p;
}

/** How likely counts are at least this far from `expected` shares; kinds below 5 expected draws are one kind. */
function likelihood(counts: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>, n: number): number {
  for (const key of counts.keys()) assert((expected.get(key) ?? 0) > 0, `${key} was drawn, and has no probability`);
  let statistic = 0, kinds = 0, rare = 0, rareCount = 0;
  for (const [key, share] of expected) {
    const mean = share * n, count = counts.get(key) ?? 0;
    if (mean < 5) rare += mean, rareCount += count;
    else statistic += (count - mean) ** 2 / mean, kinds++;
  }
  if (rare >= 5) statistic += (rareCount - rare) ** 2 / rare, kinds++;
  assert(kinds > 3, `${kinds} kinds are too few to say anything`);
  return tail(statistic, kinds - 1);
}

/** Probabilities of the next `length` tokens by the chain rule, from forward passes that know no cache. */
async function exact(
  model: Model,
  prompt: readonly number[],
  samplers: readonly Sampler[],
  length: number,
): Promise<Map<string, number>> {
  let texts = new Map([["", 1]]);
  for (let i = 0; i < length; i++) {
    const longer = new Map<string, number>();
    for (const [text, share] of texts) {
      const tokens = [...prompt, ...text.split(" ").filter(Boolean).map(Number)];
      const logits = await model.runtime.scope(() => model.runtime.read(model.forward(tokens, { last: true })));
      const state = { tokens, promptLength: prompt.length };
      for (const plugin of model.plugins) plugin.logits?.(logits, state);
      for (const sampler of samplers) sampler.apply(logits, state);
      distribution(logits).forEach((p, id) => p && longer.set(`${text} ${id}`.trim(), share * p));
    }
    texts = longer;
  }
  return texts;
}

/** Even ids are likelier right after a 3, so the logits that are sampled from depend on tokens. */
const leaning: Plugin = {
  name: "leaning",
  logits: (logits, { tokens }) => void (tokens.at(-1) === 3 && logits.forEach((v, i) => logits[i] = v + (i + 1) % 2)),
};
const vocab = 8, small: ModelConfig = { vocab, context: 80, dim: 8, depth: 1, heads: 2, tied: false, init: "t5" };
const target = createModel(runtime, { ...small, depth: 2 }, { seed: 5, plugins: [leaning] });
const other = createModel(runtime, small, { seed: 8 });
/** All pairs of tokens occur, each once and as the end of no other: lookup has a proposal after any token. */
const pairs = [3, 0];
for (let next; (next = freshAfter(pairs)) !== undefined;) pairs.push(next);

function freshAfter(tokens: readonly number[]): number | undefined {
  const last = tokens.at(-1)!, known = new Set(tokens.flatMap((id, i) => tokens[i - 1] === last ? [id] : []));
  return Array.from({ length: vocab }, (_, i) => (last + vocab - i) % vocab).find((id) => !known.has(id));
}

const chains: Record<string, NonNullable<GenerateOptions["samplers"]>> = {
  "no samplers": [],
  "temperature, repetition, topK": [
    { type: "temperature", value: 1.5 },
    { type: "repetition", penalty: 1.5, last: 3 },
    { type: "topK", k: 6 },
  ],
  minP: [{ type: "minP", p: 0.1 }],
};

for (const [chain, samplers] of Object.entries(chains)) {
  for (const [who, draft] of [["lookup", "lookup"], ["a poor draft model", other]] as const) {
    Deno.test(`tokens sampled with ${who} have the model's distribution: ${chain}`, async () => {
      // The first token is drawn without proposals, those after it with.
      const prompt = pairs, draws = 4000, counts = [1, 2, 3].map(() => new Map<string, number>());
      const passes: SpeculationPass[] = [];
      for (let seed = 0; seed < draws; seed++) {
        const made = await collect(target, prompt, { samplers, seed, maxTokens: 4, speculation: { draft, count: 2 } });
        passes.push(...made.passes);
        const seen = [made.ids.slice(0, 1), made.ids.slice(0, 2), made.ids.slice(1, 4)].map((ids) => ids.join(" "));
        seen.forEach((key, i) => counts[i].set(key, (counts[i].get(key) ?? 0) + 1));
      }
      const built = buildSamplers(samplers, vocab), four = await exact(target, prompt, built, 4);
      const last = new Map<string, number>();
      for (const [text, share] of four) {
        const key = text.split(" ").slice(1).join(" ");
        last.set(key, (last.get(key) ?? 0) + share);
      }
      const expected = [await exact(target, prompt, built, 1), await exact(target, prompt, built, 2), last];
      const likely = expected.map((shares, i) => likelihood(counts[i], shares, draws));
      console.log(`p = ${likely.map((p) => p.toFixed(3)).join(", ")} of tokens 1, 1–2, 2–4`);
      for (const p of likely) assert(p > 1e-4, `p = ${p}`);
      const [proposed, accepted] = [sum(passes, "proposed"), sum(passes, "accepted")];
      console.log(`${accepted} of ${proposed} accepted`);
      assert(accepted > 200 && proposed - accepted > 200, `${accepted} of ${proposed}`);
    });
  }
}

Deno.test("acceptOrDraw() accepts as often as two distributions overlap, and is a draw from the first", () => {
  const logits = Float32Array.of(1, 0.5, -Infinity, 2, -1), p = distribution(logits);
  const odds = Float64Array.of(0.1, 0.3, 0.3, 0.2, 0.1), random = createRandom(3, "test"), n = 20_000;
  const counts = new Map<string, number>();
  let kept = 0;
  for (let i = 0; i < n; i++) {
    let u = random(), id = 0;
    while ((u -= odds[id]) >= 0 && id < 4) id++;
    const chosen = acceptOrDraw({ id, odds })(logits, random);
    counts.set(`${chosen}`, (counts.get(`${chosen}`) ?? 0) + 1);
    if (chosen === id) kept++;
  }
  assert(likelihood(counts, new Map([...p].map((share, i) => [`${i}`, share])), n) > 1e-4, JSON.stringify([...counts]));
  const overlap = p.reduce((all, share, i) => all + Math.min(share, odds[i]), 0);
  assert(Math.abs(kept / n - overlap) < 4 * Math.sqrt(overlap * (1 - overlap) / n), `${kept / n}, not ${overlap}`);
});

Deno.test("with lookup, a seed gives the tokens that it gives without", async () => {
  const samplers = [{ type: "temperature", value: 0.5 }] as const;
  const passes: SpeculationPass[] = [];
  for (let seed = 0; seed < 40; seed++) {
    const plain = await collect(target, pairs, { samplers, seed, top: 2 });
    const ahead = await collect(target, pairs, { samplers, seed, top: 2, speculation: { draft: "lookup" } });
    assertEquals([ahead.ids, ahead.logprobs, ahead.end], [plain.ids, plain.logprobs, plain.end]);
    passes.push(...ahead.passes);
  }
  assert(sum(passes, "accepted") > 20, `${sum(passes, "accepted")} accepted`);
});

// ---- proposals ------------------------------------------------------------------------------------------------------

Deno.test("lookup proposes what followed the longest, then the latest, occurrence of the last tokens", async () => {
  const propose = async (tokens: number[], count: number) => (await lookup().propose(tokens, count)).map((p) => p.id);
  assertEquals(await propose([1, 2, 3, 4, 1, 2], 2), [3, 4]);
  assertEquals(await propose([1, 2, 3, 9, 1, 2, 4, 9, 1, 2], 2), [4, 9]); // the latest
  assertEquals(await propose([7, 1, 2, 3, 9, 1, 2, 4, 7, 1, 2], 2), [3, 9]); // the longest
  assertEquals(await propose([5, 6, 5, 6, 5], 4), [6, 5, 6, 5]); // copied from the copy
  assertEquals(await propose([8, 8, 8], 3), [8, 8, 8]);
  assertEquals(await propose([1, 2, 3, 2], 3), []); // one token in common says too little
  assertEquals(await propose([1], 3), []);
  assertEquals(await propose([1, 2, 1, 2], 0), []);
});

Deno.test("after a rejection a draft model proposes what one would that never proposed it", async () => {
  for (const change of Object.values(configs)) {
    using model = createModel(runtime, { ...base, ...change }, { seed: 1 });
    const open = () =>
      draftModel(model, {
        length: 40,
        promptLength: 3,
        samplers: buildSamplers(["greedy"], 30),
        random: () => 0,
        prefill: 2,
        rest: () => Promise.resolve(),
      });
    using draft = open();
    const tokens = [4, 2, 9];
    for (const accepted of [2, 0, 4, 1, 0, 4, 3]) {
      using fresh = open();
      const proposals = await draft.propose(tokens, 4);
      assertEquals(proposals, await fresh.propose(tokens, 4));
      assertEquals(proposals.length, 4);
      tokens.push(...proposals.slice(0, accepted).map((p) => p.id), 11);
    }
    assertEquals([(await draft.propose(Array(38).fill(1), 9)).length, (await draft.propose(tokens, 0)).length], [3, 0]);
    assertEquals((await draft.propose(Array(41).fill(1), 9)).length, 0); // its cache ends before
  }
});

// ---- how it ends ----------------------------------------------------------------------------------------------------

Deno.test("stop ids, maxTokens, the context and top end and describe a text as they do without speculation", async () => {
  using model = createModel(runtime, base, { seed: 1, plugins: [cycles] });
  const samplers = ["greedy"] as const, prompt = prompts[2];
  for (const draft of ["lookup", model] as const) {
    const all = await collect(model, prompt, { samplers });
    for (const options of [{ stopIds: [all.ids[9]] }, { maxTokens: 0 }, { maxTokens: 1 }, { maxTokens: 6 }, {}]) {
      const plain = await collect(model, prompt, { samplers, ...options });
      const ahead = await collect(model, prompt, { samplers, ...options, speculation: { draft } });
      assertEquals([ahead.ids, ahead.end], [plain.ids, plain.end]);
    }
    const rows = [];
    for (const speculation of [undefined, { draft }]) {
      const tokens = [];
      const options = { samplers, top: 3, maxTokens: 12, prefill: 5, ...(speculation && { speculation }) };
      for await (const token of generate(model, prompt, options)) tokens.push(token);
      rows.push(tokens);
    }
    assertEquals(rows[1], rows[0]);
    assertEquals(rows[1][0].top.length, 3);
  }
});

Deno.test("passes are told once each, and never propose beyond what may be generated", async () => {
  using model = createModel(runtime, base, { seed: 1 });
  for (const [maxTokens, proposed] of [[2, []], [3, [1]], [7, [5]], [8, [5]], [9, [5, 1]]] as const) {
    const { ids, passes } = await collect(model, [4, 2], { maxTokens, speculation: { draft: model, count: 5 } });
    assertEquals([ids.length, passes], [maxTokens, proposed.map((n) => ({ proposed: n, accepted: n }))]);
  }
  const passes: SpeculationPass[] = [];
  const options: GenerateOptions = {
    speculation: { draft: model, count: 5 },
    onSpeculation: (pass) => passes.push(pass),
  };
  let seen = 0;
  for await (const _ of generate(model, [4, 2], options)) if (++seen === 4) break;
  assertEquals(passes, [{ proposed: 5, accepted: 3 }]); // whoever leaves took the first and 3 of the pass
});

Deno.test("signal and onPrefill work with speculation, and memory comes back", async () => {
  using model = createModel(runtime, base, { seed: 1 });
  using draft = createModel(runtime, { ...base, depth: 1 }, { seed: 2 });
  const before = runtime.backend.memory.used;
  for (const kind of ["lookup", draft] as const) {
    const abort = new AbortController(), made: number[] = [], prefills: number[][] = [];
    const options: GenerateOptions = {
      signal: abort.signal,
      speculation: { draft: kind },
      prefill: 10,
      onPrefill: (...args) => prefills.push(args),
    };
    await assertRejects(
      async () => {
        for await (const { id } of generate(model, prompts[2], options)) {
          if (made.push(id) === 3) abort.abort(new Error("enough"));
        }
      },
      Error,
      "enough",
    );
    assertEquals([made.length, prefills], [3, [[10, 23], [20, 23], [23, 23]]]);
    assertEquals(runtime.backend.memory.used, before);
  }
});

Deno.test("a cache that was lent holds what was chosen, and serves the next text", async () => {
  using model = createModel(runtime, base, { seed: 1, plugins: [cycles] });
  using other = createModel(runtime, base, { seed: 2 });
  const samplers = ["greedy"] as const;
  for (const draft of ["lookup", other, model] as const) {
    for (const leave of [3, 4, 5, 6, 9]) {
      using cache = model.newCache();
      const ids: number[] = [];
      const options = { samplers, maxTokens: 9, cache, speculation: { draft } };
      for await (const { id } of generate(model, prompts[2], options)) if (ids.push(id) === leave) break;
      const said = [...prompts[2], ...ids];
      assertEquals(cache.ids, [said.slice(0, -1)]);
      const next = await collect(model, [...said, 5], { samplers, cache, speculation: { draft } });
      const plain = await collect(model, [...said, 5], { samplers });
      assertEquals([next.ids, next.logprobs, next.end], [plain.ids, plain.logprobs, plain.end]);
    }
  }
});

Deno.test("what cannot be honoured is refused", async () => {
  using model = createModel(runtime, base);
  using foreign = createModel(runtime, { ...base, vocab: 31 });
  const run = (speculation: unknown) => () =>
    collect(model, [1], { speculation: speculation as Speculation, maxTokens: 3 });
  await assertRejects(
    run({ draft: foreign }),
    TypeError,
    "Cannot speculate with a draft of 31 tokens: the model has 30, expected the same vocabulary",
  );
  await assertRejects(
    run({ draft: "lookahead" }),
    TypeError,
    'Cannot speculate with draft "lookahead", expected "lookup" or a model',
  );
  await assertRejects(
    run({ draft: "lookup", count: 0 }),
    RangeError,
    "Cannot speculate: count is 0, expected a whole number from 1",
  );
  await assertRejects(
    () => generateBatch(model, [[1], [2]], { speculation: { draft: "lookup" } }).next(),
    RangeError,
    "Cannot speculate for 2 prompts at once, expected one",
  );
});

// ---- the command ----------------------------------------------------------------------------------------------------

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
for (const [name, bytes] of Object.entries(llama2cFiles([16, 24, 1, 2, 1, 13, 40]))) {
  await Deno.writeFile(`${folder}/${name}`, bytes);
}
// A model with random weights would end its text anywhere.
await Deno.writeTextFile(
  `${folder}/endless.ts`,
  `export const endless = { name: "endless", logits: (l: Float32Array) => void (l[1] = l[2] = -Infinity) };`,
);

Deno.test("generate.ts --speculate gives the same text, and --stats and --json say what was accepted", async () => {
  const run = async (...args: string[]) => await finish(spawn(`${root}generate.ts`, folder, args));
  const story = ["--prompt", "Tom, Tom, Tom, Tom", "--temperature", "0", "--max-tokens", "40"];
  const own = [
    "--model",
    `${folder}/model.bin`,
    "--use",
    "./endless.ts",
    "--prompt",
    "ab",
    "--seed",
    "4",
    "--max-tokens",
    "12",
    "--json",
  ];
  const [plain, ahead, drafted, foreign, nowhere] = await Promise.all([
    run(...story),
    run(...story, "--speculate", "lookup", "--stats"),
    run(...own, "--speculate", `${folder}/model.bin`),
    run(...story, "--speculate", `${folder}/model.bin`),
    run(...story, "--speculate", `${folder}/none.bin`),
  ]);
  assertEquals([plain.code, ahead.code, drafted.code, foreign.code, nowhere.code], [0, 0, 0, 1, 1], drafted.err);
  assertEquals(ahead.out, plain.out);
  assertMatch(ahead.err, /\nspeculation: \d+ of [1-9]\d* proposed tokens accepted, \d\.\d\d tokens a pass\n/);
  const { proposed, accepted, tokens } = JSON.parse(drafted.out.trim().split("\n").at(-1)!);
  assertEquals(proposed, accepted);
  assertEquals([tokens, accepted], [12, 8]); // 1, then 3 + 1, 3 + 1 and 2 + 1
  assertStringIncludes(foreign.err, "Cannot speculate with a draft of 13 tokens: the model has 1536");
  assertStringIncludes(nowhere.err, "none.bin");
});

for (const { name, open } of gpuVariants) {
  Deno.test(`greedy ids on ${name} are those of plain generation there`, async () => {
    using on = await open();
    // Without a plugin that changes logits, plain generation leaves the choice to the device.
    for (
      const [change, plugins] of [["windows of 3", []], ["grouped heads, a window in every other block", [
        cycles,
      ]]] as const
    ) {
      const config: ModelConfig = { ...base, ...configs[change] };
      using model = createModel(on, config, { seed: 1, plugins });
      const plain = await collect(model, prompts[2], { samplers: ["greedy"] });
      for (const [who, draft, own] of drafts(on, config, model)) {
        const ahead = await collect(model, prompts[2], { samplers: ["greedy"], speculation: { draft } });
        assertEquals(ahead.ids, plain.ids, who);
        own?.close();
      }
    }
  });
}
