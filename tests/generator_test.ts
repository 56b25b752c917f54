import type { Component } from "../components/component.ts";
import { createModel, type Model } from "../model/decoder.ts";
import { generate, generateBatch, type GenerateOptions } from "../model/generator.ts";
import type { Plugin } from "../model/plugin.ts";
import { generateText } from "../model/text.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { textStream } from "../model/tokenizer.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";

const runtime = await createRuntime({ threads: 1 });
const model = createModel(runtime, { vocab: 40, context: 32, dim: 16, depth: 2, heads: 4, tied: false }, { seed: 3 });
const prompt = [5, 17, 2];

async function collect(from: Model, ids: number[], options: GenerateOptions): Promise<{ ids: number[]; end: string }> {
  const tokens = generate(from, ids, options), made: number[] = [];
  for (;;) {
    const { done, value } = await tokens.next();
    if (done) return { ids: made, end: value };
    made.push(value.id);
  }
}

Deno.test("generate() gives the same tokens for the same seed and others for another", async () => {
  const [a, b, c] = await Promise.all([1, 1, 2].map((seed) => collect(model, prompt, { seed, maxTokens: 20 })));
  assertEquals(a, b);
  assert(String(a.ids) !== String(c.ids));
  assertEquals([a.ids.length, a.end], [20, "length"]);
});

Deno.test("generate() does not depend on the pieces in which the prompt is run", async () => {
  const long = Array.from({ length: 13 }, (_, i) => i * 7 % 40);
  const whole = await collect(model, long, { maxTokens: 9 });
  for (const prefill of [1, 4, 5, 13]) assertEquals(await collect(model, long, { maxTokens: 9, prefill }), whole);
});

Deno.test("generate() continues with the greedy choice of forward()", async () => {
  const { ids } = await collect(model, prompt, { samplers: ["greedy"], maxTokens: 8 });
  const tokens = [...prompt];
  for (const id of ids) {
    const logits = await runtime.scope(() => runtime.read(model.forward(tokens, { last: true })));
    assertEquals(id, logits.indexOf(logits.reduce((a, b) => Math.max(a, b))));
    tokens.push(id);
  }
});

Deno.test("generate() says why it ended", async () => {
  const { ids } = await collect(model, prompt, { maxTokens: 6 });
  assertEquals(await collect(model, prompt, { stopIds: [ids[2]] }), {
    ids: ids.slice(0, ids.indexOf(ids[2])),
    end: "stop",
  });
  assertEquals((await collect(model, prompt, {})).end, "context");
  assertEquals((await collect(model, prompt, {})).ids.length, 29);
  assertEquals(await collect(model, prompt, { maxTokens: 0 }), { ids: [], end: "length" });
});

Deno.test("generate() throws the reason of an aborted signal and frees its cache", async () => {
  const before = runtime.backend.memory.used, abort = new AbortController(), made: number[] = [];
  await assertRejects(
    async () => {
      for await (const { id } of generate(model, prompt, { signal: abort.signal })) {
        if (made.push(id) === 3) abort.abort(new Error("enough"));
      }
    },
    Error,
    "enough",
  );
  assertEquals(made.length, 3);
  assertEquals(runtime.backend.memory.used, before);
  for await (const _ of generate(model, prompt)) break; // leaving the loop frees it too
  assertEquals(runtime.backend.memory.used, before);
});

Deno.test("generate() serves timers while it computes", async () => {
  const big = createModel(runtime, { vocab: 4000, context: 2000, dim: 64, depth: 2, heads: 4 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await collect(big, prompt, { maxTokens: 1500, samplers: ["greedy"] });
  clearInterval(timer);
  big.close();
  assert(ticks > 1, `the timer ran ${ticks} times`);
});

Deno.test("generateBatch() gives each prompt what it gets alone", async () => {
  const prompts = [[5, 17, 2], [1, 1, 9], [30, 2, 2]], options = { maxTokens: 8, samplers: ["greedy"] } as const;
  const rows: number[][] = prompts.map(() => []);
  for await (const step of generateBatch(model, prompts, options)) step.forEach((t, i) => t && rows[i].push(t.id));
  for (const [i, p] of prompts.entries()) assertEquals(rows[i], (await collect(model, p, options)).ids);
});

Deno.test("generateBatch() leaves out rows that have ended and goes on with the rest", async () => {
  const prompts = [[5, 17, 2], [1, 1, 9]],
    first = (await collect(model, prompts[0], { samplers: ["greedy"], maxTokens: 6 })).ids;
  const other = (await collect(model, prompts[1], { samplers: ["greedy"], maxTokens: 6 })).ids;
  const stop = first.find((id, i) => i > 0 && !other.includes(id) && first.indexOf(id) === i)!;
  const steps = generateBatch(model, prompts, { samplers: ["greedy"], stopIds: [stop], maxTokens: 6 }),
    rows: number[][] = [[], []];
  for (;;) {
    const { done, value } = await steps.next();
    if (done) {
      assertEquals(value, ["stop", "length"]);
      break;
    }
    value.forEach((t, i) => t && rows[i].push(t.id));
  }
  assertEquals(rows, [first.slice(0, first.indexOf(stop)), other]);
});

Deno.test("generate() refuses prompts and options that it cannot honour", async () => {
  const run = (ids: number[], options: GenerateOptions = {}) => () => collect(model, ids, options);
  await assertRejects(run([]), RangeError, "Cannot generate after 0 tokens: the context is 32, expected 1 … 31");
  await assertRejects(run(Array(32).fill(1)), RangeError, "Cannot generate after 32 tokens");
  await assertRejects(
    run([40]),
    RangeError,
    "Cannot embed index 0: current value is 40, expected a whole number below 40",
  );
  await assertRejects(run([1], { maxTokens: -1 }), RangeError, "maxTokens is -1, expected a whole number from 0");
  await assertRejects(run([1], { prefill: 0 }), RangeError, "prefill is 0, expected a whole number from 1");
  await assertRejects(run([1], { top: 0.5 }), RangeError, "top is 0.5");
  await assertRejects(run([1], { seed: 0.5 }), RangeError, "Cannot use seed 0.5, expected a whole number");
  await assertRejects(
    () => generateBatch(model, [[1], [1, 2]]).next(),
    RangeError,
    "Cannot generate for prompts of lengths 1, 2, expected one length",
  );
});

Deno.test("plugins see logits before samplers, and each step", async () => {
  const steps: unknown[] = [];
  const only: Plugin = {
    name: "only seven",
    logits(logits, { tokens }) {
      assertEquals(tokens.slice(0, 3), prompt);
      logits.fill(-Infinity);
      logits[7] = 0;
    },
    step: (event) => void steps.push(event),
  };
  const own = createModel(runtime, model.config as never, { plugins: [only] });
  assertEquals((await collect(own, prompt, { maxTokens: 3 })).ids, [7, 7, 7]);
  assertEquals(steps, [1, 2, 3].map((step) => ({ step, tokens: [7] })));
  const failing: Plugin = {
    name: "clumsy",
    step() {
      throw new RangeError("tripped");
    },
  };
  const unlucky = createModel(runtime, model.config as never, { plugins: [failing] });
  await assertRejects(() => collect(unlucky, prompt, {}), RangeError, 'Plugin "clumsy" failed in step: tripped');
});

Deno.test("a sampler of one's own joins the chain", async () => {
  const odd: Component<"sampler", "oddOnly", Record<never, never>> = {
    slot: "sampler",
    type: "oddOnly",
    options: {},
    build: () => ({ apply: (logits) => logits.forEach((_, i) => i % 2 || (logits[i] = -Infinity)) }),
  };
  const ids = [];
  for await (const { id } of generate(model, prompt, { samplers: ["oddOnly"], components: [odd], maxTokens: 15 })) {
    ids.push(id);
  }
  assert(ids.length === 15 && ids.every((id) => id % 2 === 1), String(ids));
});

// ---- text -----------------------------------------------------------------------------------------------------------

/** One id for each byte. */
const bytes: Tokenizer = {
  vocab: 256,
  stopIds: [],
  encode: (text) => [...new TextEncoder().encode(text)],
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
};

/** A model that says `text`, whatever its weights are. */
function parrot(text: string): Model {
  const says = bytes.encode(text);
  const speak: Plugin = {
    name: "parrot",
    logits(logits, { tokens, promptLength }) {
      logits.fill(-Infinity);
      logits[says[tokens.length - promptLength] ?? 10] = 0;
    },
  };
  return createModel(runtime, { vocab: 256, context: 64, dim: 8, depth: 1, heads: 1 }, { plugins: [speak] });
}

async function say(
  text: string,
  options: Parameters<typeof generateText>[3] = {},
): Promise<{ pieces: string[]; end: string }> {
  const from = parrot(text),
    stream = generateText(from, bytes, "> ", { maxTokens: bytes.encode(text).length, ...options });
  const pieces: string[] = [];
  for (;;) {
    const { done, value } = await stream.next();
    if (done) {
      from.close();
      return { pieces, end: value };
    }
    pieces.push(value.text);
  }
}

Deno.test("generateText() gives whole characters, as soon as they are whole", async () => {
  assertEquals((await say("né🍕!")).pieces, ["n", "", "é", "", "", "", "🍕", "!"]);
  assertEquals((await say("x".repeat(3))).pieces.join(""), "xxx");
});

Deno.test("generateText() gives bytes that never become a character as U+FFFD", async () => {
  const { pieces } = await say("ab", { maxTokens: 2 });
  assertEquals(pieces.join(""), "ab");
  const stream = textStream(bytes, [65]);
  assertEquals(stream.push(0xf0) + stream.push(0x9f) + stream.flush(), "\ufffd");
});

Deno.test("generateText() ends before a stop text, wherever its pieces fall", async () => {
  for (const stop of [["END"], ["D", "END"], ["zzz", "END"]]) {
    const { pieces, end } = await say("one END two", { stop });
    assertEquals([pieces.join(""), end], ["one ", "stop"]); // the text that begins first
  }
  const { pieces, end } = await say("one EN", { stop: ["END"] });
  assertEquals([pieces.join(""), end], ["one EN", "length"]);
  assertEquals((await say("aab", { stop: ["ab"] })).pieces.join(""), "a");
  await assertRejects(() => say("x", { stop: [""] }), RangeError, "Cannot stop at an empty text");
});
